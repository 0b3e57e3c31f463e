// Who is to get a message and how far each of them is: from the filters and the cursors, when
// somebody asks.
#include <algorithm>
#include <mutex>

#include <boost/json/array.hpp>

#include "broker/broker.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

std::string_view name_of(Progress progress) {
  switch (progress) {
    case Progress::NotKept:
      return "not_kept";
    case Progress::Later:
      return "later";
    case Progress::Waiting:
      return "waiting";
    case Progress::InFlight:
      return "in_flight";
    case Progress::Passed:
      return "passed";
  }
  return "passed";
}

// What one session's subscriptions say; nothing when none matches any more.
json::object session_state(Session& session, const model::Message& message) {
  json::array filters;
  auto qos = mqtt::Qos::AtMostOnce;
  bool was_there = false;
  for (const auto& subscription : session.subscriptions()) {
    if (!subscription.group().empty() || !mqtt::matches(subscription.filter(), message.topic))
      continue;
    filters.emplace_back(subscription.filter());
    qos = std::max(qos, subscription.options.qos);
    was_there = was_there || subscription.since < message.position();
  }
  if (filters.empty()) return {};
  qos = std::min(qos, static_cast<mqtt::Qos>(message.qos));
  auto progress = Progress::NotKept;
  if (!was_there) {
    progress = Progress::Later;
  } else if (qos != mqtt::Qos::AtMostOnce) {
    progress = session.delivery().progress_of(message.position());
  }
  return {{"client_id", session.client().client_id},
          {"status", session.connection() ? "connected" : "disconnected"},
          {"filters", std::move(filters)},
          {"qos", static_cast<int>(qos)},
          {"state", name_of(progress)}};
}

json::object group_state(const SharedGroup& group, const model::Message& message) {
  return {{"name", group.name()},
          {"filter", group.filter()},
          {"members", group.member_count()},
          {"state", name_of(group.progress_of(message.position()))}};
}

}  // namespace

Progress Delivery::progress_of(store::Position position) const {
  const auto is_it = [position](const InFlight& entry) { return entry.position == position; };
  if (std::ranges::any_of(in_flight_, is_it)) return Progress::InFlight;
  if (tracker_.waits_for(position)) return Progress::InFlight;
  if (position <= tracker_.read() || tracker_.knows(position)) return Progress::Passed;
  return Progress::Waiting;
}

Progress SharedGroup::progress_of(store::Position position) const {
  const auto is_it = [position](const model::MessagePtr& message) {
    return message->position() == position;
  };
  const auto fetched = fetched_.begin() + static_cast<std::ptrdiff_t>(fetched_next_);
  if (given_back_.contains(position) || std::any_of(fetched, fetched_.end(), is_it)) {
    return Progress::Waiting;
  }
  if (tracker_.waits_for(position)) return Progress::InFlight;
  if (position <= tracker_.read() || tracker_.knows(position)) return Progress::Passed;
  return Progress::Waiting;
}

json::object Broker::consumers_of(const model::Message& message) {
  const auto match = filters_.match(message.topic);
  std::mutex mutex;
  json::array sessions;
  json::array groups;
  std::size_t more = 0;
  ask_workers([&](Worker& worker) {
    const auto& here = match->workers[worker.index()];
    const auto most = kMostConsumers / workers_.size();
    json::array some_sessions;
    json::array some_groups;
    const auto add_all = [&](const auto& receivers) {
      for (const auto& receiver : receivers) {
        if (some_sessions.size() >= most) break;
        if (auto shown = session_state(*receiver.session, message); !shown.empty())
          some_sessions.push_back(std::move(shown));
      }
    };
    add_all(here.receivers);
    if (here.choosy) add_all(*here.choosy);
    for (const auto& group : here.groups) {
      if (some_groups.size() >= most) break;
      some_groups.push_back(group_state(*group, message));
    }
    const std::scoped_lock lock(mutex);
    if (here.sessions() > most) more += here.sessions() - most;
    if (here.groups.size() > most) more += here.groups.size() - most;
    sessions.insert(sessions.end(), some_sessions.begin(), some_sessions.end());
    groups.insert(groups.end(), some_groups.begin(), some_groups.end());
  });
  return {{"sessions", std::move(sessions)}, {"groups", std::move(groups)}, {"more", more}};
}

}  // namespace sluice::broker
