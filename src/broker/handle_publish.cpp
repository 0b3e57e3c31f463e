// PUBLISH from a client, and PUBREL that ends one of QoS 2. MQTT 5.0 §3.3, §4.3.
#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::PacketType;
using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

constexpr std::string_view kServersTopic = "topics that begin with $ belong to the server";

// Also those that mean something only in a subscription.
bool is_server_topic(std::string_view topic) {
  constexpr std::array<std::string_view, 5> kTrees = {"$SYS", "$events", "$delayed", "$share",
                                                      "$queue"};
  return std::ranges::find(kTrees, topic.substr(0, topic.find('/'))) != kTrees.end();
}

constexpr std::string_view kDelayedTopic =
    "must be $delayed/{1 to 2592000 seconds}/{topic without wildcards or a leading $}";
constexpr std::string_view kTooManyDelayed = "too many delayed messages wait: mqtt.delayed_maximum";

PacketType answer_to(const mqtt::Publish& publish) {
  return publish.qos == Qos::AtLeastOnce ? PacketType::Puback : PacketType::Pubrec;
}

}  // namespace

void ClientConnection::handle_publish(mqtt::Publish& publish) {
  auto& broker = worker_.broker();
  const auto& limits = *limits_;
  ++worker_.traffic().received;
  if (const auto per_second = broker.limits(client_->listener).messages_per_second; per_second != 0)
      [[unlikely]]
    hold_back(per_second);
  if (static_cast<std::uint8_t>(publish.qos) > limits.maximum_qos) {  // [MQTT-3.2.2-11]
    disconnect(ReasonCode::QosNotSupported);
    return;
  }
  if (const auto reason = resolve_alias(publish)) {
    disconnect(*reason);
    return;
  }
  if (publish.qos == Qos::ExactlyOnce && session_->is_incoming(publish.packet_id)) {
    // It is in the log already, or on its way there: only the answer is repeated. [MQTT-4.3.3-10]
    worker_.when_durable([weak = weak_from_this(), packet_id = publish.packet_id] {
      if (const auto self = weak.lock())
        self->send_ack(PacketType::Pubrec, packet_id, ReasonCode::Success);
    });
    return;
  }
  // MQTT 3 knows no Receive Maximum: there the log's own bound holds the client back.
  if (publish.qos != Qos::AtMostOnce && ++unacknowledged_ > limits.receive_maximum &&
      version_ == Version::V5) {
    disconnect(ReasonCode::ReceiveMaximumExceeded);  // [MQTT-3.3.4-9]
    return;
  }
  if (publish.topic.starts_with('$')) {
    handle_dollar_topic(publish);
    return;
  }
  // Nobody but its addressee may find it, and retained messages are for all. Those from before the
  // switch was turned on can be taken away.
  if (publish.retain && !publish.payload.empty() && broker.limits().point_to_point &&
      addressee_of(publish.topic))
    publish.retain = false;
  const auto refused = broker.may_publish(*session_, publish);
  if (refused != ReasonCode::Success)
    refuse_publish(publish, refused);
  else
    accept_publish(publish, worker_.match(publish.topic));
}

// Topic Alias: an empty topic stands for the one that the alias was given. [MQTT-3.3.2-8]
std::optional<ReasonCode> ClientConnection::resolve_alias(mqtt::Publish& publish) {
  if (version_ != Version::V5 || publish.properties.empty()) return std::nullopt;
  const auto alias = publish.properties.number(PropertyId::TopicAlias);
  if (!alias) return std::nullopt;
  if (*alias == 0 || *alias > limits_->topic_alias_maximum) return ReasonCode::TopicAliasInvalid;
  auto& known = aliases().received;
  if (known.size() < *alias) known.resize(*alias);
  auto& topic = known[*alias - 1];
  if (publish.topic.empty()) {
    if (topic.empty()) return ReasonCode::ProtocolError;
    publish.topic = topic;
  } else if (!keep_alias(topic, publish.topic)) {
    return ReasonCode::QuotaExceeded;
  }
  auto& rest = worker_.scratch();
  rest.clear();
  for (const auto& property : publish.properties)
    if (property.id != PropertyId::TopicAlias) rest.append(property.encoded);
  publish.properties = mqtt::Properties::from_checked(rest);
  return std::nullopt;
}

