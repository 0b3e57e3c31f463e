// The strategies of shared groups: which member gets a message.
#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {

constexpr std::size_t kRememberedKeys = 4096;

// Every bit of the result depends on every bit of the number (splitmix64).
std::uint64_t mixed(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

}  // namespace

void SharedGroup::set_strategy(GroupStrategy strategy, std::chrono::seconds latency) {
  const bool same_latency = std::exchange(latency_, latency) == latency;
  if (strategy_.exchange(strategy) == strategy) {
    if (!same_latency) settle_shares(std::chrono::seconds(0));
    return;
  }
  choices_.reset();
  for (auto& member : members_) {
    member.in_flight = 0;
    member.takes_part = member.is_there;
  }
  pump();
}

bool SharedGroup::hand_out(const model::MessagePtr& message) {
  if (!conditions_) return hand_out_by_strategy(message);
  const bool is_done = passes_over(message) || hand_out_by_strategy(message);
  if (is_done && conditions_) conditions_->accepted.erase(message->position().get());
  return is_done;
}

bool SharedGroup::hand_out_by_strategy(const model::MessagePtr& message) {
  const auto strategy = this->strategy();
  if (strategy == GroupStrategy::RoundRobin) return hand_out_by_turns(message);
  if (members_.empty()) return false;
  if (!choices_) choices_ = std::make_unique<GroupChoices>();
  if (is_keyed(strategy)) return hand_out_by_key(message);
  if (strategy == GroupStrategy::LeastInFlight) return hand_out_to_least(message);
  choices_->random = mixed(choices_->random + number_);
  next_ = choices_->random % members_.size();  // from there on the first one with room
  return hand_out_by_turns(message);
}

bool SharedGroup::hand_out_to_least(const model::MessagePtr& message) {
  while (true) {
    Member* least = nullptr;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto& member = members_[(next_ + i) % members_.size()];  // equals take turns
      if (member.has_room && accepts(member, *message) &&
          (least == nullptr || member.in_flight < least->in_flight))
        least = &member;
    }
    if (least == nullptr) return false;
    next_ = static_cast<std::size_t>(least - members_.data() + 1) % members_.size();
    const auto position = message->position();
    tracker_.hand_out(position);
    // Before it is offered: it may be done with at once.
    ++least->in_flight;
    choices_->holders.insert_or_assign(position.get(), least->session.get());
    if (offer(*least, message)) return true;
    no_longer_held(position);
    least->has_room = false;
  }
}

void SharedGroup::no_longer_held(store::Position position) {
  const auto it = choices_->holders.find(position.get());
  if (it == choices_->holders.end()) return;
  const auto* holder = it->second;
  choices_->holders.erase(it);
  for (auto& member : members_)
    if (member.session.get() == holder && member.in_flight > 0) --member.in_flight;
}

// --- Sticky and Hash...: the message says whose it is

// What its member has no room for waits, and what follows for others goes past it, as far as is
// read ahead: messages of one key stay in order, and a slow member holds up its own.
void SharedGroup::pump_by_key() {
  for (auto it = given_back_.begin(); it != given_back_.end();) {
    if (!it->second) return load_given_back();
    const auto message = it->second;
    if (has_no_time_for(*message)) return put_off();
    it = hand_out(message) ? given_back_.erase(it) : std::next(it);
  }
  while (true) {
    if (has_passed_enough() || !hand_out_fetched()) return put_off();
    if (at_tail_ || reading_ || fetched_.size() >= kFetch) return;
    const auto before = fetched_.size();
    fetch();
    if (fetched_.size() == before && (at_tail_ || reading_)) return;
  }
}

// What nobody has room for stays. False: so does what there is no time for in this turn.
bool SharedGroup::hand_out_fetched() {
  std::vector<model::MessagePtr> waiting;
  bool has_time = true;
  for (; fetched_next_ < fetched_.size(); ++fetched_next_) {
    auto message = fetched_[fetched_next_];
    has_time = has_time && !has_no_time_for(*message);
    if (!has_time || !hand_out(message)) waiting.push_back(std::move(message));
  }
  fetched_ = std::move(waiting);
  fetched_next_ = 0;
  return has_time;
}

