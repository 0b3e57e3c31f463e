#include "mqtt/codec.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {
namespace {

// Of what stands between the fixed header and the payload.
[[nodiscard]] std::size_t variable_header_size(Version version, const Publish& packet) {
  const std::size_t packet_id = packet.qos == Qos::AtMostOnce ? 0 : 2;
  return text_size(packet.topic) + packet_id + properties_size(version, packet.properties);
}

[[nodiscard]] std::uint8_t publish_first_byte(const Publish& packet) {
  const unsigned flags = (packet.dup ? 0b1000U : 0U) | static_cast<unsigned>(packet.qos) << 1 |
                         (packet.retain ? 1U : 0U);
  return first_byte(PacketType::Publish, flags);
}

}  // namespace

void encode_publish_head(std::string& out, Version version, const Publish& packet,
                         std::size_t payload_size) {
  const std::size_t head = variable_header_size(version, packet);
  Writer to(out, publish_first_byte(packet), head + payload_size, head);
  to.text(packet.topic);
  if (packet.qos != Qos::AtMostOnce) to.u16(packet.packet_id);
  to.properties(version, packet.properties);
}

void encode(std::string& out, Version version, const Publish& packet) {
  const std::size_t size = out.size() + encoded_size(version, packet);
  if (out.capacity() < size) out.reserve(size);  // grows at least twofold
  encode_publish_head(out, version, packet, packet.payload.size());
  out.append(packet.payload);
}

std::size_t encoded_size(Version version, const Publish& packet) {
  const std::size_t remaining = variable_header_size(version, packet) + packet.payload.size();
  return 1 + varint_size(remaining) + remaining;
}

}  // namespace sluice::mqtt
