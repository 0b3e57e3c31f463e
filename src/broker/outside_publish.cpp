// A message that comes by REST, of an administrator or of a user: the way of every other, from a
// worker's turn on. Where a user's rights decide, they do as for an MQTT client of that user.
#include <future>

#include "broker/block_rules.hpp"
#include "broker/broker.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

// Longer than a log that is behind needs to catch up.
constexpr std::chrono::seconds kDurableWithin{10};

Refusal not_allowed(std::string detail, std::string hint) {
  return {.errc = Errc::NotAuthorized,
          .code = "not_allowed",
          .detail = std::move(detail),
          .hint = std::move(hint)};
}

Refusal invalid(std::string pointer, std::string detail) {
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = "the message cannot be published as it stands",
          .hint = "`fields` says where and what is right",
          .fields = {{std::move(pointer), std::move(detail)}}};
}

// A task that is told to `block` has no room for more. None: it has, or there is no such task.
std::optional<Refusal> refuse_for_room(const Match& match, store::Position head) {
  bool is_full = false;
  for (const auto& limit : match.limits) {
    if (!limit->is_reached(head)) continue;
    limit->tell_held();
    is_full = true;
  }
  if (!is_full) return std::nullopt;
  return Refusal{.errc = Errc::Overloaded,
                 .code = "overloaded",
                 .detail =
                     "a task that takes this topic blocks its publishers: its back-log is at "
                     "`delivery.backlog_bytes`",
                 .hint = "try again later; GET /tasks says which one waits, and for what"};
}

}  // namespace

Refusal log_refused(const store::Health& health) {
  if (health.accepting) {
    return {.errc = Errc::Overloaded,
            .code = "overloaded",
            .detail = "the log is behind: the message may be stored all the same",
            .hint = "look for it before you publish it again"};
  }
  return {.errc = health.reason,
          .code = std::string(name_of(health.reason)),
          .detail = "the log takes no messages: " + health.detail,
          .hint = "GET /health/ready says when it does"};
}

// The answer to one publish; when it is lost on the way, because the log closed, that is an answer
// too.
struct Broker::Ticket {
  explicit Ticket(store::Store& store) : store(store) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!is_answered) answer(tl::unexpected(log_refused(store.health())));
  }
  void answer(Outcome<Published> outcome) {
    is_answered = true;
    promise.set_value(std::move(outcome));
  }

  store::Store& store;
  std::promise<Outcome<Published>> promise;
  bool is_answered = false;
};

Outcome<Published> Broker::publish_from_outside(const OutsideMessage& message) {
  auto ticket = std::make_shared<Ticket>(store_);
  auto answer = ticket->promise.get_future();
  auto& worker = worker_of(message.client.client_id);
  worker.post([this, &worker, message, ticket = std::move(ticket)] {
    publish_on(worker, message, ticket);
  });
  if (answer.wait_for(kDurableWithin) != std::future_status::ready) {
    return refuse(log_refused(store_.health()));
  }
  return answer.get();
}

void Broker::publish_on(Worker& worker, const OutsideMessage& given,
                        const std::shared_ptr<Ticket>& ticket) {
  auto message = given;
  // Before the rights are asked, as for a client's.
  if (limits().point_to_point && addressee_of(message.topic)) message.retain = false;
  if (auto refused = refuse_outside(worker, message)) {
    counters_.publishes_refused.add();
    return ticket->answer(tl::unexpected(std::move(*refused)));
  }
  const auto index = worker.publishing().message_count();
  const bool reaches_somebody = !worker.match(message.topic)->nobody();
  publish_one(worker, message);
  worker.when_durable([ticket, turn = worker.publishing_turn(), index, reaches_somebody] {
    if (!turn->refused) ticket->answer(Published{turn->batch->message(index).id, reaches_somebody});
  });
}

