// SUBSCRIBE, UNSUBSCRIBE, DISCONNECT. MQTT 5.0 §3.8, §3.10, §3.14.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/grant.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::PropertyId;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

// The first one counts, for all filters of the packet.
std::optional<std::string_view> where_of(const mqtt::Properties& properties) {
  for (auto it = properties.begin(); it != properties.end(); ++it)
    if (it->id == PropertyId::UserProperty && it->name == kWhereProperty) return it->text;
  return std::nullopt;
}

}  // namespace

void ClientConnection::handle_subscribe(const mqtt::Subscribe& subscribe) {
  const auto where = where_of(subscribe.properties);
  if (!where) return grant_all(subscribe, nullptr);
  auto condition = worker_.broker().compile_condition(*where);
  if (condition) return grant_all(subscribe, *condition);
  const auto reason = condition.error().code == Errc::Overloaded
                          ? ReasonCode::QuotaExceeded
                          : ReasonCode::ImplementationSpecificError;
  mqtt::Suback answer{.packet_id = subscribe.packet_id, .properties = {}, .reasons = {}};
  answer.reasons.assign(subscribe.subscriptions.size(), reason);
  answer_subscribe(std::move(answer), condition.error().detail, {});
}

void ClientConnection::grant_all(const mqtt::Subscribe& subscribe, const ConditionPtr& condition) {
  auto properties = properties_of(subscribe.properties);
  properties.condition = condition;
  mqtt::Suback answer{.packet_id = subscribe.packet_id, .properties = {}, .reasons = {}};
  std::vector<std::string> wants_retained;
  std::string why;
  for (const auto& request : subscribe.subscriptions) {
    auto granted = grant_subscription(*session_, request, properties, *limits_);
    answer.reasons.push_back(granted.reason);
    if (granted.brings_retained) wants_retained.emplace_back(request.filter);
    if (!granted.why.empty()) why = std::move(granted.why);
  }
  answer_subscribe(std::move(answer), std::move(why), std::move(wants_retained));
}

// The answer waits until the subscriptions are on disk; retained messages follow it.
void ClientConnection::answer_subscribe(mqtt::Suback answer, std::string why,
                                        std::vector<std::string> wants_retained) {
  for (const auto reason : answer.reasons)
    if (mqtt::is_error(reason)) worker_.broker().counters().subscriptions_refused.add(reason);
  if (!why.empty())
    if (const auto untold = worker_.broker().client_lines().due(client_->host))
      log::info("subscription refused", {{"client_id", client_->client_id},
                                         {"address", client_->host},
                                         {"reason", why},
                                         {"untold", *untold}});
  worker_.when_durable([weak = weak_from_this(), answer = std::move(answer), why = std::move(why),
                        wants_retained = std::move(wants_retained)]() mutable {
    const auto self = weak.lock();
    if (!self || self->state_ != State::Open) return;
    std::string properties;
    if (!why.empty() && self->wants_reasons_) {
      const auto around = 16 + answer.reasons.size();  // header, id, lengths, reasons
      mqtt::PropertyWriter(properties).text(PropertyId::ReasonString, why);
      // [MQTT-3.9.2-1]
      if (self->maximum_packet_size_ == 0 ||
          properties.size() + around <= self->maximum_packet_size_)
        answer.properties = mqtt::Properties::from_checked(properties);
    }
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
      session_->set_expiry(bounded_expiry(*expiry));
    }
  }
  left_with_ = disconnect.reason;
  // Only a normal end is one without a will. [MQTT-3.1.2-8] [MQTT-3.14.4-3]
  if (disconnect.reason == ReasonCode::Success) session_->forget_will();
  close();
}

}  // namespace sluice::broker
