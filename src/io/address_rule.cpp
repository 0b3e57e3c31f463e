#include "io/address_rule.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

#include "base/ascii.hpp"
#include "base/descriptor.hpp"

namespace sluice::io {
namespace {

using V4 = std::uint32_t;
using V6 = std::array<std::uint8_t, 16>;

struct V4Range {
  V4 begin;
  int bits;
  Network network;
};

constexpr V4 v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// What is not here is public. RFC 6890, and the metadata services that lie outside 169.254.0.0/16.
constexpr std::array kV4 = {
    V4Range{v4(0, 0, 0, 0), 8, Network::Never},           // this machine, by another name
    V4Range{v4(100, 100, 100, 200), 32, Network::Never},  // metadata, Alibaba Cloud
    V4Range{v4(168, 63, 129, 16), 32, Network::Never},    // the host of a machine, Azure
    V4Range{v4(169, 254, 0, 0), 16, Network::Never},      // link-local, metadata
    V4Range{v4(192, 0, 0, 0), 24, Network::Never},  // protocol assignments, metadata of Oracle
    V4Range{v4(224, 0, 0, 0), 3, Network::Never},   // multicast, reserved, broadcast
    V4Range{v4(127, 0, 0, 0), 8, Network::Loopback},
    V4Range{v4(10, 0, 0, 0), 8, Network::Private},
    V4Range{v4(100, 64, 0, 0), 10, Network::Private},
    V4Range{v4(172, 16, 0, 0), 12, Network::Private},
    V4Range{v4(192, 168, 0, 0), 16, Network::Private},
    V4Range{v4(198, 18, 0, 0), 15, Network::Private},
};

struct V6Range {
  V6 begin;
  int bits;
  Network network;
};

constexpr std::array kV6 = {
    V6Range{{0xfd, 0x00, 0x0e, 0xc2}, 32, Network::Never},        // metadata, Amazon
    V6Range{{0xfd, 0x20, 0x00, 0xce}, 32, Network::Never},        // metadata, Google
    V6Range{{0xfe, 0x80}, 9, Network::Never},                     // link-local, site-local
    V6Range{{0xff}, 8, Network::Never},                           // multicast
    V6Range{{0x01, 0x00}, 64, Network::Never},                    // discard
    V6Range{{0x20, 0x01, 0x00, 0x00}, 32, Network::Never},        // Teredo: anywhere
    V6Range{{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, Network::Never},  // NAT64 of one's own: anywhere
    V6Range{{0xfc}, 7, Network::Private},
};

// Prefixes before an IPv4 address, and where it stands.
struct Clothes {
  V6 begin;
  int bits;
  std::size_t at;
};
constexpr std::array kClothes = {
    Clothes{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},  // mapped
    Clothes{{}, 96, 12},                                          // compatible, :: too
    Clothes{{0x00, 0x64, 0xff, 0x9b}, 96, 12},                    // NAT64
    Clothes{{0x20, 0x02}, 16, 2},                                 // 6to4
};

bool begins_with(const V6& address, const V6& begin, int bits) {
  for (int bit = 0; bit < bits; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const unsigned mask = 0x80U >> (bit % 8);
    if ((address[byte] & mask) != (begin[byte] & mask)) return false;
  }
  return true;
}

Network network_of(V4 address) {
  const auto* range = std::ranges::find_if(
      kV4, [&](const V4Range& entry) { return (address ^ entry.begin) >> (32 - entry.bits) == 0; });
  return range == kV4.end() ? Network::Public : range->network;
}

Network network_of(const V6& address) {
  V6 loopback{};
  loopback[15] = 1;
  if (address == loopback) return Network::Loopback;
  for (const auto& [begin, bits, at] : kClothes) {
    if (!begins_with(address, begin, bits)) continue;
    return network_of(v4(address[at], address[at + 1], address[at + 2], address[at + 3]));
  }
  const auto* range = std::ranges::find_if(
      kV6, [&](const V6Range& entry) { return begins_with(address, entry.begin, entry.bits); });
  return range == kV6.end() ? Network::Public : range->network;
}

constexpr unsigned bit_of(Network network) {
  return 1U << static_cast<unsigned>(network);
}

constexpr unsigned kAllNetworks =
    bit_of(Network::Loopback) | bit_of(Network::Private) | bit_of(Network::Public);

// Networks that a caller may reach.
struct Rules {
  std::atomic<unsigned> connection{kAllNetworks};
  std::atomic<unsigned> http{kAllNetworks};
  std::atomic<std::uint16_t> administration_port{0};

  std::atomic<unsigned>& of(Caller caller) { return caller == Caller::Http ? http : connection; }
};
Rules rules;

std::uint16_t port_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return ntohs(in.sin_port);
  }
  if (address.sa_family != AF_INET6) return 0;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  return ntohs(in.sin6_port);
}

// The system lets a socket be bound to its own addresses alone.
bool is_of_this_machine(const sockaddr& address) {
  const Descriptor probe(::socket(address.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage any_port{};
  const socklen_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(&any_port, &address, size);
  // Both families keep the port in the same place.
  reinterpret_cast<sockaddr_in&>(any_port).sin_port = 0;
  return probe.is_open() &&
         ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&any_port), size) == 0;
}

bool is_administration(const sockaddr& address) {
  const auto port = rules.administration_port.load(std::memory_order_relaxed);
  return port != 0 && port_of(address) == port && is_of_this_machine(address);
}

// RFC 6761: these names mean the machine itself, whoever resolves them.
bool is_localhost(std::string_view host) {
  auto name = ascii_lower(host);
  if (name.ends_with('.')) name.pop_back();
  return name == "localhost" || name.ends_with(".localhost");
}

tl::unexpected<Error> refuse_administration(const std::string& where) {
  return fail(Errc::NotAuthorized,
              where + " is where this server is administered, which is never called");
}

std::string text_of(const sockaddr& address) {
  std::array<char, NI_MAXHOST> text{};
  const socklen_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  getnameinfo(&address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

std::string_view name_of(Network network) {
  switch (network) {
    case Network::Loopback:
      return "loopback";
    case Network::Private:
      return "private";
    case Network::Public:
      return "public";
    case Network::Never:
      break;
  }
  return "";
}

}  // namespace

Network network_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return network_of(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return Network::Never;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  V6 bytes{};
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return network_of(bytes);
}

void allow_networks(Caller caller, AllowedNetworks networks) {
  unsigned bits = 0;
  if (networks.loopback) bits |= bit_of(Network::Loopback);
  if (networks.priv) bits |= bit_of(Network::Private);
  if (networks.pub) bits |= bit_of(Network::Public);
  rules.of(caller).store(bits, std::memory_order_relaxed);
}

void never_call_port(std::uint16_t administration) {
  rules.administration_port.store(administration, std::memory_order_relaxed);
}

Result<void> may_call(Caller caller, const sockaddr& address) {
  if (is_administration(address)) return refuse_administration(text_of(address));
  const auto network = network_of(address);
  if ((rules.of(caller).load(std::memory_order_relaxed) & bit_of(network)) != 0) return {};
  if (address.sa_family != AF_INET && address.sa_family != AF_INET6)
    return fail(Errc::NotAuthorized, "only IPv4 and IPv6 addresses are called");
  if (network == Network::Never)
    return fail(Errc::NotAuthorized, text_of(address) +
                                         " is a link-local, metadata or special address, which is "
                                         "never called");
  const auto* why = caller == Caller::Http
                        ? "`, which HTTP reaches only when the setting connect.allowed_networks is "
                          "given and names it"
                        : "`, which the setting connect.allowed_networks leaves out";
  return fail(Errc::NotAuthorized,
              text_of(address) + " lies in the network `" + std::string(name_of(network)) + why);
}

Result<void> may_call_host(Caller caller, std::string_view host, std::uint16_t port) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const auto service = std::to_string(port);
  if (is_localhost(host) && port != 0 &&
      port == rules.administration_port.load(std::memory_order_relaxed))
    return refuse_administration(std::string(host));
  if (getaddrinfo(std::string(host).c_str(), service.c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const auto* at = found; at != nullptr; at = at->ai_next)
    SL_TRY_VOID(may_call(caller, *at->ai_addr));
  return {};
}

}  // namespace sluice::io
