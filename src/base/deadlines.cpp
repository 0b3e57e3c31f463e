#include "base/deadlines.hpp"

#include <algorithm>
#include <limits>

namespace sluice {

Deadlines::Deadlines(const Clock& clock, Timers& timers)
    : clock_(clock), timers_(timers), began_(clock.steady()), slots_(kSlots) {}

void Deadlines::set(Deadline& deadline, Time due) {
  deadline.clear_deadline();
  constexpr std::int64_t kLast = std::numeric_limits<std::uint32_t>::max();  // in 34 years
  const std::int64_t tick = (due - began_) / kTick + 1;
  deadline.tick_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(tick, next_, kLast));
  slots_[deadline.tick_ % kSlots].push_back(deadline);
  // One that is far away is passed by in each turn of the wheel.
  arm(time_of(std::min<std::uint32_t>(deadline.tick_, next_ + kSlots)));
}

void Deadlines::arm(Time due) {
  if (armed_ && armed_->first <= due) return;
  if (armed_) timers_.cancel(*armed_);
  armed_ = timers_.at(due, [this] { run(); });
}

void Deadlines::run() {
  armed_.reset();
  const auto passed = (clock_.steady() - began_) / kTick;
  const auto now = static_cast<std::uint32_t>(passed);
  auto left = kPerRound;
  for (; next_ <= now; ++next_) {
    if (!empty_slot(next_, now, left)) {
      arm(clock_.steady());  // in the next round: others have their turn between
      return;
    }
  }
  for (auto tick = next_; tick < next_ + kSlots; ++tick) {
    if (slots_[tick % kSlots].empty()) continue;
    arm(time_of(tick));
    return;
  }
}

// False: more of it is due than one round may take.
bool Deadlines::empty_slot(std::uint32_t tick, std::uint32_t now, std::size_t& left) {
  auto& slot = slots_[tick % kSlots];
  Slot later;
  while (!slot.empty() && left > 0) {
    auto& deadline = slot.front();
    slot.pop_front();
    if (deadline.tick_ > now) {
      later.push_back(deadline);
      continue;
    }
    --left;
    deadline.on_deadline();
  }
  const bool is_empty = slot.empty();
  slot.splice(slot.end(), later);
  return is_empty;
}

}  // namespace sluice
