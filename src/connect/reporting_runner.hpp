#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "broker/accounts.hpp"
#include "connect/backoff.hpp"
#include "connect/progress.hpp"
#include "connect/runner.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

// What the task's account may do, as of now. Empty: it has none, and policies are not asked.
using AskRights = std::function<broker::AccountRightsPtr()>;

// What workers of both directions do alike: wait after a failure, fail for good, hold while their
// account lacks a right, and say how they stand.
//
// Threads: progress() from any; the rest is for the worker's thread alone.
class ReportingRunner : public Runner {
 public:
  [[nodiscard]] Progress progress() const final;

 protected:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Who {
    const Clock& clock;
    std::string task, task_id, worker;
    TaskListener on_change;
    AskRights ask_rights = {};
  };
  // Counters go on from `before`.
  ReportingRunner(Who who, Backoff backoff, const Progress& before);

  [[nodiscard]] SteadyTime steady_now() const { return who_.clock.steady(); }
  void wait_for(std::string reason);  // the next try after a back-off
  void fail_for_good(std::string reason);
  void note_error(const std::string& reason);
  void set_state(TaskState state, std::string reason);
  // Where rights may have changed since: asks again. While it is held nothing moves.
  void review_rights(const TaskSpec& spec);
  [[nodiscard]] bool is_held() const { return !held_reason_.empty(); }
  void show_progress();  // what progress() says from now on

  Backoff backoff_;
  std::optional<SteadyTime> resume_at_;  // not before: a back-off is running
  std::string wait_reason_, letters_reason_, failure_, held_reason_;
  std::atomic<bool> rights_changed_{true};
  broker::AccountRightsPtr rights_;  // null: nobody is asked
  Progress progress_;

 private:
  const Who who_;
  Guarded<Progress> published_;
};

}  // namespace sluice::connect
