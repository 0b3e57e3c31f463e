// A cursor over the body of one packet. Private to the codec.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mqtt/reason_code.hpp"
#include "mqtt/topic.hpp"

namespace sluice::mqtt {

// Largest remaining length and largest variable byte integer: four bytes of seven bits.
inline constexpr std::uint32_t kLargestVarint = 268'435'455;

[[nodiscard]] inline tl::unexpected<ReasonCode> malformed() {
  return tl::unexpected(ReasonCode::MalformedPacket);
}
[[nodiscard]] inline tl::unexpected<ReasonCode> protocol_error() {
  return tl::unexpected(ReasonCode::ProtocolError);
}

// Every read is bounds-checked and every text a view into the packet: nothing is allocated.
// Fails: MalformedPacket, when what is read is not there or not well-formed.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  [[nodiscard]] Decoded<std::uint8_t> byte() {
    if (rest_.empty()) return malformed();
    const std::uint8_t value = at(0);
    rest_.remove_prefix(1);
    return value;
  }

  [[nodiscard]] Decoded<std::uint16_t> u16() {
    if (rest_.size() < 2) return malformed();
    const auto value = static_cast<std::uint16_t>(at(0) << 8 | at(1));
    rest_.remove_prefix(2);
    return value;
  }

  [[nodiscard]] Decoded<std::uint32_t> u32() {
    SL_TRY(high, u16());
    SL_TRY(low, u16());
    return static_cast<std::uint32_t>(high) << 16 | low;
  }

  // At most four bytes, and no more than the value needs. [MQTT-1.5.5-1]
  [[nodiscard]] Decoded<std::uint32_t> varint() {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4 && i < rest_.size(); ++i) {
      const std::uint8_t digit = at(i);
      value |= static_cast<std::uint32_t>(digit & 0x7F) << (7 * i);
      if ((digit & 0x80) != 0) continue;
      if (digit == 0 && i > 0) return malformed();
      rest_.remove_prefix(i + 1);
      return value;
    }
    return malformed();
  }

  // Exactly `size` bytes.
  [[nodiscard]] Decoded<std::string_view> bytes(std::size_t size) {
    if (rest_.size() < size) return malformed();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

  // Length-prefixed bytes of any kind.
  [[nodiscard]] Decoded<std::string_view> binary() {
    SL_TRY(size, u16());
    return bytes(size);
  }

  // Length-prefixed strict UTF-8. [MQTT-1.5.4-1] [MQTT-1.5.4-2]
  [[nodiscard]] Decoded<std::string_view> string() {
    SL_TRY(text, binary());
    if (!is_valid_utf8(text)) return malformed();
    return text;
  }

  // A packet identifier, which is never zero. [MQTT-2.2.1-3] [MQTT-2.2.1-4]
  [[nodiscard]] Decoded<std::uint16_t> packet_id() {
    SL_TRY(value, u16());
    if (value == 0) return protocol_error();
    return value;
  }

 private:
  [[nodiscard]] std::uint8_t at(std::size_t index) const {
    return static_cast<std::uint8_t>(rest_[index]);
  }

  std::string_view rest_;
};

}  // namespace sluice::mqtt
