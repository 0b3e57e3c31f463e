#include "broker/subscription_counts.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/broker.hpp"
#include "broker/client_administration.hpp"
#include "broker/delivery.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::Qos;

// Of the messages in flight: their topics, each looked up among the session's filters, take less
// than a millisecond; and what is to be read from the log is as much as is sent again when the
// client comes back.
constexpr std::size_t kMostLookedAt = 1024;

using Lags = std::map<std::string, UncountedLag, std::less<>>;  // by the group's key

std::optional<std::string> group_key_of(const json::value& subscription) {
  const auto shared = mqtt::parse_shared_filter(subscription.at("filter").get_string());
  if (!shared) return std::nullopt;
  return SharedGroup::key_of(shared->group, shared->filter);
}

// Each is asked where it lives.
Lags lags_of_groups(Broker& broker, const json::array& subscriptions) {
  std::vector<std::vector<SharedGroupPtr>> wanted(broker.worker_count());
  for (const auto& subscription : subscriptions) {
    const auto key = group_key_of(subscription);
    const auto group = key ? broker.find_group(*key) : nullptr;
    for (std::size_t i = 0; group && i < wanted.size(); ++i)
      if (&group->worker() == &broker.worker(i)) wanted[i].push_back(group);
  }
  Lags lags;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].empty()) continue;
    auto some =
        ask_worker<Lags>(broker.worker(i), [groups = std::move(wanted[i])](const auto& ticket) {
          Lags found;
          for (const auto& group : groups) found.emplace(group->key(), group->uncounted_lag());
          ticket->answer(std::move(found));
        });
    if (some) lags.merge(*some);
  }
  return lags;
}

}  // namespace

// Whether the subscription is why an entry was sent, or is one of several that are.
bool Delivery::has_brought(const InFlight& entry, const model::Message& message,
                           const Subscription& subscription) const {
  if (subscription.options.no_local && is_own(message)) return false;
  if (subscription.options.qos != Qos::AtMostOnce)
    return !entry.tracked || entry.position > subscription.since;  // retained ones are older
  if (!rare_) return false;
  return std::ranges::any_of(rare_->leftovers, [&](const Rest& rest) {
    return rest.name == subscription.name && entry.position > rest.leftover.since &&
           entry.position <= rest.leftover.until;
  });
}

Delivery::InFlightCounts Delivery::in_flight_counts(const LoadedMessages& loaded) const {
  const auto& subscriptions = session_.subscriptions();
  auto& judge = session_.worker().judge();
  InFlightCounts counts;
  counts.by_subscription.resize(subscriptions.size());
  FilterTree<std::size_t> own;
  for (std::size_t i = 0; i < subscriptions.size(); ++i)
    if (subscriptions[i].group().empty()) own.at(subscriptions[i].filter()) = i;
  std::size_t looked_at = 0;
  for (const auto& entry : in_flight_) {
    if (++looked_at > kMostLookedAt) {
      counts.at_least = true;
      break;
    }
    if (entry.group) {
      const auto* shared = session_.find_subscription(entry.group->subscription_name());
      if (shared != nullptr)
        ++counts.by_subscription[static_cast<std::size_t>(shared - subscriptions.data())];
      continue;
    }
    const auto found = loaded.find(entry.position.get());
    const auto message = entry.message || found == loaded.end() ? entry.message : found->second;
    if (!message) {  // the log has it no more
      counts.at_least = true;
      continue;
    }
    own.match(message->topic, [&](const std::size_t index) {
      const auto& subscription = subscriptions[index];
      if (!has_brought(entry, *message, subscription)) return;
      if (const auto* condition = session_.condition_of(subscription)) {
        if (judge.is_spent()) counts.at_least = true;
        if (judge.is_spent() || judge.ask(*condition, *message) != ConditionJudge::Verdict::Accepts)
          return;
      }
      ++counts.by_subscription[index];
    });
  }
  return counts;
}

