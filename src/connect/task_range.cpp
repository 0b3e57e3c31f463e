// What it would mean to move a task, or to send a range again: counted before it is done.
#include <algorithm>
#include <chrono>

#include "connect/task.hpp"

namespace sluice::connect {
namespace {

using store::Position;

// Somebody waits for the answer; what has been counted by then is a lower bound.
constexpr auto kCountFor = std::chrono::milliseconds(1500);
constexpr std::size_t kAtOnce = 16384;

}  // namespace

Result<MessageCount> Task::count_between(Position after, Position last) const {
  MessageCount count;
  if (last <= after) return count;
  SL_TRY_VOID(around_.store.wait_durable(last));
  const auto deadline = std::chrono::steady_clock::now() + kCountFor;
  store::ScanRequest scan{.filters = spec_.filters,
                          .after = after,
                          .before = Position(last.get() + 1),  // inside of the message at `last`
                          .maximum_messages = kAtOnce};
  while (true) {
    SL_TRY(found, around_.store.scan_log(scan));
    count.messages += found.entries.size();
    if (found.at_end) return count;
    scan.after = found.next;
    if (std::chrono::steady_clock::now() < deadline) continue;
    count.is_least = true;
    return count;
  }
}

Result<SeekEffect> Task::effect_of_seek(const Start& start) const {
  SL_TRY(target, begin(start));
  auto cursor = Position(UINT64_MAX);
  for (const auto& worker : workers()) cursor = std::min(cursor, worker.cursor);
  SeekEffect effect;
  if (target.position <= cursor) {
    SL_TRY(again, count_between(target.position, cursor));
    effect.again = again;
    return effect;
  }
  if (cursor < queues_from()) {
    SL_TRY(passed, count_between(cursor, target.position));
    effect.passed_over = passed;
    return effect;
  }
  const auto waiting = count_after(cursor);
  const auto left = count_after(target.position);
  effect.passed_over = {.messages = waiting - std::min(waiting, left),
                        .is_least = waiting == kMostCounted};
  return effect;
}

Result<MessageCount> Task::count_range(const Start& from, const Start& to) const {
  SL_TRY(begin, this->begin(from));
  SL_TRY(end, end_of(to));
  return count_between(begin.position, end);
}

}  // namespace sluice::connect
