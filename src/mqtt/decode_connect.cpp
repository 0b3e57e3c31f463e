#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"
#include "mqtt/utf8.hpp"

namespace sluice::mqtt {
namespace {

// The byte of connect flags, MQTT 5.0 §3.1.2.3.
struct ConnectFlags {
  bool reserved;
  bool clean_start;
  bool will;
  unsigned will_qos;
  bool will_retain;
  bool password;
  bool username;
};

[[nodiscard]] ConnectFlags split(unsigned flags) {
  return {.reserved = (flags & 0x01) != 0,
          .clean_start = (flags & 0x02) != 0,
          .will = (flags & 0x04) != 0,
          .will_qos = flags >> 3 & 0b11,
          .will_retain = (flags & 0x20) != 0,
          .password = (flags & 0x40) != 0,
          .username = (flags & 0x80) != 0};
}

[[nodiscard]] Decoded<Version> read_version(Reader& in) {
  SL_TRY(name, in.binary());
  SL_TRY(level, in.byte());
  // [MQTT-3.1.2-1] [MQTT-3.1.2-2]. A level with the bridge bit 0x80 of some servers is none of
  // these.
  if (name == "MQTT" && level == 4) return Version::V311;
  if (name == "MQTT" && level == 5) return Version::V5;
  if (name == "MQIsdp" && level == 3) return Version::V31;
  return tl::unexpected(ReasonCode::UnsupportedProtocolVersion);
}

[[nodiscard]] bool are_allowed(const ConnectFlags& flags, Version version) {
  if (flags.will && flags.will_qos == 3) return false;  // [MQTT-3.1.2-12]
  // Without a user name there is no password before version 5. [MQTT-3.1.2-22] of 3.1.1
  if (version != Version::V5 && flags.password && !flags.username) return false;
  if (version == Version::V31) return true;  // which gives the rest no meaning
  if (flags.reserved) return false;          // [MQTT-3.1.2-3]
  // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  return flags.will || (flags.will_qos == 0 && !flags.will_retain);
}

[[nodiscard]] Decoded<Will> read_will(Reader& in, const ConnectFlags& flags, Version version) {
  Will will;
  will.qos = static_cast<Qos>(flags.will_qos);
  will.retain = flags.will_retain;
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Will));
    will.properties = section.properties;
  }
  SL_TRY(topic, in.string());  // [MQTT-3.1.3-11]
  SL_TRY(payload, in.binary());
  if (topic.empty()) {  // [MQTT-4.7.3-1]
    return tl::unexpected(version == Version::V5 ? ReasonCode::ProtocolError
                                                 : ReasonCode::MalformedPacket);
  }
  if (has_wildcard(topic)) return tl::unexpected(ReasonCode::TopicNameInvalid);
  will.topic = topic;
  will.payload = payload;
  return will;
}

[[nodiscard]] Decoded<void> read_credentials(Reader& in, const ConnectFlags& flags,
                                             Connect& packet) {
  // MQTT 3.1: the remaining length takes precedence over these two flags.
  const bool may_be_missing = packet.version == Version::V31;
  if (flags.username && !(may_be_missing && in.empty())) {
    SL_TRY(username, in.string());  // [MQTT-3.1.3-12]
    packet.username = username;
  }
  if (flags.password && !(may_be_missing && in.empty())) {
    SL_TRY(password, in.binary());
    packet.password = password;
  }
  return {};
}

}  // namespace

Decoded<Connect> decode_connect(std::string_view body) {
  Reader in(body);
  SL_TRY(version, read_version(in));
  SL_TRY(flag_bits, in.byte());
  SL_TRY(keep_alive, in.u16());
  const ConnectFlags flags = split(flag_bits);
  if (!are_allowed(flags, version)) return malformed();

  Connect packet;
  packet.version = version;
  packet.clean_start = flags.clean_start;
  packet.keep_alive_s = keep_alive;
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Connect));
    if (section.has(PropertyId::AuthenticationData) &&
        !section.has(PropertyId::AuthenticationMethod)) {
      return protocol_error();  // §3.1.2.11.10
    }
    packet.properties = section.properties;
  }
  SL_TRY(client_id, in.string());  // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  packet.client_id = client_id;
  if (flags.will) {
    SL_TRY(will, read_will(in, flags, version));
    packet.will = will;
  }
  SL_TRY_VOID(read_credentials(in, flags, packet));
  if (!in.empty()) return malformed();
  return packet;
}

std::optional<Version> version_of_connect(std::string_view body) {
  Reader in(body);
  const auto version = read_version(in);
  if (!version) return std::nullopt;
  return *version;
}

}  // namespace sluice::mqtt
