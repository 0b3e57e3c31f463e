// Time that passes only when the test says so, for who waits by `Threads`.
#pragma once
#include <atomic>

#include "base/clock.hpp"
#include "base/threads.hpp"

namespace sluice::test {

// Threads: any.
class ModelTime final : public Clock, public Threads {
 public:
  using Time = std::chrono::steady_clock::time_point;

  [[nodiscard]] std::int64_t wall_ms() const override {
    return 1'700'000'000'000 +
           std::chrono::duration_cast<std::chrono::milliseconds>(passed()).count();
  }
  [[nodiscard]] Time steady() const override { return Time(std::chrono::hours(1) + passed()); }
  void pass(std::chrono::nanoseconds time) { passed_ += time.count(); }
  // Somebody does nothing more until it passes or something happens.
  [[nodiscard]] bool is_waited_for() const { return waiting_ > 0; }

  [[nodiscard]] std::unique_ptr<Thread> start(std::function<void()> body) override {
    return system_threads().start(std::move(body));
  }
  bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
            FunctionRef<bool()> until, std::chrono::nanoseconds at_most) override {
    const auto due = at_most == kForever ? Time::max() : steady() + at_most;
    ++waiting_;
    // Who moves the time does not know whom to wake.
    while (!until() && steady() < due) changed.wait_for(lock, std::chrono::milliseconds(1));
    --waiting_;
    return until();
  }

 private:
  [[nodiscard]] std::chrono::nanoseconds passed() const {
    return std::chrono::nanoseconds(passed_);
  }
  std::atomic<std::int64_t> passed_{0};
  std::atomic<int> waiting_{0};
};

}  // namespace sluice::test