// False: all aliases together have no room for it.
bool ClientConnection::keep_alias(std::string& topic, std::string_view given) {
  auto& all = aliases();
  const bool grows = given.size() > topic.size();
  if (grows && !all.memory->has_room_for(given.size() - topic.size(),
                                         worker_.broker().limits().aliases_bytes))
    return false;
  if (given.size() != topic.size()) {
    all.memory->add(given.size());
    all.memory->take_away(topic.size());
    all.bytes += given.size();
    all.bytes -= topic.size();
  }
  topic = given;
  return true;
}

void ClientConnection::refuse_publish(const mqtt::Publish& publish, ReasonCode reason,
                                      std::string_view why) {
  worker_.broker().counters().publishes_refused.add();
  if (auto& events = worker_.events(); events.wants(Event::MessageDropped))
    events.add(Event::MessageDropped, *client_,
               {{"reason", mqtt::name_of(reason)},
                {"topic", publish.topic},
                {"qos", static_cast<int>(publish.qos)}});
  if (publish.qos == Qos::AtMostOnce) return;
  if (version_ != Version::V5)
    if (const auto untold = worker_.broker().client_lines().due(client_->host))
      log::info("client disconnected: MQTT 3 knows no other way to refuse what it published",
                {{"client_id", client_->client_id},
                 {"topic", publish.topic},
                 {"reason", mqtt::name_of(reason)},
                 {"untold", *untold}});
  acknowledge_publish(answer_to(publish), publish.packet_id, reason, why);
}

void ClientConnection::accept_publish(const mqtt::Publish& received, const MatchPtr& match) {
  if (match->topic_levels > limits_->topic_levels) {
    disconnect(ReasonCode::TopicNameInvalid);
    return;
  }
  if (const auto& rules = worker_.broker().enrichment_rules(); rules.some()) [[unlikely]] {
    std::string enriched;
    return store_publish(rules.enriched(*client_, received, enriched), match);
  }
  store_publish(received, match);
}

void ClientConnection::store_publish(const mqtt::Publish& publish, const MatchPtr& match) {
  // 0x10 tells an MQTT 5 publisher that nobody listens just now; the message is stored all the
  // same.
  const auto reason = match->nobody() && version_ == Version::V5 ? ReasonCode::NoMatchingSubscribers
                                                                 : ReasonCode::Success;
  // With QoS 2 the message and its packet id are kept together or not at all: what the client sends
  // again after a crash must be known if, and only if, it is in the log.
  auto& batch = worker_.publishing();
  if (publish.qos == Qos::ExactlyOnce) batch.begin_atomic();
  worker_.broker().publish(worker_, *client_, publish, match);
  if (!match->limits.empty()) [[unlikely]]
    wait_for_room(match);
  if (publish.qos == Qos::ExactlyOnce) {
    session_->add_incoming(publish.packet_id, batch);
    if (publish.retain) worker_.broker().keep_retained(worker_, *client_, publish);
    batch.end_atomic();
  }
  if (publish.qos == Qos::AtMostOnce) return;
  worker_.acknowledge_publish({.connection = this,
                               .type = answer_to(publish),
                               .reason = reason,
                               .packet_id = publish.packet_id});
}

// Of topics that begin with `$` some are the server's, and clients may publish into one tree of
// those. The others are nobody's. [MQTT-4.7.2-1]
void ClientConnection::handle_dollar_topic(const mqtt::Publish& publish) {
  if (is_delayed_topic(publish.topic)) return handle_delayed_topic(publish);
  if (is_server_topic(publish.topic))
    return refuse_publish(publish, ReasonCode::NotAuthorized, kServersTopic);
  handle_unused_topic(publish);
}