bool SharedGroup::hand_out_by_key(const model::MessagePtr& message) {
  auto* member = member_for(*message);
  if (member == nullptr || !member->has_room) return false;
  tracker_.hand_out(message->position());
  if (offer(*member, message)) return true;
  member->has_room = false;
  return false;
}

SharedGroup::Member* SharedGroup::member_for(const model::Message& message) {
  std::optional<std::size_t> index;
  if (strategy() == GroupStrategy::Sticky)
    index = sticky_member(message);
  else
    index = member_for_key(
        strategy() == GroupStrategy::HashTopic ? message.topic : message.client_id, message);
  return index ? &members_[*index] : nullptr;
}

// What the one with all messages does not accept goes to the first that does; all others stay.
std::optional<std::size_t> SharedGroup::sticky_member(const model::Message& message) {
  std::optional<std::size_t> first;
  bool is_sticky_there = false;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].is_there) continue;
    const bool is_sticky = members_[i].session.get() == choices_->sticky;
    is_sticky_there = is_sticky_there || is_sticky;
    if (!accepts(members_[i], message)) continue;
    if (is_sticky) return i;
    if (!first) first = i;
  }
  if (is_sticky_there) return first;
  choices_->sticky = first ? members_[*first].session.get() : nullptr;
  return first;
}

// Each member draws a number for the key and the highest has it: one that comes or goes moves only
// what it gets or had.
std::optional<std::size_t> SharedGroup::member_for_key(std::string_view key,
                                                       const model::Message& message) {
  const auto hash = std::uint64_t{TextHash{}(key)};
  if (conditions_) return drawn_member(message, hash);  // not a matter of the key alone
  if (const auto known = choices_->by_key.find(hash); known != choices_->by_key.end())
    return known->second;
  const auto chosen = drawn_member(message, hash);
  if (choices_->by_key.size() >= kRememberedKeys) choices_->by_key.clear();
  choices_->by_key.emplace(hash, chosen);
  return chosen;
}

std::optional<std::size_t> SharedGroup::drawn_member(const model::Message& message,
                                                     std::uint64_t hash) {
  std::optional<std::size_t> chosen;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].takes_part || !accepts(members_[i], message)) continue;
    const auto drawn = mixed(hash ^ mixed(members_[i].session->number()));
    if (chosen && drawn <= highest) continue;
    chosen = i;
    highest = drawn;
  }
  return chosen;
}

void SharedGroup::note_change_of_members() {
  if (choices_) choices_->by_key.clear();
}

// Who comes or goes takes or leaves its share, with a hash strategy after its latency: of one that
// is back by then nothing has moved. Where nobody has a share nobody is waited for.
void SharedGroup::note_presence(Member& member, bool is_there) {
  if (std::exchange(member.is_there, is_there) == is_there) return;
  const bool at_once =
      !is_hashed(strategy()) || latency_ == std::chrono::seconds(0) || !some_take_part();
  if (at_once) {
    member.takes_part = is_there;
    note_change_of_members();
    return;
  }
  member.changed_at = worker_.broker().clock().steady();
  settle_shares_later();
}

bool SharedGroup::some_take_part() const {
  return std::ranges::any_of(members_, &Member::takes_part);
}

// Of those who have come or gone so long ago.
void SharedGroup::settle_shares(std::chrono::seconds latency) {
  const auto now = worker_.broker().clock().steady();
  bool some_wait = false;
  bool changed = false;
  for (auto& member : members_) {
    if (member.takes_part == member.is_there) continue;
    const bool is_due = now >= member.changed_at + latency;
    if (is_due) member.takes_part = member.is_there;
    changed = changed || is_due;
    some_wait = some_wait || !is_due;
  }
  if (some_wait) settle_shares_later();
  if (!changed) return;
  note_change_of_members();
  pump();
}

// One timer, however often clients come and go: for the one who did so first.
void SharedGroup::settle_shares_later() {
  if (std::exchange(settles_later_, true)) return;
  auto due = std::chrono::steady_clock::time_point::max();
  for (const auto& member : members_)
    if (member.takes_part != member.is_there) due = std::min(due, member.changed_at + latency_);
  worker_.timers().at(due, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->settles_later_ = false;
    self->settle_shares(self->latency_);
  });
}

}  // namespace sluice::broker
