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

// Who calls. What speaks HTTP finds something that obeys it on nearly every machine, this one
// among them, so that its networks are a list of their own.
enum class Caller : std::uint8_t { Connection, Http };

// The rule of this process, for every connection made from now on. Any thread.
void allow_networks(Caller caller, AllowedNetworks networks);

// The port at which this process takes requests of administrators: no caller gets there under any
// address of this machine. 0: there is none. Any thread.
void never_call_port(std::uint16_t administration);

// The rule which addresses may be called. Whoever calls an address that came from outside asks here
// with the very address it is about to connect to: what a name meant a moment ago is no answer.
// Errors: NotAuthorized, with a sentence for whoever set up the connection.
[[nodiscard]] Result<void> may_call(Caller caller, const sockaddr& address);

// The same for a host as people write it, in every spelling that the system reads as an address
// (2852039166, 0251.0376.1, ::ffff:10.0.0.1). A name passes, as it has no address yet; but for
// localhost at the port where this server is administered, which is no other's.
[[nodiscard]] Result<void> may_call_host(Caller caller, std::string_view host, std::uint16_t port);

}  // namespace sluice::io
