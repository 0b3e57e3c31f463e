#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "connect/runner.hpp"

namespace sluice::connect {

// How workers that share a task stand together: sums, the oldest of what waits, and the worst state
// of them with the name of who is in it.
[[nodiscard]] Progress together(std::span<const Progress> workers,
                                std::span<const std::string> names);

// Several workers of one task, each with its own reader, sink and cursor. They know nothing of each
// other: one that is held up holds up nobody. docs/adr/0054.
//
// Threads: start(), stop() from one thread at a time; the rest from any.
class WorkerGroup final : public Runner {
 public:
  WorkerGroup(std::vector<std::string> names, TaskListener on_change);
  // What the n-th worker tells its changes; the task's are told from them.
  [[nodiscard]] TaskListener listener_of(std::size_t number);
  void add(std::unique_ptr<Runner> worker) { workers_.push_back(std::move(worker)); }

  void start() override;
  void request_stop() override;
  void rights_changed() override;
  void log_deleted(std::uint64_t lost) override;
  void stop() override;  // they drain at the same time
  [[nodiscard]] Progress progress() const override;
  [[nodiscard]] std::vector<Progress> workers() const override;

 private:
  void changed(std::size_t number, const TaskChange& change);

  const std::vector<std::string> names_;
  const TaskListener on_change_;
  std::mutex mutex_;  // guards all but the workers
  std::vector<TaskChange> states_;
  std::optional<TaskState> told_;
  std::vector<std::unique_ptr<Runner>> workers_;  // end before what they tell
};

}  // namespace sluice::connect
