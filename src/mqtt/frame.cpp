#include "mqtt/codec.hpp"
#include "mqtt/reader.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {
namespace {

// Are these the flags that the type must have? [MQTT-2.1.3-1] [MQTT-2.2.2-2]
[[nodiscard]] bool flags_allowed(PacketType type, unsigned flags, Version version) {
  switch (type) {
    case PacketType::Publish:
      return true;  // decode_publish() looks at them
    case PacketType::Pubrel:
    case PacketType::Subscribe:
    case PacketType::Unsubscribe:
      // Their 0b0010 was QoS 1 in MQTT 3.1, and DUP stood beside it.
      return flags == 0b0010 || (version == Version::V31 && flags == 0b1010);
    default:
      return flags == 0;
  }
}

}  // namespace

Decoded<std::optional<Frame>> next_frame(std::string_view bytes, std::size_t maximum_size,
                                         Version version) {
  if (bytes.empty()) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  Frame frame;
  frame.type = static_cast<PacketType>(first >> 4);
  frame.flags = first & 0x0F;
  if (first >> 4 == 0 || !flags_allowed(frame.type, frame.flags, version)) return malformed();

  Reader in(bytes.substr(1));
  const auto remaining = in.varint();
  if (!remaining) {
    const bool is_cut_off = bytes.size() < 5 && (bytes.size() == 1 ||
                                                 (static_cast<unsigned char>(bytes.back()) & 0x80));
    if (is_cut_off) return std::nullopt;
    return malformed();
  }
  frame.size = bytes.size() - in.rest().size() + *remaining;
  if (frame.size > maximum_size) return tl::unexpected(ReasonCode::PacketTooLarge);
  if (in.rest().size() < *remaining) return std::nullopt;
  frame.body = in.rest().substr(0, *remaining);
  return frame;
}

std::optional<std::size_t> frame_size(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  Reader in(bytes.substr(1));
  const auto remaining = in.varint();
  if (!remaining) return std::nullopt;
  return bytes.size() - in.rest().size() + *remaining;
}

}  // namespace sluice::mqtt
