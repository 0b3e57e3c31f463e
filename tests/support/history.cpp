#include "support/history.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "mqtt/topic.hpp"

namespace sluice::test {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 11> kKinds = {
    "publish",   "acknowledged", "refused", "subscribed", "unsubscribed", "asked",
    "delivered", "cursor",       "broken",  "killed",     "end"};

std::string name_of(const std::string& client, std::uint64_t sequence) {
  return client + ":" + std::to_string(sequence);
}

}  // namespace

std::string to_json(const Event& event) {
  json::object out;
  out["event"] = kKinds[static_cast<std::size_t>(event.kind)];
  if (!event.client.empty()) out["client"] = event.client;
  if (!event.consumer.empty()) out["consumer"] = event.consumer;
  if (!event.topic.empty()) out["topic"] = event.topic;
  const bool of_message =
      event.kind <= Event::Kind::Refused || event.kind == Event::Kind::Delivered;
  if (of_message) out["sequence"] = event.sequence;
  const bool has_qos =
      of_message || event.kind == Event::Kind::Subscribed || event.kind == Event::Kind::Asked;
  if (has_qos) out["qos"] = event.qos;
  if (event.offset != 0) out["offset"] = event.offset;
  if (event.is_group) out["group"] = true;
  return json::serialize(out);
}

Result<Event> event_of(std::string_view text) {
  json::error_code error;
  const auto parsed = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !parsed.is_object()) return fail(Errc::InvalidArgument, "no JSON object");
  const auto& object = parsed.get_object();
  const auto word = [&](std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  const auto number = [&](std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
  };
  const auto kind = std::ranges::find(kKinds, word("event"));
  if (kind == kKinds.end()) return fail(Errc::InvalidArgument, "no event of a history");
  return Event{.kind = static_cast<Event::Kind>(kind - kKinds.begin()),
               .client = word("client"),
               .sequence = number("sequence"),
               .topic = word("topic"),
               .consumer = word("consumer"),
               .qos = static_cast<int>(number("qos")),
               .offset = number("offset"),
               .is_group = object.contains("group")};
}

void HistoryChecker::accuse(std::string rule, std::string what) {
  if (!violation_) violation_ = Violation{std::move(rule), std::move(what)};
}

void HistoryChecker::add(const Event& event) {
  ++now_;
  const MessageId id{event.client, event.sequence};
  switch (event.kind) {
    case Event::Kind::Publish:
      sent_.emplace(id, Sent{.topic = event.topic, .qos = event.qos, .at = now_});
      return;
    case Event::Kind::Acknowledged:
      if (auto& sent = sent_[id]; sent.acknowledged_at == 0) {
        sent.acknowledged_at = now_;
        ++acknowledged_;
      }
      return;
    case Event::Kind::Refused:
      sent_[id].was_refused = true;
      return;
    case Event::Kind::Subscribed:
      return subscribe(event);
    case Event::Kind::Unsubscribed:
      note_qos(event, 0);
      consumers_[event.consumer].filters.erase(event.topic);
      return;
    case Event::Kind::Asked:
      return ask(event);
    case Event::Kind::Delivered:
      return deliver(event);
    case Event::Kind::Cursor:
      return judge_cursor(event);
    case Event::Kind::Broken:
      if (!event.client.empty()) broken_at_[event.client] = now_;
      if (!event.consumer.empty()) consumers_[event.consumer].broken_at = now_;
      return;
    case Event::Kind::Killed:
      killed_at_ = now_;
      return;
    case Event::Kind::End:
      if (const auto missing = find_missing())
        accuse("lost", missing->first + " never got " +
                           name_of(missing->second.first, missing->second.second) +
                           ", which was acknowledged");
      return;
  }
}

void HistoryChecker::note_qos(const Event& event, int qos) {
  auto& known = consumers_[event.consumer].changed[event.topic];
  if (known.second != qos) known = {now_, qos};
}

void HistoryChecker::subscribe(const Event& event) {
  note_qos(event, event.qos);
  auto& consumer = consumers_[event.consumer];
  consumer.is_group = event.is_group;
  auto& periods = consumer.filters[event.topic];
  const bool is_under_way = !periods.empty() && periods.back().until == UINT64_MAX;
  if (event.qos > 0 && !is_under_way) periods.push_back({.since = now_});
}

// Nobody knows which QoS holds until the answer comes.
void HistoryChecker::ask(const Event& event) {
  consumers_[event.consumer].changed[event.topic] = {UINT64_MAX, -1};
  if (event.qos > 0) return;
  const auto found = consumers_[event.consumer].filters.find(event.topic);
  if (found == consumers_[event.consumer].filters.end() || found->second.empty()) return;
  auto& last = found->second.back();
  last.until = std::min(last.until, now_);
}

