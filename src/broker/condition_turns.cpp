#include "broker/condition_turns.hpp"

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {

// By QoS 0 alone: it has no queue that it could be read from later.
bool has_no_queue(const ChoosyReceiver& receiver) {
  return receiver.qos == mqtt::Qos::AtMostOnce;
}

}  // namespace

void ConditionTurns::dispatch(const TurnPtr& turn, const Delivery::Run& run,
                              const std::vector<ChoosyReceiver>& receivers) {
  bool is_kept = false;  // the rest, for those without a queue
  for (std::size_t index = run.first; index < run.end; ++index) {
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      const auto& receiver = receivers[i];
      if (!has_no_queue(receiver) || !worker_.judge().is_spent()) {
        receiver.session->delivery().offer_by_conditions(run, index, receiver);
        continue;
      }
      if (std::exchange(is_kept, true)) continue;
      const Unjudged rest{turn, &receivers, index, i, run.end, 0};
      if (!keep(rest)) drop(rest);
    }
  }
}

bool ConditionTurns::keep(Unjudged rest) {
  if (unjudged_.empty() || unjudged_.back().turn != rest.turn)
    rest.bytes = rest.turn->batch->bytes();
  if (unjudged_bytes_ + rest.bytes > kUnjudgedBytes && !unjudged_.empty()) return false;
  unjudged_bytes_ += rest.bytes;
  unjudged_.push_back(std::move(rest));
  return true;
}

void ConditionTurns::drop(const Unjudged& rest) {
  const auto of_one =
      static_cast<std::size_t>(std::ranges::count_if(*rest.receivers, has_no_queue));
  const auto asked = static_cast<std::size_t>(std::count_if(
      rest.receivers->begin(), rest.receivers->begin() + static_cast<std::ptrdiff_t>(rest.receiver),
      has_no_queue));
  worker_.broker().counters().dropped_unjudged.add((rest.end - rest.index) * of_one - asked);
}

// Who has just read and wants more waits behind those who have waited: a long back-log would keep
// its place to the end otherwise.
bool ConditionTurns::begin_read(const SessionPtr& session) {
  const bool is_behind_others = !lets_read_ && !wait_for_read_.empty();
  if (reads_ == kReadsToBeJudged || is_behind_others) {
    wait_for_read_.push_back(session);
    return false;
  }
  ++reads_;
  return true;
}

// Each turn anew: who was told may be gone, or have no room by now, and must not keep the place
// from those behind it.
void ConditionTurns::let_read() {
  lets_read_ = true;
  for (auto free = kReadsToBeJudged - reads_; free > 0 && !wait_for_read_.empty(); --free) {
    const auto next = std::move(wait_for_read_.front());
    wait_for_read_.pop_front();
    next->delivery().on_read_allowed();
  }
  lets_read_ = false;
}

void ConditionTurns::run() {
  if (!some_wait()) return;
  let_read();
  if (std::exchange(unjudged_first_, !unjudged_first_)) run_unjudged();
  run_readers();
  run_unjudged();
}

void ConditionTurns::run_unjudged() {
  const auto& judge = worker_.judge();
  while (!unjudged_.empty() && !judge.is_spent()) {
    auto& rest = unjudged_.front();
    const Delivery::Run run{rest.turn->batch, rest.index, rest.end};
    for (; rest.receiver < rest.receivers->size() && !judge.is_spent(); ++rest.receiver) {
      const auto& receiver = (*rest.receivers)[rest.receiver];
      if (has_no_queue(receiver))
        receiver.session->delivery().offer_by_conditions(run, rest.index, receiver);
    }
    if (rest.receiver < rest.receivers->size()) return;
    rest.receiver = 0;
    if (++rest.index < rest.end) continue;
    unjudged_bytes_ -= rest.bytes;
    unjudged_.pop_front();
  }
}

void ConditionTurns::run_readers() {
  for (auto left = readers_.size(); left > 0 && !worker_.judge().is_spent(); --left) {
    const auto reader = std::move(readers_.front());
    readers_.pop_front();
    if (const auto* session = std::get_if<SessionPtr>(&reader))
      (*session)->delivery().pump();
    else
      std::get<SharedGroupPtr>(reader)->go_on();
  }
}

}  // namespace sluice::broker
