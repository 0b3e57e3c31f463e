#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/reason_sets.hpp"

namespace sluice::mqtt {
namespace {

// One reason code for each filter of the request, and every request has one at least.
[[nodiscard]] Decoded<std::vector<ReasonCode>> read_reasons(std::string_view codes,
                                                            const ReasonSet& allowed) {
  if (codes.empty()) return protocol_error();
  std::vector<ReasonCode> reasons;
  reasons.reserve(codes.size());
  for (const char byte : codes) {
    const auto code = static_cast<std::uint8_t>(byte);
    if (!allowed.has(code)) return protocol_error();
    reasons.push_back(static_cast<ReasonCode>(code));
  }
  return reasons;
}

}  // namespace

Decoded<Suback> decode_suback(Version version, std::string_view body) {
  Reader in(body);
  Suback packet;
  SL_TRY(packet_id, in.packet_id());
  packet.packet_id = packet_id;
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Suback));
    packet.properties = section.properties;
  }
  // [MQTT-3.9.3-2]
  const ReasonSet& allowed = version == Version::V5 ? kSubackReasons : kSubackReturnCodesV3;
  SL_TRY(reasons, read_reasons(in.rest(), allowed));
  packet.reasons = std::move(reasons);
  return packet;
}

Decoded<Unsuback> decode_unsuback(Version version, std::string_view body) {
  Reader in(body);
  Unsuback packet;
  SL_TRY(packet_id, in.packet_id());
  packet.packet_id = packet_id;
  if (version != Version::V5) {
    if (!in.empty()) return malformed();
    return packet;
  }
  SL_TRY(section, read_properties(in, PropertyPlace::Unsuback));
  packet.properties = section.properties;
  SL_TRY(reasons, read_reasons(in.rest(), kUnsubackReasons));  // [MQTT-3.11.3-2]
  packet.reasons = std::move(reasons);
  return packet;
}

}  // namespace sluice::mqtt
