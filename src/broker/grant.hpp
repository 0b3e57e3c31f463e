#pragma once
#include <cstdint>

#include "broker/limits.hpp"
#include "broker/subscribe_properties.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

class Session;

// What became of one filter that a client asks for, or that the server gives it.
struct Grant {
  mqtt::ReasonCode reason = mqtt::ReasonCode::Success;  // the granted QoS, or why not
  bool brings_retained = false;
  std::string why = {};  // for the client, where the reason alone does not say what to do
};
// Rights, validity and limits decide; what is granted stands in this turn's state.
[[nodiscard]] Grant grant_subscription(Session& session, const mqtt::SubscriptionRequest& request,
                                       const SubscribeProperties& properties, const Limits& limits);

}  // namespace sluice::broker
