#include <boost/asio/ip/address.hpp>

#include "broker/access/policy.hpp"

namespace sluice::broker {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned short kMappedBits = 96;  // of ::ffff:0:0/96

ip::address plain(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  Network made;
  boost::system::error_code error;
  if (text.find('/') == std::string_view::npos) {
    const auto parsed = ip::make_address(text, error);
    if (error) return std::nullopt;
    const auto address = plain(parsed);
    made.is_v4_ = address.is_v4();
    if (made.is_v4_) made.v4_ = ip::network_v4(address.to_v4(), 32);
    if (!made.is_v4_) made.v6_ = ip::network_v6(address.to_v6(), 128);
    return made;
  }
  made.v4_ = ip::make_network_v4(std::string(text), error);
  if (!error) {
    made.v4_ = made.v4_.canonical();
    return made;
  }
  error = {};
  made.is_v4_ = false;
  made.v6_ = ip::make_network_v6(std::string(text), error);
  if (error) return std::nullopt;
  const auto address = made.v6_.address();
  made.v6_ = made.v6_.canonical();
  if (!address.is_v4_mapped()) return made;
  // IPv4 in IPv6's clothes: a range of IPv4 is meant.
  if (made.v6_.prefix_length() < kMappedBits) return std::nullopt;
  made.is_v4_ = true;
  made.v4_ = ip::network_v4(ip::make_address_v4(ip::v4_mapped, address),
                            static_cast<unsigned short>(made.v6_.prefix_length() - kMappedBits))
                 .canonical();
  return made;
}

bool Network::contains(const ip::address& address) const {
  const auto seen = plain(address);
  if (seen.is_v4() != is_v4_) return false;
  if (is_v4_) {
    return ip::network_v4(seen.to_v4(), v4_.prefix_length()).canonical() == v4_;
  }
  auto without_scope = seen.to_v6();
  without_scope.scope_id(0);
  return ip::network_v6(without_scope, v6_.prefix_length()).canonical() == v6_;
}

// Ranges lie in each other or apart.
bool Network::may_meet(const Network& other) const {
  if (is_v4_ != other.is_v4_) return false;
  if (is_v4_) return contains(other.v4_.address()) || other.contains(v4_.address());
  return contains(other.v6_.address()) || other.contains(v6_.address());
}

}  // namespace sluice::broker
