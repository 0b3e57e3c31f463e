#include "broker/events.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>

#include "broker/broker.hpp"
#include "broker/worker.hpp"
#include "model/message.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

struct EventKind {
  std::string_view topic;
  std::string_view name;
};

constexpr std::array<EventKind, 8> kEventKinds = {{
    {"$events/client/connected", "client.connected"},
    {"$events/client/disconnected", "client.disconnected"},
    {"$events/session/created", "session.created"},
    {"$events/session/subscribed", "session.subscribed"},
    {"$events/session/unsubscribed", "session.unsubscribed"},
    {"$events/session/terminated", "session.terminated"},
    {"$events/message/dropped", "message.dropped"},
    {"$events/message/undelivered", "message.undelivered"},
}};

const EventKind& kind_of_event(Event event) {
  return kEventKinds.at(static_cast<std::size_t>(event));
}

}  // namespace

bool Events::wants(std::string_view topic) const {
  return worker_.broker().filters().some_dollar_filter() && !worker_.match(topic)->nobody();
}

bool Events::wants(Event event) {
  auto* listener = worker_.broker().event_listener;
  is_admitted_ = listener != nullptr && listener->admits(event);
  return is_admitted_ || wants(kind_of_event(event).topic);
}

bool Events::is_in_time(Event event) {
  if (event != Event::MessageDropped && event != Event::MessageUndelivered) return true;
  const auto now = worker_.broker().clock().steady();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    messages_ = 0;
  }
  if (++messages_ <= kMessagesPerSecond) return true;
  worker_.broker().counters().events_dropped.add();
  return false;
}

void Events::add(Event event, const Client& client, json::object details) {
  const bool is_admitted = std::exchange(is_admitted_, false);
  auto& broker = worker_.broker();
  const auto& [topic, name] = kind_of_event(event);
  json::object shown{{"event", name},
                     {"clientid", client.client_id},
                     {"username", nullptr},
                     {"peername", client.host},
                     {"node", broker.options().node_name},
                     {"timestamp", broker.clock().wall_ms()}};
  if (client.has_username) shown["username"] = client.username;
  for (auto& [key, value] : details) shown[key] = std::move(value);
  if (wants(topic) && is_in_time(event)) tell(client, std::string(topic), shown);
  if (is_admitted) broker.event_listener->take(event, std::move(shown));
}

void Events::tell(const Client& client, std::string topic, const json::object& shown) {
  keep({.topic = std::move(topic),
        .payload = json::serialize(shown),
        .client_id = client.client_id,
        .username = client.username,
        .host = client.host,
        .has_username = client.has_username});
}

void Events::add_undelivered(const Client& receiver, const model::Message& message,
                             std::string_view reason) {
  // What tells of messages is not told of.
  if (message.topic.starts_with('$') || !wants(Event::MessageUndelivered)) return;
  add(Event::MessageUndelivered, receiver,
      {{"reason", reason},
       {"topic", message.topic},
       {"qos", message.qos},
       {"message_id", model::to_hex(message.id)},
       {"from_clientid", message.client_id}});
}

void Events::add(std::string topic, std::string payload) {
  if (!wants(topic)) return;
  keep({.topic = std::move(topic),
        .payload = std::move(payload),
        .client_id = {},
        .username = {},
        .host = {}});
}

void Events::add_state(const std::string& name, std::string topic, std::string payload) {
  if (!wants(topic)) return;
  const auto now = worker_.broker().clock().steady();
  if (!subjects_.contains(name))
    std::erase_if(subjects_, [&](const auto& entry) {
      const auto& other = entry.second;
      return !other.is_late && now - other.last >= kStatesAtOnce * kStateInterval;
    });
  auto& subject = subjects_[name];
  const auto passed = static_cast<std::size_t>((now - subject.last) / kStateInterval);
  if (passed > 0) {
    subject.told -= std::min(subject.told, passed);
    subject.last = now;
  }
  Entry entry{.topic = std::move(topic),
              .payload = std::move(payload),
              .client_id = {},
              .username = {},
              .host = {}};
  if (!subject.is_late && subject.told < kStatesAtOnce) {
    ++subject.told;
    return keep(std::move(entry));
  }
  if (subject.is_late) worker_.broker().counters().events_dropped.add();
  subject.newest = std::move(entry);
  if (!std::exchange(subject.is_late, true))
    worker_.timers().after(kStateInterval, [this, name] { tell_late(name); });
}

void Events::tell_late(const std::string& name) {
  auto& subject = subjects_[name];
  subject.is_late = false;
  subject.last = worker_.broker().clock().steady();
  if (wants(subject.newest.topic)) keep(std::exchange(subject.newest, {}));
}

void Events::keep(Entry entry) {
  const auto bytes = entry.topic.size() + entry.payload.size();
  if (waiting_.size() >= kMaximum || bytes_ + bytes > kMaximumBytes) {
    worker_.broker().counters().events_dropped.add();
    return;
  }
  bytes_ += bytes;
  waiting_.push_back(std::move(entry));
}

void Events::flush() {
  bytes_ = 0;
  for (const auto& entry : std::exchange(waiting_, {}))
    worker_.publish({.topic = entry.topic,
                     .payload = entry.payload,
                     .properties = {},
                     .client_id = entry.client_id,
                     .host = entry.host,
                     .username = entry.username,
                     .has_username = entry.has_username},
                    worker_.match(entry.topic));
}

}  // namespace sluice::broker
