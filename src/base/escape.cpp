#include "base/escape.hpp"

#include <cstdint>
#include <fmt/format.h>
#include <optional>

namespace sluice {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
};

// The code point at the front of a text that is not empty; nothing when its bytes are not UTF-8.
std::optional<CodePoint> front_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return CodePoint{first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return std::nullopt;

  char32_t value = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return std::nullopt;
    value = (value << 6U) | (next & 0x3FU);
  }

  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[length] || value > 0x10FFFF || is_surrogate) return std::nullopt;
  return CodePoint{value, length};
}

bool is_unsafe(char32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
  const bool is_separator = c == 0x2028 || c == 0x2029;
  const bool is_bidi = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return is_control || is_separator || is_bidi;
}

void append_code_point(std::string& out, CodePoint c, std::string_view bytes, EscapeFor format) {
  if (format == EscapeFor::Terminal && !is_unsafe(c.value)) {
    out += bytes;
    return;
  }
  switch (c.value) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      if (is_unsafe(c.value)) {
        out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.value));
      } else {
        out += bytes;
      }
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, EscapeFor format) {
  while (!text.empty()) {
    if (const auto c = front_of(text)) {
      append_code_point(out, *c, text.substr(0, c->length), format);
      text.remove_prefix(c->length);
    } else {
      out += format == EscapeFor::Json ? "\\\\x" : "\\x";
      out += fmt::format("{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    }
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto c = front_of(text);
    if (!c) return false;
    text.remove_prefix(c->length);
  }
  return true;
}

}  // namespace sluice
