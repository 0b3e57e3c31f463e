#include "mqtt/codec.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {

// In version 5 what says nothing is left out: reason and properties, or the properties alone.
void encode(std::string& out, Version version, const Ack& packet) {
  SL_DCHECK(packet.type >= PacketType::Puback && packet.type <= PacketType::Pubcomp);
  const unsigned flags = packet.type == PacketType::Pubrel ? 0b0010 : 0;  // [MQTT-3.6.1-1]
  const std::uint8_t first = first_byte(packet.type, flags);
  if (packet.reason == ReasonCode::Success && packet.properties.empty()) {  // nearly all of them
    const char bytes[] = {static_cast<char>(first), 2, static_cast<char>(packet.packet_id >> 8),
                          static_cast<char>(packet.packet_id & 0xff)};
    out.append(bytes, sizeof bytes);
    return;
  }
  const bool has_properties = version == Version::V5 && !packet.properties.empty();
  const bool has_reason =
      has_properties || (version == Version::V5 && packet.reason != ReasonCode::Success);

  const std::size_t properties = has_properties ? properties_size(version, packet.properties) : 0;
  Writer to(out, first, 2 + (has_reason ? 1 : 0) + properties);
  to.u16(packet.packet_id);
  if (has_reason) to.code(packet.reason);
  if (has_properties) to.properties(version, packet.properties);
}

}  // namespace sluice::mqtt
