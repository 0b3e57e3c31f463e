// SUBSCRIBE, UNSUBSCRIBE, DISCONNECT. MQTT 5.0 §3.8, §3.10, §3.14.
#include <algorithm>

#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/grant.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::PropertyId;
using mqtt::ReasonCode;
using mqtt::Version;

void ClientConnection::handle_subscribe(const mqtt::Subscribe& subscribe) {
  const auto identifier =
      subscribe.properties.number(PropertyId::SubscriptionIdentifier).value_or(0);
  mqtt::Suback answer{.packet_id = subscribe.packet_id, .properties = {}, .reasons = {}};
  std::vector<std::string> wants_retained;
  for (const auto& request : subscribe.subscriptions) {
    const auto granted = grant_subscription(*session_, request, identifier, *limits_);
    answer.reasons.push_back(granted.reason);
    if (granted.brings_retained) wants_retained.emplace_back(request.filter);
  }
  // The answer waits until the subscriptions are on disk; retained messages follow it.
  worker_.when_durable([weak = weak_from_this(), answer = std::move(answer),
                        wants_retained = std::move(wants_retained)] {
    const auto self = weak.lock();
    if (!self || self->state_ != State::Open) return;
    const auto begin = self->output().size();
    mqtt::encode(self->output(), self->version_, answer);
    if (!self->takes_answer(begin)) return;
    for (const auto& name : wants_retained) self->session_->delivery().send_retained(name);
    self->session_->delivery().pump();
  });
}

void ClientConnection::handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe) {
  mqtt::Unsuback answer{.packet_id = unsubscribe.packet_id, .properties = {}, .reasons = {}};
  for (const auto filter : unsubscribe.filters)
    answer.reasons.push_back(session_->unsubscribe(filter) ? ReasonCode::Success
                                                           : ReasonCode::NoSubscriptionExisted);
  worker_.when_durable([weak = weak_from_this(), answer = std::move(answer)] {
    const auto self = weak.lock();
    if (!self || self->state_ != State::Open) return;
    const auto begin = self->output().size();
    mqtt::encode(self->output(), self->version_, answer);
    // The queues are others now: what came meanwhile is to be found in them.
    if (self->takes_answer(begin)) self->session_->delivery().pump();
  });
}

void ClientConnection::handle_disconnect(const mqtt::Disconnect& disconnect) {
  if (!session_) {  // it gives up its login
    close();
    return;
  }
  if (version_ == Version::V5) {
    if (const auto expiry = disconnect.properties.number(PropertyId::SessionExpiryInterval)) {
      if (session_->expiry_s() == 0 && *expiry != 0) {  // [MQTT-3.1.2-23]
        this->disconnect(ReasonCode::ProtocolError);
        return;
      }
      session_->set_expiry(std::min(*expiry, limits_->session_expiry_maximum_s));
    }
  }
  left_with_ = disconnect.reason;
  // Only a normal end is one without a will. [MQTT-3.1.2-8] [MQTT-3.14.4-3]
  if (disconnect.reason == ReasonCode::Success) session_->forget_will();
  close();
}

}  // namespace sluice::broker
