#include "base/peer.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>

namespace sluice {

std::string peer_of(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // without the scope
  in6_addr bytes{};
  if (inet_pton(AF_INET6, text.c_str(), &bytes) != 1) return std::string(address);
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
    inet_ntop(AF_INET, &bytes.s6_addr[12], out.data(), out.size());
    return out.data();
  }
  std::memset(&bytes.s6_addr[8], 0, 8);
  inet_ntop(AF_INET6, &bytes, out.data(), out.size());
  return std::string(out.data()) + "/64";
}

}  // namespace sluice
