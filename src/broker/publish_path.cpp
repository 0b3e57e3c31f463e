// The life of an accepted PUBLISH inside the broker. docs/life-of-a-publish.md walks through it.
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::Qos;
using mqtt::ReasonCode;

namespace {

// There is nobody whom a refusal would reach: where there is no room for one retained message more,
// it goes to those who are subscribed now.
bool may_retain(Broker& broker, const WillMessage& will) {
  if (!will.retain || (broker.limits().point_to_point && addressee_of(will.topic))) return false;
  if (will.payload.empty() || broker.has_room_for_retained(will.topic, bytes_of(will))) return true;
  broker.counters().publishes_refused.add();
  return false;
}

}  // namespace

// Authorise, then quota: why a publish is refused, or Success.
ReasonCode Broker::may_publish(Session& session, const mqtt::Publish& publish) {
  if (!session.worker().decisions().may_publish(session.permissions(), publish.topic, publish.qos,
                                                publish.retain))
    return ReasonCode::NotAuthorized;
  if (publish.retain && !publish.payload.empty() &&
      !has_room_for_retained(publish.topic, publish.topic.size() + publish.payload.size() +
                                                publish.properties.encoded().size()))
    return ReasonCode::QuotaExceeded;
  if (publish.qos == Qos::AtMostOnce && session.worker().log_is_busy()) {
    counters_.dropped_log_busy.add();
    return ReasonCode::ServerBusy;
  }
  return ReasonCode::Success;
}

// Into this turn's batch: appended, dispatched and made durable with all that the turn collects.
void Broker::publish(Worker& worker, const Client& client, const mqtt::Publish& publish,
                     const MatchPtr& match) {
  worker.publish({.topic = publish.topic,
                  .payload = publish.payload,
                  .properties = publish.properties.encoded(),
                  .client_id = client.client_id,
                  .host = client.host,
                  .username = client.username,
                  .packet_id = publish.packet_id,
                  .qos = static_cast<std::uint8_t>(publish.qos),
                  .retain = publish.retain,
                  .dup = publish.dup,
                  .has_username = client.has_username},
                 match);
}

// The rights of the publisher as they are now decide, not those of the time of CONNECT.
void Broker::publish_will(Worker& worker, const std::string& client_id, const WillMessage& will) {
  const Client client{.client_id = client_id,
                      .username = will.username,
                      .has_username = will.has_username,
                      .host = will.host,
                      .listener = will.listener,
                      .terms = will.terms};
  if (access_.enabled() &&
      ((will.has_username && !access_.user_may_exist(will.username)) ||
       !access_.compile(client)->may_publish(will.topic, will.qos, will.retain))) {
    log::warn("will or delayed message not sent: no policy allows it",
              {{"client_id", client_id}, {"topic", will.topic}});
    counters_.publishes_refused.add();
    if (auto& events = worker.events(); events.wants(Event::MessageDropped))
      events.add(Event::MessageDropped, client,
                 {{"reason", mqtt::name_of(ReasonCode::NotAuthorized)},
                  {"topic", will.topic},
                  {"qos", static_cast<int>(will.qos)}});
    return;
  }
  mqtt::Publish publish{.topic = will.topic,
                        .payload = will.payload,
                        .qos = will.qos,
                        .retain = may_retain(*this, will),
                        .dup = false,
                        .packet_id = 0,
                        .properties = mqtt::Properties::from_checked(will.properties)};
  std::string enriched;
  if (enrichment_rules_->some()) publish = enrichment_rules_->enriched(client, publish, enriched);
  this->publish(worker, client, publish, worker.match(will.topic));
}

bool Broker::has_room_for_delayed(std::size_t bytes) const {
  return delayed_.load(std::memory_order_relaxed) < limits().delayed_maximum &&
         delayed_bytes_.load(std::memory_order_relaxed) + bytes <= kDelayedBytes;
}

void Broker::count_delayed(int how_many, std::size_t bytes) {
  if (how_many > 0) {
    delayed_.fetch_add(1, std::memory_order_relaxed);
    delayed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  } else {
    delayed_.fetch_sub(1, std::memory_order_relaxed);
    delayed_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  counters_.delayed.add(how_many);
}

}  // namespace sluice::broker
