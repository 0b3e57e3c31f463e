#include "broker/tracer.hpp"

#include <algorithm>

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
  if (events_.size() >= kMostEvents) events_.pop_front();
  events_.push_back({.position = message.position(),
                     .at_ms = now_ms,
                     .what = what,
                     .qos = qos,
                     .client_id = std::string(client_id.substr(0, kMostNameBytes))});
}

std::vector<Tracer::Event> Tracer::events_of(model::Position position) const {
  std::vector<Event> found;
  const std::scoped_lock lock(mutex_);
  for (const auto& event : events_)
    if (event.position == position) found.push_back(event);
  return found;
}

Tracer::Kept Tracer::kept() const {
  const std::scoped_lock lock(mutex_);
  return {events_.size(), events_.empty() ? 0 : events_.front().at_ms};
}

}  // namespace sluice::broker
