#include "base/check.hpp"
#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/reason_sets.hpp"

namespace sluice::mqtt {

Decoded<Ack> decode_ack(Version version, PacketType type, std::string_view body) {
  SL_DCHECK(type >= PacketType::Puback && type <= PacketType::Pubcomp);
  Reader in(body);
  Ack packet;
  packet.type = type;
  SL_TRY(packet_id, in.packet_id());
  packet.packet_id = packet_id;
  if (in.empty()) return packet;  // Success and no properties, §3.4.2.1
  if (version != Version::V5) return malformed();

  const bool is_answer_to_publish = type == PacketType::Puback || type == PacketType::Pubrec;
  SL_TRY(code, in.byte());
  // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
  if (!(is_answer_to_publish ? kPubackReasons : kPubrelReasons).has(code)) return protocol_error();
  packet.reason = static_cast<ReasonCode>(code);
  if (in.empty()) return packet;  // no properties, §3.4.2.2.1

  SL_TRY(section, read_properties(in, static_cast<PropertyPlace>(type)));
  packet.properties = section.properties;
  if (!in.empty()) return malformed();
  return packet;
}

}  // namespace sluice::mqtt
