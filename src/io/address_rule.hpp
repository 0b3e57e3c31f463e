#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

struct sockaddr;

namespace sluice::io {

// Where an address lies, as `connect.allowed_networks` names it. Never: link-local, metadata
// services of clouds, multicast, 0.0.0.0, and what else is no address of a server. An IPv4 address
// in IPv6's clothes (mapped, NAT64, 6to4) lies where the IPv4 address does.
enum class Network : std::uint8_t { Loopback, Private, Public, Never };
[[nodiscard]] Network network_of(const sockaddr& address);

// What connections may reach; Never is never among it.
struct AllowedNetworks {
  bool loopback = true;
  bool priv = true;
  bool pub = true;
};
// The rule of this process, for every connection made from now on. Any thread.
void allow_networks(AllowedNetworks networks);

// The rule which addresses may be called. Whoever calls an address that came from outside asks here
// with the very address it is about to connect to: what a name meant a moment ago is no answer.
// Errors: NotAuthorized, with a sentence for whoever set up the connection.
[[nodiscard]] Result<void> may_call(const sockaddr& address);

// The same for a host as people write it, in every spelling that the system reads as an address
// (2852039166, 0251.0376.1, ::ffff:10.0.0.1). A name passes: it has no address yet.
[[nodiscard]] Result<void> may_call_host(std::string_view host);

}  // namespace sluice::io
