#include "broker/broker.hpp"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>

#include <boost/json/serialize.hpp>

#include "base/log.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/client_connection.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/made_groups.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/statistics.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

// Longer than a turn takes, and than a log that is behind needs to catch up.
constexpr std::chrono::seconds kSettleWithin{10};

}  // namespace

Broker::Broker(store::Store& store, AccessControl& access, const Clock& clock,
               metrics::Registry& registry, Options options)
    : store_(store),
      access_(access),
      clock_(clock),
      options_(options),
      counters_(registry),
      tracer_(clock),
      client_lines_(clock),
      filters_(store, options.workers),
      memory_(registry, retained_.memory()),
      statistics_(std::make_unique<Statistics>(*this)),
      block_rules_(std::make_unique<BlockRules>(store, clock, [this] { review_rights(); })),
      auto_subscriptions_(std::make_unique<AutoSubscriptions>(store, clock)),
      enrichment_rules_(std::make_unique<EnrichmentRules>(store, clock)),
      made_groups_(std::make_unique<MadeGroups>(store, clock, [this] { choose_strategies(); })) {
  set_limits(options.limits);
  conditions_.show_bytes(registry);
  for (std::size_t i = 0; i < options.workers; ++i)
    workers_.push_back(std::make_unique<Worker>(*this, i));
  durable_listener_ = store_.add_durable_listener([this](store::Position) {
    for (const auto& worker : workers_) worker->wake_durable();
  });
  filters_.set_settle([this] { return settle(); });
  show_waiting_for_room(registry, waiting_for_room_);
  filters_.set_room_listener([this] {
    for (const auto& worker : workers_) worker->room().look_soon();
  });
  filters_.set_statistics_listener([this] { statistics_->on_subscribed(); });
  // With the switch off nobody's rights depend on users or policies.
  if (!access_.enabled()) return;
  access_.set_change_listener([this] { review_rights(); });
}

void Broker::review_rights() {
  for (const auto& worker : workers_)
    worker->post([target = worker.get()] { target->rights().begin(); });
}

Broker::~Broker() {
  stop();
  access_.set_change_listener(nullptr);
  store_.remove_durable_listener(durable_listener_);
}

void Broker::set_limits(const Limits& limits) {
  LimitSet set{limits, {}};
  for (const auto& given : options_.listener_limits) {
    auto& own = set.own.emplace_back(given.listener, limits).second;
    if (given.maximum_packet_size)
      own.maximum_packet_size = std::min(*given.maximum_packet_size, limits.maximum_packet_size);
    if (given.messages_per_second) own.messages_per_second = *given.messages_per_second;
  }
  every_limits_.with([&](auto& every) {
    every.push_back(std::make_unique<const LimitSet>(std::move(set)));
    limits_.store(every.back().get(), std::memory_order_release);
  });
  filters_.set_point_to_point(limits.point_to_point);
  choose_strategies();
}

const Limits& Broker::limits(ListenerName listener) const {
  const auto& set = *limits_.load(std::memory_order_acquire);
  for (const auto& [name, own] : set.own)
    if (name == listener) return own;
  return set.common;
}

GroupStrategy Broker::group_strategy(std::string_view group) const {
  return made_groups_->strategy_of(group).value_or(limits().group_strategy);
}

void Broker::choose_strategies() {
  groups_.with([&](Groups& groups) {
    for (const auto& [key, entry] : groups)
      entry.group->worker().post([group = entry.group,
                                  strategy = group_strategy(entry.group->name()),
                                  latency = made_groups_->latency_of(entry.group->name())] {
        group->set_strategy(strategy, latency);
      });
  });
}

void Broker::start() {
  for (const auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });
}

void Broker::stop() {
  if (stopping_.exchange(true)) return;
  for (const auto& worker : workers_) worker->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  readers_.stop();
}

Worker& Broker::worker_of(std::string_view client_id) {
  return *workers_[TextHash{}(client_id) % workers_.size()];
}

Worker& Broker::worker_of_group(std::string_view key) {
  return *workers_[TextHash{}(key) % workers_.size()];
}

