#include "broker/tracer.hpp"

#include <algorithm>
#include <utility>

#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

// Neighbours in the log are not sampled together.
bool is_sampled(model::Position position, std::uint32_t one_in) {
  return one_in > 0 && (position.get() * 0x9e3779b97f4a7c15ULL >> 32) % one_in == 0;
}

}  // namespace

std::string_view name_of(Tracer::What what) {
  switch (what) {
    case Tracer::What::Received:
      return "received";
    case Tracer::What::Sent:
      return "sent";
    case Tracer::What::SentAgain:
      return "sent_again";
    case Tracer::What::Acknowledged:
      return "acknowledged";
  }
  return "sent";
}

void Tracer::set_rules(Rules rules) {
  const std::scoped_lock lock(mutex_);
  rules_ = std::move(rules);
  on_.store(rules_.any(), std::memory_order_relaxed);
}

Tracer::Rules Tracer::rules() const {
  const std::scoped_lock lock(mutex_);
  return rules_;
}

bool Tracer::is_traced(const model::Message& message, std::string_view client_id) const {
  const std::scoped_lock lock(mutex_);
  return is_traced_locked(message, client_id);
}

bool Tracer::is_traced_locked(const model::Message& message, std::string_view client_id) const {
  const auto matches = [&](const std::string& filter) {
    return mqtt::matches(filter, message.topic);
  };
  const auto is_client = [&](const std::string& id) {
    return id == client_id || id == message.client_id;
  };
  return is_sampled(message.position(), rules_.one_in) ||
         std::ranges::any_of(rules_.client_ids, is_client) ||
         std::ranges::any_of(rules_.filters, matches);
}

void Tracer::note(What what, const model::Message& message, std::string_view client_id,
                  std::uint8_t qos) {
  const auto now_ms = clock_.wall_ms();
  const std::scoped_lock lock(mutex_);
  if (!is_traced_locked(message, client_id)) return;
  keep_locked({.message = message.id,
               .at_ms = now_ms,
               .what = what,
               .qos = qos,
               .client_id = std::string(client_id.substr(0, kMostNameBytes))});
}

void Tracer::note_received(const store::Batch& batch) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.message_count(); ++i) {
    const auto& message = batch.message(i);
    if (!is_traced_locked(message, message.client_id)) continue;
    keep_locked({.message = message.id,
                 .at_ms = message.timestamp_ms,
                 .what = What::Received,
                 .qos = message.qos,
                 .client_id = std::string(message.client_id.substr(0, kMostNameBytes))});
  }
}

void Tracer::keep_locked(Event event) {
  if (events_.size() >= kMostEvents) events_.pop_front();
  event.number = ++last_number_;
  events_.push_back(std::move(event));
}

std::vector<Tracer::Event> Tracer::events_of(model::Position position) const {
  std::vector<Event> found;
  const std::scoped_lock lock(mutex_);
  for (const auto& event : events_)
    if (event.message.position == position.get() && event.what != What::Received)
      found.push_back(event);
  return found;
}

std::vector<Tracer::Event> Tracer::events_of_client(std::string_view client_id,
                                                    std::uint64_t before, std::size_t most) const {
  constexpr std::size_t kLooks = 4096;  // at a time: deliveries wait meanwhile
  const auto name = client_id.substr(0, kMostNameBytes);
  std::vector<Event> found;
  for (bool at_end = false; !at_end && found.size() < most;) {
    const std::scoped_lock lock(mutex_);
    const auto first = last_number_ + 1 - events_.size();
    before = std::min(before, last_number_ + 1);
    for (std::size_t looks = 0; looks < kLooks && before > first && found.size() < most; ++looks) {
      const auto& event = events_[--before - first];
      if (event.client_id == name) found.push_back(event);
    }
    at_end = before <= first;
  }
  return found;
}

Tracer::Kept Tracer::kept() const {
  const std::scoped_lock lock(mutex_);
  return {events_.size(), events_.empty() ? 0 : events_.front().at_ms};
}

}  // namespace sluice::broker
