#include "mqtt/codec.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {

void encode(std::string& out, Version version, const Disconnect& packet) {
  const bool has_properties = version == Version::V5 && !packet.properties.empty();
  const bool has_reason =
      has_properties || (version == Version::V5 && packet.reason != ReasonCode::Success);
  const std::size_t properties = has_properties ? properties_size(version, packet.properties) : 0;

  Writer to(out, first_byte(PacketType::Disconnect), (has_reason ? 1 : 0) + properties);
  if (has_reason) to.code(packet.reason);
  if (has_properties) to.properties(version, packet.properties);
}

void encode(std::string& out, Version version, const Auth& packet) {
  SL_CHECK(version == Version::V5);
  const bool says_nothing = packet.reason == ReasonCode::Success && packet.properties.empty();
  Writer to(out, first_byte(PacketType::Auth),
            says_nothing ? 0 : 1 + properties_size(version, packet.properties));
  if (says_nothing) return;
  to.code(packet.reason);
  to.properties(version, packet.properties);
}

void encode(std::string& out, Pingreq) {
  const Writer to(out, first_byte(PacketType::Pingreq), 0);
}

void encode(std::string& out, Pingresp) {
  const Writer to(out, first_byte(PacketType::Pingresp), 0);
}

}  // namespace sluice::mqtt
