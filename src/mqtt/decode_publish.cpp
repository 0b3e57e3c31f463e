#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/topic.hpp"
#include "mqtt/utf8.hpp"

namespace sluice::mqtt {
namespace {

[[nodiscard]] Decoded<Properties> read_publish_properties(Reader& in, Sender sender,
                                                          bool has_topic) {
  SL_TRY(section, read_properties(in, PropertyPlace::Publish));
  if (sender == Sender::Client && section.has(PropertyId::SubscriptionIdentifier)) {
    return protocol_error();  // [MQTT-3.3.4-6]
  }
  if (!has_topic && !section.has(PropertyId::TopicAlias)) return protocol_error();  // §3.3.2.1
  return section.properties;
}

}  // namespace

Decoded<Publish> decode_publish(Version version, Sender sender, std::uint8_t flags,
                                std::string_view body) {
  const unsigned qos = flags >> 1 & 0b11U;
  Publish packet;
  packet.dup = (flags & 0b1000) != 0;
  packet.retain = (flags & 0b0001) != 0;
  if (qos == 3) return malformed();                // [MQTT-3.3.1-4]
  if (packet.dup && qos == 0) return malformed();  // [MQTT-3.3.1-2]
  packet.qos = static_cast<Qos>(qos);

  Reader in(body);
  SL_TRY(topic, in.binary());
  const TopicLook look = look_at_topic(topic);
  if (!look.is_plain && !is_valid_utf8(topic)) return malformed();             // [MQTT-3.3.2-1]
  if (look.has_wildcard) return tl::unexpected(ReasonCode::TopicNameInvalid);  // [MQTT-3.3.2-2]
  packet.topic = topic;
  if (qos > 0) {
    SL_TRY(packet_id, in.packet_id());
    packet.packet_id = packet_id;
  }
  if (version == Version::V5) {
    SL_TRY(properties, read_publish_properties(in, sender, !topic.empty()));
    packet.properties = properties;
  } else if (topic.empty()) {
    return malformed();  // [MQTT-4.7.3-1]
  }
  packet.payload = in.rest();
  return packet;
}

}  // namespace sluice::mqtt
