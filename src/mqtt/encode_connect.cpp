#include "mqtt/codec.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {
namespace {

[[nodiscard]] std::string_view protocol_name(Version version) {
  return version == Version::V31 ? "MQIsdp" : "MQTT";
}

[[nodiscard]] std::size_t remaining_length(const Connect& packet) {
  std::size_t size = text_size(protocol_name(packet.version)) + 1 + 1 + 2 +
                     properties_size(packet.version, packet.properties) +
                     text_size(packet.client_id);
  if (packet.will) {
    size += properties_size(packet.version, packet.will->properties) +
            text_size(packet.will->topic) + text_size(packet.will->payload);
  }
  if (packet.username) size += text_size(*packet.username);
  if (packet.password) size += text_size(*packet.password);
  return size;
}

[[nodiscard]] std::uint8_t connect_flags(const Connect& packet) {
  unsigned flags = packet.clean_start ? 0x02 : 0;
  if (packet.will) {
    flags |= 0x04U | static_cast<unsigned>(packet.will->qos) << 3;
    if (packet.will->retain) flags |= 0x20;
  }
  if (packet.password) flags |= 0x40;
  if (packet.username) flags |= 0x80;
  return static_cast<std::uint8_t>(flags);
}

}  // namespace

void encode(std::string& out, const Connect& packet) {
  Writer to(out, first_byte(PacketType::Connect), remaining_length(packet));
  to.text(protocol_name(packet.version));
  to.byte(static_cast<std::uint8_t>(packet.version));
  to.byte(connect_flags(packet));
  to.u16(packet.keep_alive_s);
  to.properties(packet.version, packet.properties);
  to.text(packet.client_id);
  if (packet.will) {
    to.properties(packet.version, packet.will->properties);
    to.text(packet.will->topic);
    to.text(packet.will->payload);
  }
  if (packet.username) to.text(*packet.username);
  if (packet.password) to.text(*packet.password);
}

void encode(std::string& out, Version version, const Connack& packet) {
  const std::size_t remaining = 2 + properties_size(version, packet.properties);
  Writer to(out, first_byte(PacketType::Connack), remaining);
  to.byte(packet.session_present && version != Version::V31 ? 1 : 0);
  if (version == Version::V5) {
    to.code(packet.reason);
  } else {
    to.byte(connect_return_code_v3(packet.reason));
  }
  to.properties(version, packet.properties);
}

}  // namespace sluice::mqtt