void Delivery::count_in_flight(std::function<void(const InFlightCounts&)> done) {
  std::vector<store::Position> missing;
  std::size_t looked_at = 0;
  for (const auto& entry : in_flight_) {
    if (++looked_at > kMostLookedAt) break;
    if (!entry.group && !entry.message) missing.push_back(entry.position);
  }
  if (missing.empty()) return done(in_flight_counts({}));
  auto positions = missing;
  session_.worker().broker().load_on_pool(
      session_.worker(), std::move(missing),
      [session = session_.shared_from_this(), positions = std::move(positions),
       done = std::move(done)](const std::vector<Broker::Loaded>& read) {
        LoadedMessages loaded;
        for (std::size_t i = 0; i < positions.size(); ++i)
          if (read[i].message) loaded.emplace(positions[i].get(), read[i].message);
        done(session->delivery().in_flight_counts(loaded));
      });
}

UncountedLag Delivery::lag_of(const Subscription& subscription) const {
  UncountedLag lag;
  const auto add = [&](const store::QueueId queue, store::Position after, store::Position until) {
    lag.stretches.push_back({queue, std::max(after, tracker_.read()), until});
  };
  if (subscription.queue != store::kNoQueue)
    add(subscription.queue, subscription.since, store::Position());
  if (!rare_) return lag;
  for (const auto& rest : rare_->leftovers) {
    if (rest.name != subscription.name) continue;
    const bool is_open = rest.leftover.until == Leftover::kOpen;
    add(rest.queue, rest.leftover.since, is_open ? store::Position() : rest.leftover.until);
  }
  return lag;
}

UncountedLag SharedGroup::uncounted_lag() const {
  UncountedLag lag;
  if (!open_) return lag;
  lag.in_memory = fetched_.size() - fetched_next_ + given_back_.size();
  lag.stretches.push_back({queue_, tracker_.read(), store::Position()});
  return lag;
}

std::uint64_t count(store::Store& store, const UncountedLag& lag) {
  auto counted = lag.in_memory;
  for (const auto& [queue, after, until] : lag.stretches) {
    const auto all = store.count_after({&queue, 1}, after, kMostCountedLag);
    const auto later =
        until == store::Position()
            ? 0
            : store.count_after({&queue, 1}, std::max(after, until), kMostCountedLag);
    counted += all - std::min(all, later);
  }
  return std::min(counted, kMostCountedLag);
}

void add_lag(json::object& shown, std::uint64_t lag) {
  shown["lag_messages"] = lag;
  if (lag >= kMostCountedLag) shown["lag_at_least"] = true;
}

void show_subscriptions(const SessionPtr& session, std::function<void(ShownSubscriptions)> done) {
  session->delivery().count_in_flight(
      [session, done = std::move(done)](const Delivery::InFlightCounts& counts) {
        ShownSubscriptions all;
        for (std::size_t i = 0; i < session->subscriptions().size(); ++i) {
          const auto& subscription = session->subscriptions()[i];
          auto shown = shown_subscription(*session, subscription);
          const bool is_shared = !subscription.group().empty();
          shown["in_flight"] = counts.by_subscription[i];
          if (counts.at_least && !is_shared) shown["in_flight_at_least"] = true;
          all.shown.push_back(std::move(shown));
          all.lags.push_back(is_shared ? UncountedLag() : session->delivery().lag_of(subscription));
        }
        done(std::move(all));
      });
}

json::array with_lags(Broker& broker, ShownSubscriptions subscriptions) {
  auto& [shown, lags] = subscriptions;
  const auto of_groups = lags_of_groups(broker, shown);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto key = group_key_of(shown[i]);
    if (!key) {
      add_lag(shown[i].get_object(), count(broker.store(), lags[i]));
      continue;
    }
    const auto lag = of_groups.find(*key);
    if (lag != of_groups.end()) add_lag(shown[i].get_object(), count(broker.store(), lag->second));
  }
  return std::move(shown);
}

}  // namespace sluice::broker
