#include "admin/target.hpp"

#include <algorithm>

#include "base/escape.hpp"

namespace sluice::admin {
namespace {

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// What stands before `separator`, taken off the front of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

bool parse_query(std::string_view text, Target& target) {
  while (!text.empty()) {
    std::string pair(take_until(text, '&'));
    std::replace(pair.begin(), pair.end(), '+', ' ');
    std::string_view rest = pair;
    const auto name = percent_decode(take_until(rest, '='));
    const auto value = percent_decode(rest);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) return false;
    if (name->empty()) continue;
    if (!target.query.emplace(*name, *value).second) target.repeated = *name;
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit_value(text[i + 1]);
    const int low = digit_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' ||
                       byte == '~';
    if (plain) {
      encoded.push_back(character);
    } else {
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::optional<Target> parse_target(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  Target target;
  auto path = take_until(text, '?');
  if (!parse_query(text, target)) return std::nullopt;

  const auto colon = path.rfind(':');
  if (colon != std::string_view::npos && path.find('/', colon) == std::string_view::npos) {
    const auto verb = percent_decode(path.substr(colon + 1));
    if (!verb || !is_utf8(*verb)) return std::nullopt;
    target.verb = *verb;
    path = path.substr(0, colon);
  }
  path.remove_prefix(1);
  for (bool more = true; more;) {
    more = path.find('/') != std::string_view::npos;
    auto part = percent_decode(take_until(path, '/'));
    if (!part || !is_utf8(*part)) return std::nullopt;
    target.parts.push_back(std::move(*part));
  }
  return target;
}

}  // namespace sluice::admin