Result<ConditionPtr> Broker::compile_condition(std::string_view text) {
  auto compiled = conditions_.compile(text, limits().conditions_bytes);
  if (!compiled && compiled.error().code == Errc::Overloaded) counters_.conditions_refused.add();
  return compiled;
}

bool Broker::GroupEntry::has_room_for(const ConditionPtr& condition) const {
  std::set<const SubscriptionCondition*> different;
  for (const auto& [session, known] : conditions) different.insert(known.get());
  return different.contains(condition.get()) || different.size() < kConditionsPerGroup;
}

void Broker::note_condition(GroupEntry& entry, const Session& session,
                            const ConditionPtr& condition) {
  if (condition)
    entry.conditions.insert_or_assign(&session, condition);
  else
    entry.conditions.erase(&session);
}

Result<void> Broker::join_group(const SessionPtr& session, const Subscription& subscription,
                                const ConditionPtr& condition, bool is_new) {
  const auto key = SharedGroup::key_of(subscription.group(), subscription.filter());
  bool is_founded = false;
  const auto joined = groups_.with([&](Groups& groups) -> Result<SharedGroupPtr> {
    const auto it = groups.find(key);
    if (it != groups.end()) {
      if (condition && !it->second.has_room_for(condition))
        return fail(Errc::Overloaded, "$where: the group has as many conditions as it may have");
      if (is_new) ++it->second.members;
      note_condition(it->second, *session, condition);
      return it->second.group;
    }
    if (groups.size() >= limits().groups)
      return fail(Errc::Overloaded, "the limit `mqtt.groups` is reached");
    auto group =
        std::make_shared<SharedGroup>(worker_of_group(key), std::string(subscription.group()),
                                      std::string(subscription.filter()));
    SL_TRY_VOID(group->open(nullptr));
    // With the subscription's record: a crash must not let the group begin anew at a later place.
    group->write_cursor(session->worker().state());
    auto& entry = groups.emplace(key, GroupEntry{group, 1, {}}).first->second;
    note_condition(entry, *session, condition);
    is_founded = true;
    return group;
  });
  if (!joined) return tl::unexpected(joined.error());
  // Behind what leave_group() posted: who has left and joined again is a member.
  (*joined)->worker().post(
      [group = *joined, session, options = subscription.options, condition, is_founded] {
        group->add_member(session, options, condition);
        // An earlier group of that name may have written or erased its own in the meantime.
        if (is_founded) group->worker().mark_cursor(*group, true);
      });
  return {};
}

void Broker::leave_group(const SessionPtr& session, const Subscription& subscription) {
  const auto key = SharedGroup::key_of(subscription.group(), subscription.filter());
  bool last = false;
  const auto left = groups_.with([&](Groups& groups) -> SharedGroupPtr {
    const auto it = groups.find(key);
    if (it == groups.end()) return nullptr;
    auto group = it->second.group;
    last = --it->second.members == 0;
    it->second.conditions.erase(session.get());
    if (!last) return group;
    group->end();
    groups.erase(it);
    return group;
  });
  if (!left) return;
  left->worker().post([left, session, last] {
    left->remove_member(*session);
    if (last) left->close();
  });
}

SharedGroupPtr Broker::find_group(std::string_view key) {
  return groups_.with([&](Groups& groups) -> SharedGroupPtr {
    const auto it = groups.find(key);
    return it == groups.end() ? nullptr : it->second.group;
  });
}

void Broker::read_on_pool(Worker& worker, std::vector<store::QueueId> queues,
                          store::ReadRequest request,
                          std::function<void(Result<store::ReadResult>)> done) {
  readers_.post(
      [this, &worker, queues = std::move(queues), request, done = std::move(done)]() mutable {
        request.queues = queues;
        auto result = store_.read(request);
        if (!result) log::error("reading the log failed", {{"reason", result.error().detail}});
        worker.post([done = std::move(done), result = std::move(result)]() mutable {
          done(std::move(result));
        });
      });
}

