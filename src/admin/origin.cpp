#include "admin/origin.hpp"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "base/ascii.hpp"

namespace sluice::admin {
namespace {

namespace ip = boost::asio::ip;

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char character) {
           return character >= '0' && character <= '9';
         });
}

// `[::1]:8080` -> `::1`, `Localhost:8080` -> `localhost`; empty when it is neither.
std::string host_without_port(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return {};
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (!is_port(port)) return {};
  if (host.ends_with('.')) host.remove_suffix(1);
  return ascii_lower(host);
}

ip::address plain(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

// The authority of `https://host:port`, in lower case.
std::string authority_of(std::string_view origin) {
  const auto start = origin.find("://");
  if (start == std::string_view::npos) return {};
  return ascii_lower(origin.substr(start + 3));
}

}  // namespace

bool is_known_host(const Request& request, const std::vector<std::string>& host_names) {
  if (!request.has_host) return true;
  const auto host = host_without_port(request.host);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (std::any_of(host_names.begin(), host_names.end(),
                  [&](const std::string& name) { return ascii_lower(name) == host; })) {
    return true;
  }
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  if (error) return false;
  if (address.is_loopback()) return true;
  const auto local = ip::make_address(request.local_address, error);
  return !error && plain(address) == plain(local);
}

bool is_same_origin(const Request& request) {
  if (!request.origin.empty()) {
    const auto authority = authority_of(request.origin);
    return !authority.empty() && authority == ascii_lower(request.host);
  }
  return request.fetch_site == "same-origin";
}

bool is_cross_origin(const Request& request) {
  if (!request.origin.empty()) return !is_same_origin(request);
  return request.fetch_site == "cross-site" || request.fetch_site == "same-site";
}

}  // namespace sluice::admin