void HistoryChecker::deliver(const Event& event) {
  ++delivered_;
  const MessageId id{event.client, event.sequence};
  const auto sent = sent_.find(id);
  if (sent == sent_.end())
    return accuse("invented", event.consumer + " got " + name_of(event.client, event.sequence) +
                                  ", which nobody sent");
  auto& consumer = consumers_[event.consumer];
  consumer.is_group = consumer.is_group || event.is_group;
  auto& received = consumer.received[id];
  const bool is_first = ++received.times == 1;
  judge_offset(event, consumer, is_first);
  if (!is_first) return judge_repeat(event, sent->second, received, consumer);
  received.qos = event.qos;
  auto& last = consumer.last[{event.client, event.qos}];
  // What it was sent again of may be all that was stored since the consumer subscribed.
  if (sent->second.was_refused || consumer.is_group || !is_ordered(consumer, sent->second)) return;
  if (event.sequence < last)
    return accuse("order", event.consumer + " got " + name_of(event.client, event.sequence) +
                               " after " + name_of(event.client, last));
  last = event.sequence;
}

void HistoryChecker::judge_repeat(const Event& event, const Sent& sent, const Received& received,
                                  const Consumer& consumer) {
  const auto what = event.consumer + " got " + name_of(event.client, event.sequence) + " " +
                    std::to_string(received.times) + " times";
  // A publisher sends QoS 1 again when it does not know, and after a refusal.
  const auto broken = broken_at_.find(event.client);
  const bool sent_again =
      sent.qos == 1 &&
      (sent.was_refused || (broken != broken_at_.end() && broken->second > sent.at));
  if (sent_again || (sent.qos == 1 && killed_at_ > sent.at)) return;
  if (sent.qos == 2 && received.qos == 2 && event.qos == 2)
    return accuse("twice", what + ", of QoS 2");
  if (killed_at_ <= sent.at && consumer.broken_at <= sent.at)
    return accuse("twice", what + ", and nothing had broken");
}

void HistoryChecker::judge_offset(const Event& event, Consumer& consumer, bool is_first) {
  if (event.offset == 0) return;
  const MessageId id{event.client, event.sequence};
  const auto [known, is_new] = consumer.offsets.emplace(event.offset, id);
  if (!is_new && known->second != id)
    return accuse("offset", "offset " + std::to_string(event.offset) + " is of two messages");
  if (!is_first) return;
  // What comes for the first time at or before the cursor was passed without being delivered.
  if (event.offset <= consumer.cursor)
    accuse("cursor", event.consumer + "'s cursor at " + std::to_string(consumer.cursor) +
                         " had passed " + name_of(event.client, event.sequence));
  if (consumer.is_group) return;
  if (event.offset < consumer.highest_offset)
    return accuse("offset", event.consumer + " went back from offset " +
                                std::to_string(consumer.highest_offset) + " to " +
                                std::to_string(event.offset));
  consumer.highest_offset = event.offset;
}

void HistoryChecker::judge_cursor(const Event& event) {
  auto& consumer = consumers_[event.consumer];
  if (event.offset < consumer.cursor)
    accuse("cursor", event.consumer + "'s cursor went back from " +
                         std::to_string(consumer.cursor) + " to " + std::to_string(event.offset));
  consumer.cursor = std::max(consumer.cursor, event.offset);
}

bool HistoryChecker::is_due(const Consumer& consumer, const Sent& sent) {
  return std::ranges::any_of(consumer.filters, [&](const auto& entry) {
    const auto& [filter, periods] = entry;
    return mqtt::matches(filter, sent.topic) &&
           std::ranges::any_of(periods, [&](const Period& period) {
             const bool is_open = period.until == UINT64_MAX;
             const bool is_in_time =
                 sent.acknowledged_at != 0 && sent.acknowledged_at < period.until;
             return period.since < sent.at && (is_open || is_in_time);
           });
  });
}

// [MQTT-4.6.0-6] is of one QoS: after a kill what was sent with another one before comes with the
// newest, and may be behind what had that one already.
bool HistoryChecker::is_ordered(const Consumer& consumer, const Sent& sent) {
  return is_due(consumer, sent) && std::ranges::none_of(consumer.changed, [&](const auto& entry) {
           return entry.second.first >= sent.at && mqtt::matches(entry.first, sent.topic);
         });
}

bool HistoryChecker::is_missing(const std::string& consumer, const MessageId& id) const {
  const auto sent = sent_.find(id);
  const auto found = consumers_.find(consumer);
  if (sent == sent_.end() || found == consumers_.end() || sent->second.acknowledged_at == 0)
    return false;
  return is_due(found->second, sent->second) && !found->second.received.contains(id);
}

std::optional<std::pair<std::string, HistoryChecker::MessageId>> HistoryChecker::find_missing()
    const {
  for (const auto& [id, sent] : sent_) {
    if (sent.acknowledged_at == 0) continue;
    for (const auto& [name, consumer] : consumers_)
      if (is_due(consumer, sent) && !consumer.received.contains(id)) return std::pair(name, id);
  }
  return std::nullopt;
}

}  // namespace sluice::test
