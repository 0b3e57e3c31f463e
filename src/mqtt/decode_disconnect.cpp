#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/reason_sets.hpp"

namespace sluice::mqtt {

Decoded<Disconnect> decode_disconnect(Version version, Sender sender, std::string_view body) {
  if (version != Version::V5) {
    if (sender == Sender::Server) return protocol_error();  // MQTT 3 has it from clients only
    if (!body.empty()) return malformed();
    return Disconnect{};
  }
  Disconnect packet;
  if (body.empty()) return packet;  // Normal disconnection, §3.14.2.1
  Reader in(body);
  SL_TRY(code, in.byte());
  const bool is_client = sender == Sender::Client;
  // [MQTT-3.14.2-1]
  if (!(is_client ? kClientDisconnectReasons : kServerDisconnectReasons).has(code)) {
    return protocol_error();
  }
  packet.reason = static_cast<ReasonCode>(code);
  if (in.empty()) return packet;  // no properties, §3.14.2.2.1

  SL_TRY(section, read_properties(in, PropertyPlace::Disconnect));
  if (!is_client && section.has(PropertyId::SessionExpiryInterval)) {
    return protocol_error();  // [MQTT-3.14.2-2]
  }
  packet.properties = section.properties;
  if (!in.empty()) return malformed();
  return packet;
}

Decoded<Auth> decode_auth(Version version, std::string_view body) {
  if (version != Version::V5) return malformed();  // a reserved packet type
  Auth packet;
  if (body.empty()) return packet;  // Success and no properties, §3.15.2.1
  Reader in(body);
  SL_TRY(code, in.byte());
  if (!kAuthReasons.has(code)) return protocol_error();  // [MQTT-3.15.2-1]
  packet.reason = static_cast<ReasonCode>(code);
  SL_TRY(section, read_properties(in, PropertyPlace::Auth));
  if (!in.empty()) return malformed();
  // §3.15.2.2.2. Success without properties says no more than the empty packet, which is allowed.
  const bool says_nothing = packet.reason == ReasonCode::Success && section.seen == 0;
  if (!says_nothing && !section.has(PropertyId::AuthenticationMethod)) return protocol_error();
  packet.properties = section.properties;
  return packet;
}

}  // namespace sluice::mqtt