// Clients are not to reach each other there (§4.7.2): MQTT 5 has a word for that, and needs no
// others. MQTT 3 has none: who may write there would come back with the same message for ever, so
// it is kept, but for nobody. docs/adr/0030-dollar-topics-of-nobody.md
void ClientConnection::handle_unused_topic(const mqtt::Publish& publish) {
  auto& broker = worker_.broker();
  const bool is_refused =
      version_ == Version::V5 ||
      !session_->permissions()->may_publish(publish.topic, publish.qos, publish.retain);
  if (const auto untold = broker.client_lines().due(client_->host))
    log::info(
        "topics that begin with $ are no way from client to client: what is published there "
        "reaches nobody",
        {{"client_id", client_->client_id},
         {"host", client_->host},
         {"topic", publish.topic},
         {"refused", is_refused ? "true" : "false"},
         {"untold", *untold}});
  if (is_refused) return refuse_publish(publish, ReasonCode::NotAuthorized);
  broker.counters().delivered_to_nobody.add();
  if (publish.qos == Qos::AtMostOnce) return;
  if (!mqtt::is_valid_topic_name(publish.topic, limits_->topic_levels))
    return disconnect(ReasonCode::TopicNameInvalid);
  auto unretained = publish;  // what is retained is delivered later on
  unretained.retain = false;
  accept_publish(unretained, broker.filters().nobody());
}

void ClientConnection::handle_delayed_topic(const mqtt::Publish& publish) {
  const auto delayed = parse_delayed_topic(publish.topic);
  if (!delayed || delayed->topic.starts_with('$') ||
      !mqtt::is_valid_topic_name(delayed->topic, limits_->topic_levels))
    return refuse_publish(publish, ReasonCode::TopicNameInvalid, kDelayedTopic);
  auto inner = publish;
  inner.topic = delayed->topic;
  if (const auto reason = worker_.broker().may_publish(*session_, inner);
      reason != ReasonCode::Success)
    return refuse_publish(publish, reason);
  accept_delayed(inner, delayed->seconds);
}

void ClientConnection::accept_delayed(const mqtt::Publish& publish, std::uint32_t seconds) {
  auto& broker = worker_.broker();
  DelayedMessages::Entry entry{.client_id = client_->client_id,
                               .due_ms = broker.clock().wall_ms() + std::int64_t{seconds} * 1000,
                               .message = {.topic = std::string(publish.topic),
                                           .payload = std::string(publish.payload),
                                           .properties = std::string(publish.properties.encoded()),
                                           .qos = publish.qos,
                                           .retain = publish.retain,
                                           .username = client_->username,
                                           .has_username = client_->has_username,
                                           .host = client_->host,
                                           .listener = client_->listener,
                                           .terms = client_->terms}};
  if (!broker.has_room_for_delayed(DelayedMessages::bytes_of(entry.message)))
    return refuse_publish(publish, ReasonCode::QuotaExceeded, kTooManyDelayed);
  auto& batch = worker_.publishing();
  if (publish.qos == Qos::ExactlyOnce) batch.begin_atomic();
  worker_.delayed().add(std::move(entry));
  if (publish.qos == Qos::ExactlyOnce) {
    session_->add_incoming(publish.packet_id, batch);
    batch.end_atomic();
  }
  if (publish.qos == Qos::AtMostOnce) return;
  worker_.acknowledge_publish({.connection = this,
                               .type = answer_to(publish),
                               .reason = ReasonCode::Success,
                               .packet_id = publish.packet_id});
}

void ClientConnection::handle_ack(const mqtt::Ack& ack) {
  if (!session_) return;
  auto& delivery = session_->delivery();
  switch (ack.type) {
    case PacketType::Puback:
      (void)delivery.on_puback(ack.packet_id);  // one too many is not an error
      return;
    case PacketType::Pubrec:
      if (!delivery.on_pubrec(ack.packet_id, ack.reason) && !mqtt::is_error(ack.reason))
        send_ack(PacketType::Pubrel, ack.packet_id, ReasonCode::PacketIdentifierNotFound);
      return;
    case PacketType::Pubcomp:
      (void)delivery.on_pubcomp(ack.packet_id);
      return;
    default:
      handle_pubrel(ack);
  }
}

void ClientConnection::handle_pubrel(const mqtt::Ack& ack) {
  const auto reason = session_->release_incoming(ack.packet_id)
                          ? ReasonCode::Success
                          : ReasonCode::PacketIdentifierNotFound;
  worker_.when_durable([weak = weak_from_this(), packet_id = ack.packet_id, reason] {
    const auto self = weak.lock();
    if (!self) return;
    if (reason == ReasonCode::Success && self->unacknowledged_ > 0) --self->unacknowledged_;
    self->send_ack(PacketType::Pubcomp, packet_id, reason);
  });
}

}  // namespace sluice::broker
