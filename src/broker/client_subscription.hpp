#pragma once
#include <string>

#include "mqtt/packet.hpp"

namespace sluice::broker {

// A subscription that the server makes for a client.
struct ClientSubscription {
  std::string filter;
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;
  bool no_local = false;
  bool retain_as_published = false;
  std::string where;  // its condition; empty: none
};

}  // namespace sluice::broker
