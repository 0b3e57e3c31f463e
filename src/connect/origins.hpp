#pragma once
#include <string_view>

namespace sluice::connect {

// The tasks that have carried a message in from outside, by their ids, oldest first, with commas
// between: a user property here, a header there. Their number is how often it came in.
// docs/adr/0047-sources.md
inline constexpr std::string_view kOrigins = "sluice-origins";

}  // namespace sluice::connect
