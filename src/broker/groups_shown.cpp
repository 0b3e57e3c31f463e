// Shared subscription groups as the administration sees and ends them.
#include <algorithm>
#include <mutex>

#include <boost/json/array.hpp>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/subscription_counts.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

// Of one that very many are in, the first are shown.
constexpr std::size_t kMostShownMembers = 1000;

json::object shown_group(const SharedGroup& group, bool with_members) {
  json::object shown{{"group", group.name()},
                     {"filter", group.filter()},
                     {"strategy", name_of(group.strategy())},
                     {"members", group.member_count()}};
  add_lag(shown, group.lag());
  if (with_members) shown["client_ids"] = group.member_ids(kMostShownMembers);
  return shown;
}

}  // namespace

json::array SharedGroup::member_ids(std::size_t most) const {
  json::array ids;
  for (const auto& member : members_) {
    if (ids.size() == most) break;
    ids.emplace_back(member.session->client().client_id);
  }
  return ids;
}

std::vector<SessionPtr> SharedGroup::member_sessions() const {
  std::vector<SessionPtr> sessions;
  for (const auto& member : members_) sessions.push_back(member.session);
  return sessions;
}

json::array Broker::groups_in_use(const std::optional<std::string>& only) {
  std::vector<SharedGroupPtr> wanted;
  groups_.with([&](Groups& groups) {
    for (const auto& [key, entry] : groups)
      if (!only || entry.group->name() == *only) wanted.push_back(entry.group);
  });
  if (wanted.empty()) return {};
  json::array shown;
  std::mutex mutex;
  ask_workers([&](Worker& worker) {
    for (const auto& group : wanted) {
      if (&group->worker() != &worker) continue;
      auto one = shown_group(*group, only.has_value());
      const std::scoped_lock lock(mutex);
      shown.push_back(std::move(one));
    }
  });
  std::ranges::sort(shown, {}, [](const json::value& group) {
    const auto& object = group.get_object();
    return std::pair<std::string_view, std::string_view>(object.at("group").get_string(),
                                                         object.at("filter").get_string());
  });
  return shown;
}

Result<void> Broker::end_group(const std::string& name) {
  std::atomic<std::size_t> ended = 0;
  ask_workers([&](Worker& worker) {
    for (const auto& session : worker.sessions()) {
      std::vector<std::string> filters;
      for (const auto& subscription : session->subscriptions())
        if (subscription.group() == name) filters.push_back(subscription.name);
      for (const auto& filter : filters) session->unsubscribe(filter);
      ended += filters.size();
      if (filters.empty() || !session->connection()) continue;
      // The queues are others now: what came meanwhile is to be found in them.
      worker.when_durable([session] {
        if (session->connection() && session->connection()->is_open()) session->delivery().pump();
      });
    }
  });
  log::info("group ended", {{"group", name}, {"subscriptions_ended", ended.load()}});
  return settle();
}

}  // namespace sluice::broker
