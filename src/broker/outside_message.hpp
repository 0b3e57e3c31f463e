#pragma once
#include <string>

#include "broker/access_control.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

// A message of somebody who has no connection: an administrator publishes it.
struct OutsideMessage {
  std::string topic;
  std::string payload;
  std::string properties = {};  // encoded, as a PropertyWriter made them
  Client client = {};
  bool checks_policies = false;  // the rights of client.username decide
  mqtt::Qos qos = mqtt::Qos::AtLeastOnce;
  bool retain = false;
};

}  // namespace sluice::broker
