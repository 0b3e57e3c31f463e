// How far tasks are with one message: from their cursors and dead letters, when somebody asks.
#include <algorithm>

#include <boost/json/array.hpp>

#include "connect/service_state.hpp"
#include "connect/task.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {

namespace json = boost::json;

json::object Task::state_of(const model::Message& message) const {
  const bool matches = std::ranges::any_of(spec_.filters, [&](const std::string& filter) {
    return mqtt::matches(filter, message.topic);
  });
  if (const auto end = ends_at(); !matches || (end && message.position() > *end)) return {};
  const auto progress = this->progress();
  json::object shown{{"name", spec_.name},
                     {"id", record_.id},
                     {"status", name_of(progress.state)},
                     {"status_reason", progress.reason}};
  const auto position = message.position();
  const auto letter = around_.dead_letters.reason_of(record_.id, position);
  if (letter && *letter) {
    shown["state"] = "dead_letter";
    shown["reason"] = **letter;
    return shown;
  }
  const auto places = load_places();
  if (!places) {
    shown["state"] = "unknown";
    shown["reason"] = places.error().detail;
    return shown;
  }
  const auto owner = owner_of(*places, message, around_.options.node_name);
  if (owner.was_done || places->cursors[owner.number].covers(position)) {
    shown["state"] = "passed";
  } else {
    const auto all = workers();
    const auto& worker = all[std::min<std::size_t>(owner.number, all.size() - 1)];
    const store::Cursor read{worker.read_position, {}, worker.ahead};
    shown["state"] = read.covers(position) ? "in_flight" : "waiting";
  }
  return shown;
}

json::array Service::states_of(const model::Message& message) const {
  json::array shown;
  for (const auto& task : state_->all_tasks()) {
    if (auto state = task->state_of(message); !state.empty()) shown.push_back(std::move(state));
  }
  return shown;
}

}  // namespace sluice::connect
