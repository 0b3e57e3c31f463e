#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "broker/authenticator.hpp"
#include "broker/listener_name.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

// A will as it is kept until it is sent or forgotten. [MQTT-3.1.2-7]
struct WillMessage {
  std::string topic;
  std::string payload;
  std::string properties;  // encoded, without Will Delay Interval
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;
  bool retain = false;
  std::uint32_t delay_s = 0;
  // The publisher, for access control when it is sent and for the message's fields.
  std::string username;
  bool has_username = false;
  std::string host;
  ListenerName listener = {};
  LoginTermsPtr terms = {};                 // while this process lasts
  std::shared_ptr<const void> memory = {};  // its part of what all wills take
};

[[nodiscard]] inline std::size_t bytes_of(const WillMessage& will) {
  return will.topic.size() + will.payload.size() + will.properties.size();
}

[[nodiscard]] WillMessage will_of(const mqtt::Will& will);
[[nodiscard]] std::string encode(const WillMessage& will);
[[nodiscard]] Result<WillMessage> decode_will(std::string_view bytes);

}  // namespace sluice::broker
