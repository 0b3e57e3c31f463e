#include "broker/filter_table.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/check.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"

namespace sluice::broker {

using store::kNoQueue;

bool ByAge::operator()(const Session* one, const Session* other) const {
  return one->number() < other->number();
}

bool ByAge::operator()(const SharedGroup* one, const SharedGroup* other) const {
  return one->number() < other->number();
}

bool Match::nobody() const {
  if (!queues.empty()) return false;
  return std::ranges::all_of(workers, &OnWorker::empty);
}

FilterTable::FilterTable(store::Store& store, std::size_t workers)
    : store_(store), workers_(workers) {
  auto nobody = std::make_shared<Match>();
  nobody->workers.resize(workers);
  nobody_ = std::move(nobody);
}

FilterTable::Entry& FilterTable::entry(std::string_view filter) {
  Entry& found = tree_.at(filter);
  if (!found.filter) {
    found.filter = std::make_shared<const std::string>(filter);
    if (filter.starts_with('$')) dollar_filters_.fetch_add(1, std::memory_order_relaxed);
  }
  return found;
}

void FilterTable::note_reader(std::string_view filter) const {
  if (filter.starts_with("$SYS") && statistics_listener_) statistics_listener_();
}

Result<store::Store::OpenedQueue> FilterTable::open(Entry& entry, bool persistent) {
  SL_TRY(opened, store_.open_queue(*entry.filter, persistent));
  (persistent ? entry.persistent_queue : entry.volatile_queue) = opened.id;
  return opened;
}

Result<store::QueueId> FilterTable::queue_of(Entry& entry, bool persistent) {
  const auto known = persistent ? entry.persistent_queue : entry.volatile_queue;
  if (known != kNoQueue) return known;
  SL_TRY(opened, open(entry, persistent));
  return opened.id;
}

void FilterTable::count(Entry& entry, const Subscriber& subscriber, bool added) {
  if (!subscriber.reads) return;
  auto& readers = subscriber.persistent ? entry.persistent_readers : entry.volatile_readers;
  if (added)
    ++readers;
  else
    --readers;
}

void FilterTable::drop_what_nobody_needs(Entry& entry) {
  const bool needs_persistent = entry.acquired > 0 || entry.persistent_readers > 0;
  const bool needs_volatile = entry.volatile_readers > 0;
  if (entry.persistent_queue != kNoQueue && !needs_persistent)
    store_.drop_queue(std::exchange(entry.persistent_queue, kNoQueue));
  if (entry.volatile_queue != kNoQueue && !needs_volatile)
    store_.drop_queue(std::exchange(entry.volatile_queue, kNoQueue));
  if (entry.acquired > 0 || !entry.subscribers.empty() || !entry.groups.empty()) return;
  if (entry.filter->starts_with('$')) dollar_filters_.fetch_sub(1, std::memory_order_relaxed);
  tree_.erase(std::string(*entry.filter));
}

Result<store::QueueId> FilterTable::subscribe(std::string_view filter, const SessionPtr& session,
                                              std::size_t worker, SubscriptionOptions options,
                                              bool persistent, bool keeps_queue,
                                              ConditionPtr condition) {
  SL_CHECK(worker < workers_);
  const std::scoped_lock lock(mutex_);
  Entry& found = entry(filter);
  auto queue = kNoQueue;
  const bool reads = keeps_queue || options.qos != mqtt::Qos::AtMostOnce;
  if (reads) {
    auto opened = queue_of(found, persistent);
    if (!opened) {
      drop_what_nobody_needs(found);
      return tl::unexpected(std::move(opened).error());
    }
    queue = *opened;
  }
  if (const auto it = found.subscribers.find(session.get()); it != found.subscribers.end()) {
    count(found, *it, false);
    found.subscribers.erase(it);
  }
  const Subscriber subscriber{session, options, static_cast<std::uint16_t>(worker), persistent,
                              reads};
  found.subscribers.insert(subscriber);
  set_condition(found, *session, std::move(condition));
  count(found, subscriber, true);
  drop_what_nobody_needs(found);
  version_.fetch_add(1, std::memory_order_release);
  note_reader(filter);
  return queue;
}

void FilterTable::unsubscribe(std::string_view filter, const Session& session) {
  const std::scoped_lock lock(mutex_);
  Entry* found = tree_.find(filter);
  if (found == nullptr) return;
  const auto it = found->subscribers.find(&session);
  if (it == found->subscribers.end()) return;
  count(*found, *it, false);
  set_condition(*found, session, nullptr);
  found->subscribers.erase(it);
  drop_what_nobody_needs(*found);
  version_.fetch_add(1, std::memory_order_release);
}

Result<store::Store::OpenedQueue> FilterTable::join(std::string_view filter,
                                                    const SharedGroupPtr& group, std::size_t worker,
                                                    bool persistent) {
  SL_CHECK(worker < workers_);
  const std::scoped_lock lock(mutex_);
  Entry& found = entry(filter);
  auto opened = open(found, persistent);
  if (opened) {
    if (found.groups.try_emplace(group.get(), GroupEntry{group, worker, persistent}).second)
      ++(persistent ? found.persistent_readers : found.volatile_readers);
  } else {
    drop_what_nobody_needs(found);
  }
  version_.fetch_add(1, std::memory_order_release);
  if (opened) note_reader(filter);
  return opened;
}

void FilterTable::leave(std::string_view filter, const SharedGroup& group) {
  const std::scoped_lock lock(mutex_);
  Entry* found = tree_.find(filter);
  if (found == nullptr) return;
  const auto it = found->groups.find(&group);
  if (it == found->groups.end()) return;
  --(it->second.persistent ? found->persistent_readers : found->volatile_readers);
  found->groups.erase(it);
  drop_what_nobody_needs(*found);
  version_.fetch_add(1, std::memory_order_release);
}

Result<store::Store::OpenedQueue> FilterTable::acquire(std::string_view filter) {
  Result<store::Store::OpenedQueue> opened;
  {
    const std::scoped_lock lock(mutex_);
    Entry& found = entry(filter);
    opened = open(found, true);
    if (opened)
      ++found.acquired;
    else
      drop_what_nobody_needs(found);
    version_.fetch_add(1, std::memory_order_release);
    if (opened) note_reader(filter);
  }
  if (opened) SL_TRY_VOID(store_.wait_durable(opened->durable_at));
  return opened;
}

void FilterTable::release(std::string_view filter) {
  const std::scoped_lock lock(mutex_);
  Entry* found = tree_.find(filter);
  if (found == nullptr || found->acquired == 0) return;
  --found->acquired;
  drop_what_nobody_needs(*found);
  version_.fetch_add(1, std::memory_order_release);
}

void FilterTable::add_receivers(const Entry& entry, Match& match, Seen& seen, bool may_repeat) {
  const auto queues = match.queues.size();
  for (const auto queue : {entry.persistent_queue, entry.volatile_queue})
    if (queue != kNoQueue) match.queues.push_back(queue);
  if (match.queues.size() > queues) match.queue_filters.push_back(entry.filter);
  for (const auto& [group, member] : entry.groups)
    match.workers[member.worker].groups.push_back(member.group);
  for (const auto& subscriber : entry.subscribers) {
    if (subscriber.options.has_condition) continue;  // choose_with_conditions()
    const auto* session = subscriber.session.get();
    auto& receivers = match.workers[subscriber.worker].receivers;
    const auto& options = subscriber.options;
    const auto repeated = may_repeat ? seen.find(session) : seen.end();
    if (repeated == seen.end()) {
      if (may_repeat) seen.emplace(session, receivers.size());
      receivers.push_back({.session = subscriber.session,
                           .qos = options.qos,
                           .retain_as_published = options.retain_as_published,
                           .no_local = options.no_local,
                           .some_no_local = options.no_local,
                           .identifiers = {}});
    } else {
      auto& receiver = receivers[repeated->second];
      receiver.qos = std::max(receiver.qos, options.qos);
      receiver.retain_as_published = receiver.retain_as_published || options.retain_as_published;
      receiver.no_local = receiver.no_local && options.no_local;
      receiver.some_no_local = receiver.some_no_local || options.no_local;
    }
    if (options.identifier == 0) continue;
    const auto index = may_repeat ? seen[session] : receivers.size() - 1;
    receivers[index].identifiers.push_back(options.identifier);
  }
}

void FilterTable::set_condition(const Entry& entry, const Session& session,
                                ConditionPtr condition) {
  if (condition)
    conditions_.insert_or_assign({&entry, &session}, std::move(condition));
  else if (!conditions_.empty())
    conditions_.erase({&entry, &session});
}

ConditionPtr FilterTable::condition_of(const Entry& entry, const Session& session) const {
  const auto it = conditions_.find({&entry, &session});
  return it == conditions_.end() ? nullptr : it->second;
}

// Sessions with a condition are taken out of the plain receivers, with all that they have.
void FilterTable::choose_with_conditions(const std::vector<const Entry*>& entries,
                                         Match& match) const {
  std::map<const Session*, std::pair<std::size_t, ChoosyReceiver>, ByAge> choosy;
  for (const auto* entry : entries)
    for (const auto& subscriber : entry->subscribers)
      if (subscriber.options.has_condition)
        choosy.try_emplace(subscriber.session.get(), subscriber.worker,
                           ChoosyReceiver{.session = subscriber.session, .wishes = {}});
  if (choosy.empty()) return;
  for (auto& here : match.workers)
    std::erase_if(here.receivers, [&](const Receiver& receiver) {
      return choosy.contains(receiver.session.get());
    });
  for (auto& [session, place] : choosy) {
    auto& [worker, receiver] = place;
    for (const auto* entry : entries) {
      const auto it = entry->subscribers.find(session);
      if (it == entry->subscribers.end()) continue;
      receiver.qos = std::max(receiver.qos, it->options.qos);
      receiver.wishes.push_back({it->options, condition_of(*entry, *session)});
    }
    auto& here = match.workers[worker];
    if (!here.choosy) here.choosy = std::make_unique<std::vector<ChoosyReceiver>>();
    here.choosy->push_back(std::move(receiver));
  }
}

void FilterTable::set_point_to_point(bool on) {
  if (point_to_point_.exchange(on) != on) version_.fetch_add(1, std::memory_order_release);
}

std::optional<FilterTable::Readers> FilterTable::readers_of(std::string_view topic,
                                                            std::size_t most) {
  Readers readers;
  std::size_t count = 0;
  const std::shared_lock lock(mutex_);
  tree_.match(topic, [&](const Entry& entry) {
    count += entry.subscribers.size() + entry.groups.size();
    if (count > most) return;
    for (const auto& subscriber : entry.subscribers) readers.sessions.push_back(subscriber.session);
    for (const auto& [key, group] : entry.groups) readers.groups.push_back(group.group);
  });
  if (count > most) return std::nullopt;
  return readers;
}

MatchPtr FilterTable::match(std::string_view topic) {
  auto made = std::make_shared<Match>();
  made->workers.resize(workers_);
  made->topic_levels = 1 + static_cast<std::size_t>(std::ranges::count(topic, '/'));
  Seen seen;
  const std::shared_lock lock(mutex_);
  std::vector<const Entry*> found;
  if (const auto addressee = point_to_point_.load() ? addressee_of(topic) : std::nullopt) {
    const auto mail = mail_filter_of(*addressee);
    if (const Entry* entry = mail ? tree_.find(*mail) : nullptr) found.push_back(entry);
  } else {
    tree_.match(topic, [&](const Entry& entry) { found.push_back(&entry); });
  }
  for (const auto* entry : found) add_receivers(*entry, *made, seen, found.size() > 1);
  if (!conditions_.empty()) choose_with_conditions(found, *made);
  if (limits_.empty()) return made;
  for (const auto* entry : found) {
    const auto [first, last] = limits_.equal_range(entry);
    for (auto it = first; it != last; ++it) made->limits.push_back(it->second);
  }
  return made;
}

Result<void> FilterTable::drop_unclaimed() {
  std::vector<std::string> unclaimed;
  const std::scoped_lock lock(mutex_);
  SL_TRY_VOID(
      store_.scan(store::StateKind::Queue, "", [&](std::string_view filter, std::string_view) {
        const Entry* found = tree_.find(filter);
        if (found == nullptr || found->persistent_queue == kNoQueue) unclaimed.emplace_back(filter);
        return true;
      }));
  for (const auto& filter : unclaimed) {
    SL_TRY(queue, store_.open_queue(filter, true));
    store_.drop_queue(queue.id);
  }
  return {};
}

FilterTable::Lows FilterTable::lows_of(const Entry& entry) {
  Lows lows;
  const auto note = [](std::optional<store::Position>& low, store::Position position) {
    low = std::min(low.value_or(position), position);
  };
  for (const auto& subscriber : entry.subscribers) {
    if (!subscriber.reads) continue;
    note(subscriber.persistent ? lows.persistent : lows.in_memory,
         subscriber.session->delivery().low());
  }
  for (const auto& [group, member] : entry.groups)
    note(member.persistent ? lows.persistent : lows.in_memory, group->low());
  return lows;
}

void FilterTable::trim(std::string_view filter) {
  const std::shared_lock lock(mutex_);
  const Entry* found = tree_.find(filter);
  if (found == nullptr) return;
  const auto lows = lows_of(*found);
  if (found->volatile_queue != kNoQueue && lows.in_memory)
    store_.trim_queue(found->volatile_queue, *lows.in_memory);
  if (found->persistent_queue != kNoQueue && found->acquired == 0 && lows.persistent)
    store_.trim_queue(found->persistent_queue, *lows.persistent);
}

std::vector<store::Hold> FilterTable::holds() {
  std::vector<store::Hold> holds;
  const std::shared_lock lock(mutex_);
  tree_.for_each([&](Entry& entry) {
    const auto lows = lows_of(entry);
    const auto add = [&](store::QueueId queue, const std::optional<store::Position>& low) {
      if (queue == kNoQueue || !low) return;
      holds.push_back({.of = store::Hold::Of::Session, .queue = queue, .after = *low});
    };
    add(entry.persistent_queue, lows.persistent);
    add(entry.volatile_queue, lows.in_memory);
  });
  return holds;
}

std::size_t FilterTable::size() const {
  const std::shared_lock lock(mutex_);
  return tree_.size();
}

}  // namespace sluice::broker
