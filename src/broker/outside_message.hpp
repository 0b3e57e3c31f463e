#pragma once
#include <string>
#include <string_view>

#include "broker/access_control.hpp"
#include "model/message.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

// The code of a refusal: faster than `mqtt.messages_per_second_per_client` allows.
inline constexpr std::string_view kTooManyMessages = "too_many_messages";

// A message of somebody who has no connection: an administrator publishes it, or a user by REST.
struct OutsideMessage {
  std::string topic;
  std::string payload;
  std::string properties = {};  // encoded, as a PropertyWriter made them
  Client client = {};
  bool checks_policies = false;  // the rights of client.username decide
  bool is_by_user = false;       // who has to have the right to connect, too
  mqtt::Qos qos = mqtt::Qos::AtLeastOnce;
  bool retain = false;
};

// What has become of one.
struct Published {
  model::MessageId id = {};
  bool reaches_somebody = true;  // false: what MQTT 5 calls 0x10, no matching subscribers
};

}  // namespace sluice::broker
