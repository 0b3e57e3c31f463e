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

// One look at the topic of a PUBLISH.
struct TopicLook {
  bool is_plain = false;  // ASCII without NUL: well-formed UTF-8. Otherwise is_valid_utf8() decides
  bool has_wildcard = false;  // a `+` or a `#`
};

[[nodiscard]] inline TopicLook look_at_topic(std::string_view topic) {
  std::uint64_t odd = 0;
  std::uint64_t wild = 0;
  const auto look = [&](std::uint64_t word) {
    // Subtracting one from every byte sets a high bit where there was a NUL.
    odd |= (word | (word - kEveryByte)) & kHighBits;
    wild |= zero_bytes(word ^ kEveryByte * '+') | zero_bytes(word ^ kEveryByte * '#');
  };
  const char* const end = topic.data() + topic.size();
  if (topic.size() >= 8) {
    for (const char* at = topic.data(); end - at > 8; at += 8) look(load_eight(at));
    look(load_eight(end - 8));  // some bytes a second time: no harm
  } else {
    for (const char c : topic) look(kEveryByte * static_cast<unsigned char>(c));
  }
  return {odd == 0, wild != 0};
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
