#pragma once
#include <string>
#include <string_view>

namespace sluice {

// Who counts as one peer where something is bounded per address: an IPv4 address, also in IPv6's
// clothes, or the /64 of an IPv6 address, because whoever has one address of it has them all. What
// is no address stays as it is.
[[nodiscard]] std::string peer_of(std::string_view address);

}  // namespace sluice
