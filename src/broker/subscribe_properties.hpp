#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "broker/conditions.hpp"
#include "mqtt/properties.hpp"

namespace sluice::broker {

// User properties as they stood in a packet, to be shown: all filters of the packet share them.
using UserPropertiesPtr = std::shared_ptr<const std::string>;

// What a SUBSCRIBE says of all its filters. MQTT 5.0 §3.8.2.1.
struct SubscribeProperties {
  std::uint32_t identifier = 0;                 // 0: none
  ConditionPtr condition = nullptr;             // of `$where`; none: every message
  UserPropertiesPtr user_properties = nullptr;  // without `$where`; null: none
  bool lacks_properties = false;                // there were more user properties than are kept
};

// Without its condition: the identifier, and the first user properties, as many as
// kSubscribePropertyBytes have room for.
[[nodiscard]] SubscribeProperties properties_of(const mqtt::Properties& properties);

}  // namespace sluice::broker
