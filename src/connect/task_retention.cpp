// A task and retention: what it holds back, and what happens when it is overtaken all the same.
#include <algorithm>

#include "base/log.hpp"
#include "connect/backlog.hpp"
#include "connect/task.hpp"
#include "connect/totals.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {

using store::Position;
using store::StateKind;

// Everything behind the cursor as it was written last: a crash would begin there.
void Task::add_holds(std::vector<store::Hold>& holds) const {
  if (spec_.is_inbound()) return;  // it reads nothing here
  const auto now = progress();
  const auto end = ends_at();
  if (end && now.cursor >= *end) return;  // it has finished
  const auto from = queues_from();
  // What it would shed it does not need.
  auto cursor = now.cursor;
  if (spec_.backpressure == Backpressure::ShedOldest)
    cursor = std::max(cursor, bound_of_backlog(spec_, around_.store));
  for (const auto& queue : queues_)
    holds.push_back({.of = store::Hold::Of::Task,
                     .queue = queue.id,
                     .after = std::max(cursor, from),
                     .at_most = spec_.hold_bytes});
  if (cursor >= from) return;
  holds.push_back({.of = store::Hold::Of::Task,
                   .after = cursor,
                   .read = std::max(now.read_position, cursor),
                   .filters = filters_before(),
                   .owner = record_.id,
                   .at_most = spec_.hold_bytes});
}

void Task::log_deleted(Position begin, std::uint64_t lost) {
  if (spec_.is_inbound()) return;
  // Starting or pausing: what is gone is counted when it reads, but for what it had not read of the
  // log itself.
  const std::unique_lock changing(changing_, std::try_to_lock);
  std::shared_ptr<Runner> worker;
  {
    const std::scoped_lock lock(mutex_);
    worker = worker_;
  }
  if (worker) return worker->log_deleted(lost);
  if (!changing.owns_lock()) {
    counters().lost.add(lost);
    return;
  }
  if (auto skipped = skip_deleted(begin, lost); !skipped)
    log::warn("a task's cursor could not be moved behind what was deleted",
              {{"task", record_.id}, {"reason", skipped.error().detail}});
}

// Nobody runs it: its cursors move all the same, so that its status says at once what it lost. Of
// what one of several workers had not read nobody knows whose it was: each counts it, never too
// low.
Result<void> Task::skip_deleted(Position begin, std::uint64_t lost) {
  SL_TRY(places, load_places());
  if (has_finished(places)) return {};
  auto counted = workers();
  if (counted.size() != places.cursors.size()) return {};
  const bool is_shed = was_beyond_bound(spec_, around_.store);
  const auto total = is_shed ? &Progress::shed : &Progress::lost;
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  bool has_moved = false;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < places.cursors.size(); ++i) {
    auto& cursor = places.cursors[i];
    if (cursor.position >= begin) continue;
    SL_TRY(passed, pass_deleted(cursor, begin));
    // What lay before the queues is told once for the task.
    passed += has_moved ? 0 : lost;
    has_moved = true;
    all += passed;
    counted[i].*total += passed;
    put_totals(*batch, places.division.state_id(record_.id, i), counted[i]);
  }
  if (!has_moved) return {};
  put_places(*batch, record_.id, places);
  batch->end_atomic();
  SL_TRY_VOID(around_.store.append(batch));
  place_parked(places);
  if (all == 0) return {};
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < counted.size(); ++i) parked_workers_[i].*total = counted[i].*total;
    parked_.*total += all;
  }
  if (is_shed) {
    counters().shed.add(all);
    return {};
  }
  counters().lost.add(all);
  log::warn("retention overtook a task: messages were deleted before it had delivered them",
            {{"task", record_.id}, {"messages", all}});
  const std::scoped_lock lock(mutex_);
  parked_.last_error = std::to_string(all) + " messages were deleted by retention before delivery";
  parked_.last_error_ms = around_.clock.wall_ms();
  return {};
}

// Moves it behind what is gone; how many were not done with.
Result<std::uint64_t> Task::pass_deleted(store::Cursor& cursor, Position begin) const {
  const auto ids = queue_ids();
  const auto from = std::max(cursor.position, queues_from());
  store::Store::Skipped skipped{0, begin};
  if (from < begin && !ids.empty()) {
    SL_TRY(counted, around_.store.skip_deleted(ids, from));
    skipped = counted;
  }
  if (const auto end = ends_at(); end && skipped.next > *end) {
    if (from >= *end) return 0;
    SL_TRY(beyond, around_.store.skip_deleted(ids, *end));
    skipped = {skipped.lost - std::min(skipped.lost, beyond.lost), *end};
  }
  const auto is_done = [&](Position position) {
    return position <= skipped.next && position > from;
  };
  auto done = static_cast<std::uint64_t>(std::ranges::count_if(cursor.acknowledged, is_done));
  if (cursor.has_ahead() && !ids.empty()) {
    SL_TRY(behind, around_.store.skip_deleted(ids, std::max(from, cursor.ahead.after)));
    SL_TRY(beyond, around_.store.skip_deleted(ids, std::max(from, cursor.ahead.up_to)));
    done += behind.lost - std::min(behind.lost, beyond.lost);
  }
  cursor.position = skipped.next;
  cursor.close_up();
  return skipped.lost - std::min(skipped.lost, done);
}

}  // namespace sluice::connect
