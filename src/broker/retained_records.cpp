// What the disk says of retained messages: a record for each topic, beside the log.
#include <algorithm>

#include "broker/broker.hpp"
#include "broker/session_records.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t kExpiredAtOnce = 256;

}  // namespace

bool Broker::has_room_for_retained(std::string_view topic, std::size_t bytes) {
  const auto& limits = this->limits();
  const auto has_room = [&] {
    const auto before = retained_.find(topic);  // whose place it takes
    const auto kept = before ? Retained::bytes_of(*before) : 0;
    return (before || retained_.size() < limits.retained_maximum) &&
           (bytes <= kept || retained_.memory()->has_room_for(bytes - kept, limits.retained_bytes));
  };
  return has_room() || (drop_expired_retained() && has_room());
}

bool Broker::drop_expired_retained() {
  if (!retained_.some_expired(clock_.wall_ms())) return false;
  const auto records = retained_.hold_records();
  return forget_expired_retained();
}

// A part of them, as many as cost a turn little. Their records end before they do. False: there was
// none.
bool Broker::forget_expired_retained() {
  const auto now = clock_.wall_ms();
  if (!retained_.some_expired(now)) return false;
  const auto forget = [this](std::span<const std::string_view> topics) {
    const auto batch = store_.new_batch();
    for (const auto topic : topics) batch->erase(store::StateKind::Retained, topic);
    return store_.append(batch).has_value();
  };
  return retained_.drop_expired(now, kExpiredAtOnce, forget) > 0;
}

Result<store::Position> Broker::record_retained(std::span<const model::MessagePtr> appended) {
  std::vector<std::string_view> topics;
  topics.reserve(appended.size());
  for (const auto& message : appended) topics.push_back(message->topic);
  std::ranges::sort(topics);
  const auto repeated = std::ranges::unique(topics);
  topics.erase(repeated.begin(), repeated.end());

  const auto records = retained_.hold_records();
  forget_expired_retained();
  const auto batch = store_.new_batch();
  for (const auto topic : topics) {
    // Another worker may have appended a newer one since.
    const auto newest = retained_.find(topic);
    if (!newest) {
      batch->erase(store::StateKind::Retained, topic);
      continue;
    }
    const auto record = encode(*newest);
    if (const auto copy = decode_message(record)) retained_.replace(newest, *copy);
    batch->put(store::StateKind::Retained, topic, record);
  }
  return store_.append(batch);
}

const Retained& Broker::unexpired_retained() {
  while (drop_expired_retained()) {
  }
  return retained_;
}

Outcome<void> Broker::remove_retained(const std::string& topic) {
  Result<store::Position> appended;
  {
    const auto records = retained_.hold_records();
    const auto message = retained_.find(topic);
    if (!message)
      return refuse({.errc = Errc::NotFound,
                     .code = "not_found",
                     .detail = "no message is retained on this topic",
                     .hint = "GET /retained lists them"});
    const auto batch = store_.new_batch();
    batch->erase(store::StateKind::Retained, topic);
    appended = store_.append(batch);
    if (appended) retained_.replace(message, nullptr);
  }
  const auto durable = appended ? store_.wait_durable(*appended) : tl::unexpected(appended.error());
  if (durable) return {};
  return refuse({.errc = durable.error().code,
                 .code = std::string(name_of(durable.error().code)),
                 .detail = "the log takes nothing: " + durable.error().detail,
                 .hint = "GET /health/ready says why; then try again"});
}

// Where it will stand is not known yet: not before the head. The record that says so follows.
void Broker::keep_retained(Worker& worker, const Client& client, const mqtt::Publish& publish) {
  auto& batch = worker.publishing_with_record();
  if (publish.payload.empty()) return batch.erase(store::StateKind::Retained, publish.topic);
  const model::Message unplaced{.id = {0, store_.head().get()},
                                .timestamp_ms = clock_.wall_ms(),
                                .topic = publish.topic,
                                .payload = publish.payload,
                                .properties = publish.properties.encoded(),
                                .client_id = client.client_id,
                                .host = client.host,
                                .username = client.username,
                                .packet_id = publish.packet_id,
                                .qos = static_cast<std::uint8_t>(publish.qos),
                                .retain = true,
                                .dup = publish.dup,
                                .has_username = client.has_username};
  batch.put(store::StateKind::Retained, publish.topic, encode(unplaced));
}

}  // namespace sluice::broker
