#include "broker/shared_group.hpp"

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "broker/made_groups.hpp"
#include "broker/session.hpp"
#include "broker/session_records.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

SharedGroup::SharedGroup(Worker& worker, std::string name, std::string filter)
    : worker_(worker),
      number_(worker.broker().next_number()),
      name_(std::move(name)),
      filter_(std::move(filter)),
      key_(key_of(name_, filter_)),
      strategy_(worker.broker().group_strategy(name_)),
      latency_(worker.broker().made_groups().latency_of(name_)) {}

std::string SharedGroup::key_of(std::string_view name, std::string_view filter) {
  return subscription_key(name, filter);
}

Result<store::Position> SharedGroup::open(const store::Cursor* cursor) {
  SL_TRY(queue,
         worker_.broker().filters().join(filter_, shared_from_this(), worker_.index(), true));
  queue_ = queue.id;
  tracker_ = CursorTracker(cursor != nullptr
                               ? *cursor
                               : store::Cursor{last_before(worker_.broker().store().head()), {}});
  low_.store(tracker_.low().get(), std::memory_order_relaxed);
  // Last: its worker may be offered messages since join(), while this is another one.
  open_.store(true, std::memory_order_release);
  return queue.durable_at;
}

void SharedGroup::close() {
  if (!open_.exchange(false)) return;
  worker_.broker().filters().leave(filter_, *this);
  // If it was made anew since, the record is of that one.
  if (!worker_.broker().find_group(key_))
    worker_.state().erase(store::StateKind::Cursor, group_cursor_key(key_));
  given_back_.clear();
  fetched_.clear();
}

template <class Work>
void SharedGroup::on_worker(Work work) {
  if (worker_.is_current())
    work();
  else
    worker_.post(std::move(work));
}

void SharedGroup::add_member(const SessionPtr& session, SubscriptionOptions options,
                             ConditionPtr condition) {
  const auto it = std::ranges::find(members_, session, &Member::session);
  if (it == members_.end()) {
    members_.push_back({.session = session, .options = options});
    note_presence(members_.back(), true);
  } else {
    it->options = options;
  }
  set_condition(*session, std::move(condition));
  on_worker([self = shared_from_this()] {
    self->note_change_of_members();
    self->at_tail_ = false;
    self->pump();
  });
}

void SharedGroup::remove_member(const Session& session) {
  std::erase_if(members_, [&](const Member& member) { return member.session.get() == &session; });
  set_condition(session, nullptr);
  if (!some_take_part()) settle_shares(std::chrono::seconds(0));
  note_change_of_members();
  if (goes_past()) pump();
}

void SharedGroup::acknowledge(store::Position position, std::function<void()> when_durable) {
  if (!worker_.is_current()) {
    worker_.post([self = shared_from_this(), position, when_durable = std::move(when_durable)] {
      self->acknowledge(position, when_durable);
    });
    return;
  }
  tracker_.acknowledge(position);
  if (choices_) no_longer_held(position);
  low_.store(tracker_.low().get(), std::memory_order_relaxed);
  worker_.mark_cursor(*this, when_durable != nullptr);
  if (when_durable) worker_.when_durable(std::move(when_durable));
}

void SharedGroup::give_back(store::Position position, model::MessagePtr message) {
  on_worker([self = shared_from_this(), position, message = std::move(message)]() mutable {
    if (!self->open_) return;
    if (self->choices_) self->no_longer_held(position);
    self->given_back_.insert_or_assign(position, std::move(message));
    self->worker_.post([self] { self->pump(); });
  });
}

void SharedGroup::member_has_room(const Session& session) {
  on_worker([self = shared_from_this(), id = &session] {
    for (auto& member : self->members_) {
      if (member.session.get() != id) continue;
      member.has_room = true;
      self->note_presence(member, true);
    }
    self->pump();
  });
}

void SharedGroup::member_left(const Session& session) {
  on_worker([self = shared_from_this(), id = &session] {
    for (auto& member : self->members_) {
      if (member.session.get() != id) continue;
      member.has_room = false;
      self->note_presence(member, false);
    }
    self->pump();
  });
}

bool SharedGroup::nothing_waits() const {
  return at_tail_ && !reading_ && given_back_.empty() && fetched_next_ == fetched_.size();
}

// At the tail messages go straight to the members. What finds none with room is the first of what
// waits; all that follows stays in the queue until somebody has room.
void SharedGroup::offer(const Delivery::Run& run) {
  if (!hands_out()) return;
  for (std::size_t index = run.first; index < run.end; ++index) {
    const auto position = run.batch->message(index).position();
    if (position <= tracker_.read()) continue;  // found in the queue already
    if (!nothing_waits() || has_no_time_for(run.batch->message(index))) {
      at_tail_ = false;
      pump();
      return;
    }
    auto message = store::message_of(run.batch, index);
    tracker_.hand_out(position);
    tracker_.read_up_to(position);
    if (hand_out(message)) continue;
    fetched_.assign(1, std::move(message));
    fetched_next_ = 0;
  }
}

void SharedGroup::write_cursor(store::Batch& batch) {
  cursor_marked_ = false;
  if (open_)
    batch.put(store::StateKind::Cursor, group_cursor_key(key_), store::encode(tracker_.cursor()));
}

std::uint64_t SharedGroup::lag() const {
  return count(worker_.broker().store(), uncounted_lag());
}

