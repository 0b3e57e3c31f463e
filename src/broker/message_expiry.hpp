#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "model/message.hpp"
#include "mqtt/properties.hpp"

namespace sluice::broker {

// When its Message Expiry Interval is over; nothing: it never is.
[[nodiscard]] inline std::optional<std::int64_t> expires_ms(const model::Message& message) {
  if (message.properties.empty()) return std::nullopt;
  const auto expiry = mqtt::Properties::from_checked(message.properties)
                          .number(mqtt::PropertyId::MessageExpiryInterval);
  if (!expiry) return std::nullopt;
  return message.timestamp_ms + std::int64_t{*expiry} * 1000;
}

// What is left of the Message Expiry Interval, in whole seconds; 0: expired; nothing: it never
// does. [MQTT-3.3.2-5]
[[nodiscard]] inline std::optional<std::uint32_t> seconds_left(const model::Message& message,
                                                               std::int64_t now_ms) {
  if (message.properties.empty()) return std::nullopt;
  const auto expiry = mqtt::Properties::from_checked(message.properties)
                          .number(mqtt::PropertyId::MessageExpiryInterval);
  if (!expiry) return std::nullopt;
  const auto waited = std::max<std::int64_t>(0, now_ms - message.timestamp_ms) / 1000;
  return waited >= *expiry ? 0U : *expiry - static_cast<std::uint32_t>(waited);
}

}  // namespace sluice::broker
