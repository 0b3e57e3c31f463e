// MQTT packets as tests write them down, and as they go in and out of the codec.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "mqtt/codec.hpp"

namespace sluice::mqtt::test {

inline void append_varint(std::string& out, std::size_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value % 128 + 128));
  out.push_back(static_cast<char>(value));
}

// Bytes from a notation that leaves the counting to the machine:
//   3d 0A00     hexadecimal digits, two for a byte
//   'raw'       these characters
//   "text"      these characters behind their two byte length
//   { ... }     what is inside behind its length as a variable byte integer
inline std::string bytes(std::string_view notation) {
  std::vector<std::string> open(1);
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 0; i < notation.size(); ++i) {
    const char c = notation[i];
    if (c == ' ' || c == '\n') continue;
    if (c == '{') {
      open.emplace_back();
    } else if (c == '}') {
      const std::string inside = open.back();
      open.pop_back();
      append_varint(open.back(), inside.size());
      open.back() += inside;
    } else if (c == '\'' || c == '"') {
      const std::size_t end = notation.find(c, i + 1);
      const std::string_view text = notation.substr(i + 1, end - i - 1);
      if (c == '"') {
        open.back().push_back(static_cast<char>(text.size() >> 8));
        open.back().push_back(static_cast<char>(text.size() & 0xFF));
      }
      open.back() += text;
      i = end;
    } else {
      open.back().push_back(static_cast<char>(nibble(c) * 16 + nibble(notation.at(i + 1))));
      ++i;
    }
  }
  return open.at(0);
}

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out += {kDigits[value >> 4], kDigits[value & 0x0F], ' '};
  }
  if (!out.empty()) out.pop_back();
  return out;
}

// One packet of whatever type. CONNECT has its own version.
inline std::string encoded(Version version, const Packet& packet) {
  std::string out;
  std::visit(
      [&](const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Connect> || std::is_same_v<T, Pingreq> ||
                      std::is_same_v<T, Pingresp>) {
          encode(out, value);
        } else {
          encode(out, version, value);
        }
      },
      packet);
  return out;
}

// Decodes the one packet in `bytes`; nothing when it is not complete. The views in the packet point
// into `bytes`.
inline std::optional<Decoded<Packet>> decoded(Version version, Sender sender,
                                              std::string_view bytes) {
  const auto frame = next_frame(bytes, 300'000'000, version);
  if (!frame) return tl::unexpected(frame.error());
  if (!*frame || (*frame)->size != bytes.size()) return std::nullopt;
  return decode(version, sender, **frame);
}

// A copy of bytes that a sanitizer watches to the last byte: no spare capacity, no terminator.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {
    bytes_.shrink_to_fit();
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

}  // namespace sluice::mqtt::test
