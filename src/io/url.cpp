#include <algorithm>
#include <charconv>

#include "io/http_client.hpp"

namespace sluice::io {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kSecure = "https://";

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte > ' ' && byte < 127;
  });
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [parsed, error] = std::from_chars(begin, end, port);
  if (error != std::errc() || parsed != end || port == 0) {
    return fail(Errc::InvalidArgument, "the port of the address must be 1 to 65535");
  }
  return port;
}

// What stands behind the scheme.
Result<Url> parse_rest(std::string_view text, bool is_tls) {
  text = text.substr(0, text.find('#'));
  const auto end = text.find_first_of("/?");
  auto authority = text.substr(0, end);
  Url url;
  url.is_tls = is_tls;
  if (is_tls) url.port = 443;
  if (end != std::string_view::npos) url.target = text.substr(end);
  if (url.target.starts_with('?')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) {
    return fail(Errc::InvalidArgument, "the address must not hold a user name");
  }

  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) {
      return fail(Errc::InvalidArgument, "the address lacks a ]");
    }
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty()) return fail(Errc::InvalidArgument, "the address names no host");
  if (port.empty()) return url;
  if (!port.starts_with(':')) return fail(Errc::InvalidArgument, "the address names no port");
  SL_TRY(number, parse_port(port.substr(1)));
  url.port = number;
  return url;
}

Result<Url> parse_url(std::string_view text, bool may_be_tls) {
  if (!is_printable(text)) {
    return fail(Errc::InvalidArgument, "the address holds spaces or other than ASCII characters");
  }
  if (text.starts_with(kPlain)) return parse_rest(text.substr(kPlain.size()), false);
  if (may_be_tls && text.starts_with(kSecure)) return parse_rest(text.substr(kSecure.size()), true);
  return fail(Errc::InvalidArgument, may_be_tls ? "the address must begin with http:// or https://"
                                                : "the address must begin with http://");
}

}  // namespace

Result<Url> parse_http_url(std::string_view text) {
  return parse_url(text, false);
}

Result<Url> parse_web_url(std::string_view text) {
  return parse_url(text, true);
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

}  // namespace sluice::io
