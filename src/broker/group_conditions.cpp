// Members of shared groups that have a condition, `$where`.
#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {
constexpr std::size_t kJudgedAtOnce = 4096;  // more than is read ahead and given back, mostly
}

static_assert(kConditionsPerGroup <= 64, "GroupConditions::accepted has a bit for each");

void SharedGroup::set_condition(const Session& session, ConditionPtr condition) {
  if (!condition && !conditions_) return;
  if (!conditions_) conditions_ = std::make_unique<GroupConditions>();
  auto& all = *conditions_;
  if (condition)
    all.by_member.insert_or_assign(&session, std::move(condition));
  else
    all.by_member.erase(&session);
  if (all.by_member.empty()) {
    conditions_.reset();
    return;
  }
  all.accepted.clear();
  all.different.clear();
  for (const auto& [member, known] : all.by_member)
    if (std::ranges::find(all.different, known) == all.different.end())
      all.different.push_back(known);
}

// One bit for each of the different conditions.
std::uint64_t SharedGroup::judged(const model::Message& message) {
  if (conditions_->accepted.size() >= kJudgedAtOnce) conditions_->accepted.clear();
  const auto [known, is_new] = conditions_->accepted.try_emplace(message.position().get(), 0);
  if (!is_new) return known->second;
  auto& judge = worker_.judge();
  const auto most = std::min(conditions_->different.size(), kConditionsPerGroup);
  for (std::size_t i = 0; i < most; ++i) {
    const auto verdict = judge.ask(*conditions_->different[i], message);
    if (verdict == ConditionJudge::Verdict::Accepts) known->second |= std::uint64_t{1} << i;
    if (verdict == ConditionJudge::Verdict::GivesUp) worker_.broker().counters().not_judged.add();
  }
  return known->second;
}

bool SharedGroup::accepts(const Member& member, const model::Message& message) {
  if (!conditions_) return true;
  const auto own = conditions_->by_member.find(member.session.get());
  if (own == conditions_->by_member.end()) return true;
  const auto& different = conditions_->different;
  const auto index = std::ranges::find(different, own->second) - different.begin();
  return index < 64 && ((judged(message) >> index) & 1) != 0;
}

// No member accepts it, of those that are away or busy neither: it is done with. Otherwise it goes
// to one that does, or waits for it.
bool SharedGroup::passes_over(const model::MessagePtr& message) {
  const auto accepts_it = [&](const Member& member) { return accepts(member, *message); };
  if (members_.empty() || std::ranges::any_of(members_, accepts_it)) return false;
  ++conditions_->passed_over;
  worker_.broker().counters().passed_over_in_groups.add();
  tracker_.hand_out(message->position());
  acknowledge(message->position());
  return true;
}

bool SharedGroup::has_passed_enough() const {
  return conditions_ && conditions_->passed_over >= kPassedAtOnce;
}

bool SharedGroup::has_no_time_for(const model::Message& message) const {
  return conditions_ && worker_.judge().is_spent() &&
         !conditions_->accepted.contains(message.position().get());
}

// Others want their turn.
void SharedGroup::put_off() {
  if (!conditions_ || !std::exchange(conditions_->is_put_off, true))
    worker_.condition_turns().add(shared_from_this());
}

void SharedGroup::go_on() {
  if (conditions_) conditions_->is_put_off = false;
  pump();
}

}  // namespace sluice::broker