void Broker::load_on_pool(Worker& worker, std::vector<store::Position> positions,
                          std::function<void(const std::vector<Loaded>&)> done) {
  readers_.post(
      [this, &worker, positions = std::move(positions), done = std::move(done)]() mutable {
        std::vector<Loaded> messages;
        messages.reserve(positions.size());
        for (const auto position : positions) {
          auto message = store_.message_at(position);
          if (message) {
            messages.push_back({std::move(*message)});
            continue;
          }
          const auto code = message.error().code;
          const bool is_gone = code == Errc::Corrupt || code == Errc::NotFound;
          messages.push_back({nullptr, code == Errc::Corrupt, !is_gone});
          if (!is_gone) log::error("reading the log failed", {{"reason", message.error().detail}});
        }
        worker.post([done = std::move(done), messages = std::move(messages)] { done(messages); });
      });
}

void Broker::note_damaged(std::string_view consumer, std::span<const store::Position> positions) {
  if (positions.empty()) return;
  counters_.lost_to_damage.add(positions.size());
  std::string places;
  for (const auto position : positions.first(std::min<std::size_t>(positions.size(), 20))) {
    if (!places.empty()) places += ' ';
    places += std::to_string(position.get());
  }
  log::error("messages are damaged on the disk and were passed over",
             {{"consumer", consumer}, {"messages", positions.size()}, {"positions", places}});
}

void Broker::ask_workers(const std::function<void(Worker&)>& question) {
  std::mutex mutex;
  std::condition_variable answered;
  std::size_t open = workers_.size();
  for (const auto& worker : workers_)
    worker->post([&, target = worker.get()] {
      question(*target);
      const std::scoped_lock lock(mutex);
      --open;
      answered.notify_one();
    });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return open == 0; });
}

// A turn appends what it has collected with the queues that were known when it was received. What
// runs when a turn that begins now is durable runs behind all of that.
void Broker::when_settled(std::function<void()> work) {
  const auto open = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  const auto shared = std::make_shared<std::function<void()>>(std::move(work));
  for (const auto& worker : workers_)
    worker->post([open, shared, target = worker.get()] {
      target->when_durable([open, shared] {
        if (open->fetch_sub(1) == 1) (*shared)();
      });
    });
}

void Broker::tell_event(std::string subject, std::string topic, boost::json::object event) {
  if (!filters_.some_dollar_filter()) return;
  event["node"] = options_.node_name;
  auto& worker = *workers_.front();
  worker.post([&worker, subject = std::move(subject), topic = std::move(topic),
               payload = boost::json::serialize(event)] {
    worker.events().add_state(subject, topic, payload);
  });
}

Result<void> Broker::settle() {
  if (threads_.empty()) return {};  // nothing is received yet
  const auto settled = std::make_shared<std::promise<void>>();
  when_settled([settled] { settled->set_value(); });
  if (settled->get_future().wait_for(kSettleWithin) == std::future_status::ready) return {};
  return fail(Errc::Overloaded, "messages that were received before do not reach the log");
}

std::size_t Broker::drain(const Redirect& to, double per_second) {
  std::atomic<std::size_t> clients{0};
  const auto share = per_second / static_cast<double>(workers_.size());
  ask_workers([&](Worker& worker) { clients += worker.drain().begin(to, share); });
  log::info("clients are sent to another server",
            {{"clients", clients.load()}, {"server", to.server}, {"per_second", per_second}});
  return clients;
}

boost::json::object Broker::overview() {
  std::size_t sessions = 0;
  std::size_t connected = 0;
  std::size_t subscriptions = 0;
  std::mutex mutex;
  ask_workers([&](Worker& worker) {
    const std::scoped_lock lock(mutex);
    sessions += worker.sessions().size();
    connected += worker.tally().connected;
    subscriptions += worker.tally().subscriptions;
  });
  return {{"connections", connected},
          {"sessions", sessions},
          {"subscriptions", subscriptions},
          {"retained", unexpired_retained().size()},
          {"messages_received", counters_.messages_received.value()},
          {"messages_sent", counters_.messages_sent.value()}};
}

}  // namespace sluice::broker
