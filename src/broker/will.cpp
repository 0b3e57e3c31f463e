#include "broker/will.hpp"

#include "broker/bytes.hpp"

namespace sluice::broker {

namespace {
constexpr std::uint8_t kWillForm = 1;
constexpr std::uint8_t kWillListenerForm = 2;  // 1 ends before the listener
}  // namespace

WillMessage will_of(const mqtt::Will& will) {
  WillMessage kept;
  kept.topic = will.topic;
  kept.payload = will.payload;
  kept.qos = will.qos;
  kept.retain = will.retain;
  for (const auto& property : will.properties) {
    if (property.id == mqtt::PropertyId::WillDelayInterval)
      kept.delay_s = property.number;
    else
      kept.properties.append(property.encoded);
  }
  return kept;
}

std::string encode(const WillMessage& will) {
  return ByteWriter()
      .number(kWillListenerForm)
      .text(will.topic)
      .text(will.payload)
      .text(will.properties)
      .number(static_cast<std::uint8_t>(will.qos))
      .boolean(will.retain)
      .number(will.delay_s)
      .text(will.username)
      .boolean(will.has_username)
      .text(will.host)
      .text(will.listener.text())
      .take();
}

Result<WillMessage> decode_will(std::string_view bytes) {
  ByteReader in(bytes);
  const auto form = in.number<std::uint8_t>();
  if (form != kWillForm && form != kWillListenerForm)
    return fail(Errc::Corrupt, "will record of unknown form");
  WillMessage will;
  will.topic = in.text();
  will.payload = in.text();
  will.properties = in.text();
  will.qos = static_cast<mqtt::Qos>(in.number<std::uint8_t>() & 3);
  will.retain = in.boolean();
  will.delay_s = in.number<std::uint32_t>();
  will.username = in.text();
  will.has_username = in.boolean();
  will.host = in.text();
  if (form >= kWillListenerForm) will.listener = ListenerName(in.text());
  if (!in.ok()) return fail(Errc::Corrupt, "will record is too short");
  return will;
}

}  // namespace sluice::broker
