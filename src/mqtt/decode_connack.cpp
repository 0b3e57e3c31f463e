#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/reason_sets.hpp"

namespace sluice::mqtt {
namespace {

// The reason code that says the same as a return code of MQTT 3. [MQTT-3.2.2-6] of 3.1.1
[[nodiscard]] Decoded<ReasonCode> reason_of_return_code(std::uint8_t code) {
  constexpr std::array<ReasonCode, 6> kReasons{ReasonCode::Success,
                                               ReasonCode::UnsupportedProtocolVersion,
                                               ReasonCode::ClientIdentifierNotValid,
                                               ReasonCode::ServerUnavailable,
                                               ReasonCode::BadUserNameOrPassword,
                                               ReasonCode::NotAuthorized};
  if (code >= kReasons.size()) return malformed();  // reserved for future use
  return kReasons[code];
}

[[nodiscard]] Decoded<ReasonCode> reason_of(Version version, std::uint8_t code) {
  if (version != Version::V5) return reason_of_return_code(code);
  if (!kConnackReasons.has(code)) return protocol_error();  // [MQTT-3.2.2-8]
  return static_cast<ReasonCode>(code);
}

}  // namespace

Decoded<Connack> decode_connack(Version version, std::string_view body) {
  Reader in(body);
  SL_TRY(flags, in.byte());
  SL_TRY(code, in.byte());
  Connack packet;
  if (version != Version::V31) {                  // which gives the byte no meaning
    if ((flags & 0xFE) != 0) return malformed();  // [MQTT-3.2.2-1]
    packet.session_present = flags == 1;
  }
  SL_TRY(reason, reason_of(version, code));
  packet.reason = reason;
  if (packet.session_present && reason != ReasonCode::Success)
    return protocol_error();  // [MQTT-3.2.2-6]
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Connack));
    if (section.has(PropertyId::AuthenticationData) &&
        !section.has(PropertyId::AuthenticationMethod)) {
      return protocol_error();
    }
    packet.properties = section.properties;
  }
  if (!in.empty()) return malformed();
  return packet;
}

}  // namespace sluice::mqtt