void Broker::publish_one(Worker& worker, const OutsideMessage& message) {
  mqtt::Publish publish{.topic = message.topic,
                        .payload = message.payload,
                        .qos = message.qos,
                        .retain = message.retain,
                        .dup = false,
                        .packet_id = 0,
                        .properties = mqtt::Properties::from_checked(message.properties)};
  std::string enriched;
  if (enrichment_rules_->some())
    publish = enrichment_rules_->enriched(message.client, publish, enriched);
  this->publish(worker, message.client, publish, worker.match(message.topic));
}

std::optional<Refusal> Broker::refuse_outside(Worker& worker, const OutsideMessage& message) {
  const auto& limits = this->limits();
  if (!mqtt::is_valid_topic_name(message.topic, limits.topic_levels)) {
    return invalid("/topic", "must be a topic name of at most " +
                                 std::to_string(limits.topic_levels) + " levels");
  }
  const auto size = message.topic.size() + message.payload.size() + message.properties.size();
  if (size > limits.maximum_packet_size) {
    return invalid("/payload", "is larger than mqtt.maximum_packet_size allows: " +
                                   std::to_string(limits.maximum_packet_size) + " bytes");
  }
  if (static_cast<std::uint8_t>(message.qos) > limits.maximum_qos) {
    return invalid("/qos", "must be at most " + std::to_string(limits.maximum_qos));
  }
  if (message.topic.starts_with('$')) {
    return not_allowed("topics that begin with `$` belong to the server",
                       "choose a topic that begins otherwise");
  }
  if (message.checks_policies) {
    if (auto refused = refuse_user(worker, message)) return refused;
  }
  if (message.retain && !message.payload.empty() && !has_room_for_retained(message.topic, size)) {
    return Refusal{.errc = Errc::WrongState,
                   .code = "limit_reached",
                   .detail = "there are as many retained messages as there may be",
                   .hint = "mqtt.retained_maximum and mqtt.retained_bytes are the limits"};
  }
  if (worker.log_is_busy()) return log_refused(store_.health());
  if (auto refused = refuse_for_room(*worker.match(message.topic), store_.head())) return refused;
  if (message.checks_policies && !is_due(message.client)) {
    return Refusal{.errc = Errc::Overloaded,
                   .code = std::string(kTooManyMessages),
                   .detail = "`" + message.client.username +
                             "` publishes faster than mqtt.messages_per_second_per_client allows",
                   .hint = "wait as long as Retry-After says"};
  }
  return std::nullopt;
}

// What would keep a client of this user from the same: at CONNECT, then at PUBLISH.
std::optional<Refusal> Broker::refuse_user(Worker& worker, const OutsideMessage& message) {
  const auto& client = message.client;
  if (block_rules_->blocking(client)) {
    counters_.clients_blocked.add();
    return not_allowed("a block rule keeps this client out", "GET /block-rules shows them");
  }
  if (!access_.enabled()) return std::nullopt;
  const auto& username = client.username;
  if (!access_.user_exists(username)) {
    return invalid("/username", "there is no user `" + username + "`");
  }
  const auto session = worker.find_session(client.client_id);
  if (session && !session->ended() && session->client().username != username) {
    return not_allowed("the client id belongs to another user", "choose another `client_id`");
  }
  const auto rights = access_.compile(client);
  if (message.is_by_user && !rights->may_connect()) {
    return not_allowed("no policy allows `" + username + "` to connect as this client from here",
                       "`listeners` of a policy has `admin` for REST");
  }
  if (!rights->may_publish(message.topic, message.qos, message.retain)) {
    return not_allowed("no policy allows `" + username + "` to publish this",
                       "POST /policies makes one; administrators who leave `username` out publish "
                       "as themselves");
  }
  return std::nullopt;
}

// By name: whoever publishes by REST can choose client ids at will.
bool Broker::is_due(const Client& client) {
  const auto per_second = limits().messages_per_second;
  if (per_second == 0) return true;
  return user_paces_.with(
      [&](auto& paces) { return paces[client.username].take_if_due(per_second, clock_.steady()); });
}

}  // namespace sluice::broker