// Hands out as long as somebody has room: first what came back, by position, then what is new.
void SharedGroup::pump() {
  if (!hands_out() || pumping_) return;
  pumping_ = true;
  if (conditions_) conditions_->passed_over = 0;
  if (goes_past())
    pump_by_key();
  else
    pump_in_order();
  pumping_ = false;
}

void SharedGroup::pump_in_order() {
  while (!given_back_.empty()) {
    const auto it = given_back_.begin();
    if (!it->second) {
      load_given_back();
      break;
    }
    const auto message = it->second;
    if (!hand_out(message)) break;
    given_back_.erase(message->position());
  }
  while (given_back_.empty()) {
    if (fetched_next_ == fetched_.size()) {
      if (at_tail_ || reading_) break;
      fetch();
      if (fetched_next_ == fetched_.size()) continue;
    }
    if (!hand_out(fetched_[fetched_next_])) break;
    ++fetched_next_;
  }
}

bool SharedGroup::hand_out_by_turns(const model::MessagePtr& message) {
  for (std::size_t tried = 0; tried < members_.size(); ++tried) {
    auto& member = members_[next_ % members_.size()];
    next_ = (next_ + 1) % members_.size();
    if (!member.has_room || !accepts(member, *message)) continue;
    tracker_.hand_out(message->position());
    if (offer(member, message)) return true;
    member.has_room = false;
  }
  return false;
}

bool SharedGroup::offer(Member& member, const model::MessagePtr& message) {
  DeliveryOptions options{std::min(member.options.qos, static_cast<mqtt::Qos>(message->qos)),
                          member.options.retain_as_published && message->retain,
                          {}};
  if (member.options.identifier != 0) options.identifiers.push_back(member.options.identifier);
  auto& session = *member.session;
  if (&session.worker() == &worker_) {
    if (session.delivery().offer_from_group(shared_from_this(), message, std::move(options)))
      return true;
    session.delivery().wake_group_when_room(shared_from_this());
    return false;
  }
  session.worker().post([self = shared_from_this(), session = member.session, message,
                         options = std::move(options)]() mutable {
    auto& delivery = session->delivery();
    if (delivery.offer_from_group(self, message, std::move(options))) return;
    delivery.wake_group_when_room(self);
    self->on_worker([self, session, message] {
      for (auto& other : self->members_)
        if (other.session == session) other.has_room = false;
      self->give_back(message->position(), message);
    });
  });
  return true;
}

void SharedGroup::fetch() {
  auto& broker = worker_.broker();
  const store::ReadRequest request{.queues = {&queue_, 1},
                                   .after = tracker_.read(),
                                   .maximum_messages = kFetch - fetched_.size() + fetched_next_,
                                   .maximum_bytes = kOutputHighWater,
                                   .visibility = broker.visibility(),
                                   .pass_damaged = true};
  const auto take = [this](const store::ReadResult& result) {
    fetched_.erase(fetched_.begin(), fetched_.begin() + static_cast<std::ptrdiff_t>(fetched_next_));
    fetched_next_ = 0;
    for (const auto& entry : result.entries) {
      if (tracker_.knows(entry.message->position())) continue;
      fetched_.push_back(entry.message);
      tracker_.hand_out(entry.message->position());
    }
    tracker_.read_up_to(result.next);
    at_tail_ = result.at_end;
    broker_lost(result.lost);
    worker_.broker().note_damaged(key(), result.damaged);
  };
  if (const auto cached = broker.store().read_cached(request)) {
    take(*cached);
    return;
  }
  reading_ = true;
  broker.read_on_pool(worker_, {queue_}, request,
                      [self = shared_from_this(), take](Result<store::ReadResult> result) {
                        self->reading_ = false;
                        if (!self->open_) return;
                        if (!result) return self->try_again_later();
                        take(*result);
                        self->at_tail_ = false;  // more may have come since that read
                        self->pump();
                      });
}

void SharedGroup::broker_lost(std::uint64_t count) {
  if (count > 0) worker_.broker().counters().lost_to_retention.add(count);
}

void SharedGroup::load_given_back() {
  if (reading_) return;
  reading_ = true;
  std::vector<store::Position> missing;
  for (const auto& [position, message] : given_back_)
    if (!message) missing.push_back(position);
  worker_.broker().load_on_pool(
      worker_, missing,
      [self = shared_from_this(), missing](const std::vector<Broker::Loaded>& loaded) {
        self->reading_ = false;
        for (std::size_t i = 0; i < missing.size(); ++i) {
          const auto it = self->given_back_.find(missing[i]);
          if (it == self->given_back_.end() || it->second || loaded[i].is_unread) continue;
          if (loaded[i].message) {
            it->second = loaded[i].message;
            continue;
          }
          if (loaded[i].is_damaged)
            self->worker_.broker().note_damaged(self->key(), {&missing[i], 1});
          else
            self->broker_lost(1);
          self->tracker_.acknowledge(missing[i]);
          self->given_back_.erase(it);
        }
        if (std::ranges::any_of(loaded, &Broker::Loaded::is_unread))
          self->try_again_later();
        else
          self->pump();
      });
}

void SharedGroup::try_again_later() {
  worker_.timers().after(kReadAgainAfter, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump();
  });
}

}  // namespace sluice::broker
