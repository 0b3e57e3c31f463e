#include "mqtt/utf8.hpp"

#include <cstddef>

#include "mqtt/topic.hpp"

namespace sluice::mqtt {
namespace {

[[nodiscard]] bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// How many bytes the well-formed sequence at `at` takes, which is not ASCII; 0 when it is not
// well-formed. The table of Unicode 3.9, D92: it leaves no room for overlong forms, surrogates
// and what lies above U+10FFFF. [MQTT-1.5.4-1]
[[nodiscard]] std::size_t sequence_length(const unsigned char* at, std::size_t available) {
  const unsigned char lead = at[0];
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (lead < 0xE0) return available >= 2 && is_continuation(at[1]) ? 2 : 0;

  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const std::size_t length = lead < 0xF0 ? 3 : 4;
  if (available < length || at[1] < lowest || at[1] > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_continuation(at[i])) return 0;
  }
  return length;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    // Subtracting one from every byte sets a high bit where there was a NUL [MQTT-1.5.4-2].
    while (end - at >= 8) {
      const std::uint64_t word = load_eight(at);
      if (((word | (word - kEveryByte)) & kHighBits) != 0) break;
      at += 8;
    }
    if (at == end) return true;
    if (*at == '\0') return false;
    const auto* const lead = reinterpret_cast<const unsigned char*>(at);
    if (*lead < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(lead, static_cast<std::size_t>(end - at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace sluice::mqtt
