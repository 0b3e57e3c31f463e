// Tests on text that look at eight bytes at a time: every topic and every property passes here.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::mqtt {

inline constexpr std::uint64_t kEveryByte = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;

// Contract: eight bytes can be read at `bytes`.
[[nodiscard]] inline std::uint64_t load_eight(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The high bit of each byte of the word that is zero, and no other bit.
[[nodiscard]] constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return ~(((word & ~kHighBits) + ~kHighBits) | word | ~kHighBits);
}

// Is there a `+` or a `#` anywhere? [MQTT-3.3.2-2]
[[nodiscard]] inline bool has_wildcard(std::string_view text) {
  constexpr std::uint64_t kPlus = kEveryByte * '+';
  constexpr std::uint64_t kHash = kEveryByte * '#';
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) {
    const std::uint64_t word = load_eight(at);
    if ((zero_bytes(word ^ kPlus) | zero_bytes(word ^ kHash)) != 0) return true;
  }
  for (; at != end; ++at) {
    if (*at == '+' || *at == '#') return true;
  }
  return false;
}

}  // namespace sluice::mqtt
