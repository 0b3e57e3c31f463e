#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int16_t, 256> kBase64Values = [] {
  std::array<std::int16_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int16_t>(i);
  return values;
}();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 2 < bytes.size(); i += 3) {
    const unsigned group = (unsigned{byte(i)} << 16) | (unsigned{byte(i + 1)} << 8) | byte(i + 2);
    const char four[] = {kBase64[group >> 18], kBase64[(group >> 12) & 63],
                         kBase64[(group >> 6) & 63], kBase64[group & 63]};
    out.append(four, 4);
  }
  if (i + 1 == bytes.size()) {
    const unsigned group = unsigned{byte(i)} << 16;
    out += kBase64[group >> 18];
    out += kBase64[(group >> 12) & 63];
    out += "==";
  } else if (i + 2 == bytes.size()) {
    const unsigned group = (unsigned{byte(i)} << 16) | (unsigned{byte(i + 1)} << 8);
    out += kBase64[group >> 18];
    out += kBase64[(group >> 12) & 63];
    out += kBase64[(group >> 6) & 63];
    out += '=';
  }
}

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 != 0) return false;
  out.reserve(text.size() / 4 * 3);
  while (text.ends_with('=') && text.size() % 4 != 2) text.remove_suffix(1);
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    group = (group << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>((group >> bits) & 0xff);
    }
  }
  return (group & ((1U << bits) - 1)) == 0;
}

bool decode_base64url(std::string_view text, std::string& out) {
  out.clear();
  if (text.find_first_of("+/=") != std::string_view::npos || text.size() % 4 == 1) return false;
  std::string standard(text);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  return decode_base64(standard, out);
}

}  // namespace sluice
