#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "app/settings.hpp"

namespace sluice::app {
namespace {

constexpr std::string_view kAllowed =
    "an address and a port such as 127.0.0.1:1883, 0.0.0.0:1883 or [::1]:1883";

bool is_address(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(family, host.c_str(), bytes.data()) == 1;
}

}  // namespace

std::string BindAddress::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

Result<BindAddress> parse_bind_address(std::string_view text) {
  const auto refuse = [] { return fail(Errc::InvalidArgument, kAllowed); };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();

  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return refuse();
  }

  std::string host(text.substr(0, colon));
  const bool is_bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!is_address(is_bracketed ? AF_INET6 : AF_INET, host)) return refuse();
  return BindAddress{std::move(host), port};
}

}  // namespace sluice::app
