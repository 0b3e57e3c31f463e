#include "mqtt/codec.hpp"
#include "mqtt/writer.hpp"

namespace sluice::mqtt {
namespace {

[[nodiscard]] std::uint8_t subscription_options(Version version,
                                                const SubscriptionRequest& request) {
  auto options = static_cast<unsigned>(request.qos);
  if (version == Version::V5) {
    if (request.no_local) options |= 0x04;
    if (request.retain_as_published) options |= 0x08;
    options |= static_cast<unsigned>(request.retain_handling) << 4;
  }
  return static_cast<std::uint8_t>(options);
}

// In MQTT 3 there is one failure only.
[[nodiscard]] ReasonCode return_code(Version version, ReasonCode reason) {
  return version != Version::V5 && is_error(reason) ? ReasonCode::UnspecifiedError : reason;
}

}  // namespace

void encode(std::string& out, Version version, const Subscribe& packet) {
  std::size_t remaining = 2 + properties_size(version, packet.properties);
  for (const auto& request : packet.subscriptions) remaining += text_size(request.filter) + 1;

  Writer to(out, first_byte(PacketType::Subscribe, 0b0010), remaining);  // [MQTT-3.8.1-1]
  to.u16(packet.packet_id);
  to.properties(version, packet.properties);
  for (const auto& request : packet.subscriptions) {
    to.text(request.filter);
    to.byte(subscription_options(version, request));
  }
}

void encode(std::string& out, Version version, const Suback& packet) {
  const std::size_t remaining =
      2 + properties_size(version, packet.properties) + packet.reasons.size();
  Writer to(out, first_byte(PacketType::Suback), remaining);
  to.u16(packet.packet_id);
  to.properties(version, packet.properties);
  for (const ReasonCode reason : packet.reasons) to.code(return_code(version, reason));
}

void encode(std::string& out, Version version, const Unsubscribe& packet) {
  std::size_t remaining = 2 + properties_size(version, packet.properties);
  for (const auto filter : packet.filters) remaining += text_size(filter);

  Writer to(out, first_byte(PacketType::Unsubscribe, 0b0010), remaining);  // [MQTT-3.10.1-1]
  to.u16(packet.packet_id);
  to.properties(version, packet.properties);
  for (const auto filter : packet.filters) to.text(filter);
}

void encode(std::string& out, Version version, const Unsuback& packet) {
  const std::size_t reasons = version == Version::V5 ? packet.reasons.size() : 0;
  const std::size_t remaining = 2 + properties_size(version, packet.properties) + reasons;
  Writer to(out, first_byte(PacketType::Unsuback), remaining);
  to.u16(packet.packet_id);
  to.properties(version, packet.properties);
  if (version != Version::V5) return;
  for (const ReasonCode reason : packet.reasons) to.code(reason);
}

}  // namespace sluice::mqtt
