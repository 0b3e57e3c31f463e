// SUBSCRIBE, UNSUBSCRIBE, DISCONNECT. MQTT 5.0 §3.8, §3.10, §3.14.
#include <algorithm>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using mqtt::Version;

void ClientConnection::handle_subscribe(const mqtt::Subscribe& subscribe) {
  const auto identifier =
      subscribe.properties.number(PropertyId::SubscriptionIdentifier).value_or(0);
  mqtt::Suback answer{.packet_id = subscribe.packet_id, .properties = {}, .reasons = {}};
  std::vector<std::string> wants_retained;
  for (const auto& request : subscribe.subscriptions)
    answer.reasons.push_back(grant(request, identifier, wants_retained));
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

ReasonCode ClientConnection::grant(const mqtt::SubscriptionRequest& request,
                                   std::uint32_t identifier,
                                   std::vector<std::string>& wants_retained) {
  auto& broker = worker_.broker();
  const auto& limits = *limits_;
  const auto shared = mqtt::parse_shared_filter(request.filter);
  const auto filter = shared ? shared->filter : request.filter;
  if ((shared && (shared->group.empty() || shared->filter.empty())) ||
      !mqtt::is_valid_topic_filter(filter, limits.topic_levels))
    return ReasonCode::TopicFilterInvalid;
  if (!session_->permissions()->may_subscribe(filter, request.qos) ||
      (shared && broker.is_task_group(shared->group)))
    return broker.options().refused_subscription;
  const bool is_new = session_->find_subscription(request.filter) == nullptr;
  if (is_new && (session_->subscriptions().size() >= limits.subscriptions_per_client ||
                 !session_->has_room_for_filter(request.filter.size())))
    return ReasonCode::QuotaExceeded;
  const auto qos = std::min(request.qos, static_cast<Qos>(limits.maximum_qos));
  Subscription subscription{.name = std::string(request.filter),
                            .options = {.qos = qos,
                                        .no_local = request.no_local,
                                        .retain_as_published = request.retain_as_published,
                                        .retain_handling = request.retain_handling,
                                        .identifier = identifier},
                            .since = {}};
  const auto granted = session_->subscribe(std::move(subscription));
  if (!granted) {
    log::warn("subscription refused", {{"client_id", client_->client_id},
                                       {"filter", request.filter},
                                       {"reason", granted.error().detail}});
    return granted.error().code == Errc::Overloaded || granted.error().code == Errc::NoSpace
               ? ReasonCode::QuotaExceeded
               : ReasonCode::UnspecifiedError;
  }
  // [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a shared subscription gets none. [MQTT-4.8.2]
  if (!shared && (request.retain_handling == 0 || (request.retain_handling == 1 && is_new)))
    wants_retained.emplace_back(request.filter);
  return static_cast<ReasonCode>(qos);
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
