#include "connect/worker_group.hpp"

#include <algorithm>

namespace sluice::connect {
namespace {

// The higher, the more a person has to know of it.
int gravity(TaskState state) {
  switch (state) {
    case TaskState::Paused:
      return 0;
    case TaskState::Finished:
      return 1;
    case TaskState::Running:
      return 2;
    case TaskState::Starting:
      return 3;
    case TaskState::Waiting:
      return 4;
    case TaskState::Failed:
      return 5;
  }
  return 0;
}

std::int64_t earlier(std::int64_t one, std::int64_t other) {
  return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
}

std::string reason_of(std::string_view name, const std::string& reason) {
  return reason.empty() ? reason : std::string(name) + ": " + reason;
}

void add(Progress& all, const Progress& one) {
  for (const auto total :
       {&Progress::delivered, &Progress::retried, &Progress::rejected, &Progress::filtered,
        &Progress::denied, &Progress::looped, &Progress::shed, &Progress::lost,
        &Progress::possible_duplicates, &Progress::acknowledged_ahead, &Progress::unfinished,
        &Progress::unfinished_bytes, &Progress::in_sink, &Progress::messages_read,
        &Progress::bytes_read})
    all.*total += one.*total;
  all.next_try_ms = earlier(all.next_try_ms, one.next_try_ms);
  all.oldest_unfinished_ms = earlier(all.oldest_unfinished_ms, one.oldest_unfinished_ms);
  all.last_success_ms = std::max(all.last_success_ms, one.last_success_ms);
  if (one.last_error_ms > all.last_error_ms) {
    all.last_error = one.last_error;
    all.last_error_ms = one.last_error_ms;
  }
  all.cursor = std::min(all.cursor, one.cursor);
  all.read_position = std::min(all.read_position, one.read_position);
}

}  // namespace

Progress together(std::span<const Progress> workers, std::span<const std::string> names) {
  Progress all = workers.front();
  for (const auto& worker : workers.subspan(1)) add(all, worker);
  all.ahead = {};
  const auto worst = static_cast<std::size_t>(
      std::ranges::max_element(workers, {}, [](const auto& one) { return gravity(one.state); }) -
      workers.begin());
  all.state = workers[worst].state;
  all.since_ms = workers[worst].since_ms;
  all.reason = reason_of(names[worst], workers[worst].reason);
  // Of those that wait for an answer the one that has waited for the longest time.
  bool is_any = false;
  for (const auto& worker : workers) {
    if (worker.in_sink == 0) continue;
    all.last_movement =
        is_any ? std::min(all.last_movement, worker.last_movement) : worker.last_movement;
    is_any = true;
  }
  return all;
}

WorkerGroup::WorkerGroup(std::vector<std::string> names, TaskListener on_change)
    : names_(std::move(names)), on_change_(std::move(on_change)), states_(names_.size()) {}

TaskListener WorkerGroup::listener_of(std::size_t number) {
  return [this, number](const TaskChange& change) { changed(number, change); };
}

// Under the lock, so that changes are told in their order.
void WorkerGroup::changed(std::size_t number, const TaskChange& change) {
  const std::scoped_lock lock(mutex_);
  if (!on_change_) return;
  if (change.is_shedding) return on_change_(change);
  states_[number] = change;
  const auto worst =
      std::ranges::max_element(states_, {}, [](const auto& one) { return gravity(one.state); });
  if (told_ == worst->state) return;
  told_ = worst->state;
  auto told = *worst;
  told.reason = reason_of(names_[static_cast<std::size_t>(worst - states_.begin())], worst->reason);
  told.at_ms = change.at_ms;
  told.task = change.task;
  told.task_id = change.task_id;
  on_change_(told);
}

void WorkerGroup::start() {
  for (const auto& worker : workers_) worker->start();
}

void WorkerGroup::request_stop() {
  for (const auto& worker : workers_) worker->request_stop();
}

void WorkerGroup::rights_changed() {
  for (const auto& worker : workers_) worker->rights_changed();
}

// What of the log itself nobody had read is told once.
void WorkerGroup::log_deleted(std::uint64_t lost) {
  for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->log_deleted(i == 0 ? lost : 0);
}

void WorkerGroup::stop() {
  request_stop();
  for (const auto& worker : workers_) worker->stop();
}

std::vector<Progress> WorkerGroup::workers() const {
  std::vector<Progress> all;
  all.reserve(workers_.size());
  for (const auto& worker : workers_) all.push_back(worker->progress());
  return all;
}

Progress WorkerGroup::progress() const {
  return together(workers(), names_);
}

}  // namespace sluice::connect
