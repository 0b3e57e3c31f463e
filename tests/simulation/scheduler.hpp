#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/threads.hpp"
#include "simulation/fiber.hpp"

namespace sluice::simulation {

// Every choice of a run comes from here.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return n != 0 && below(n) == 0; }

 private:
  std::uint64_t state_;
};

// Time that passes only when the scheduler says so.
class SimulatedClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override {
    return 1'700'000'000'000 + skew_ms_ +
           std::chrono::duration_cast<std::chrono::milliseconds>(passed_).count();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    // Not 0: that means nothing in places.
    return std::chrono::steady_clock::time_point(std::chrono::hours(1) + passed_);
  }
  void pass(std::chrono::nanoseconds time) { passed_ += time; }
  void set_wall_forward(std::int64_t ms) { skew_ms_ += ms; }  // or back

 private:
  std::chrono::nanoseconds passed_{0};
  std::int64_t skew_ms_ = 0;
};

// Runs the threads of the code under test as fibers, one at a time, on the thread of the
// simulation: which of those that could go on does is drawn. A fiber gives way where its thread
// would wait, and inside operations of the disk. The simulation's own code runs between, and so do
// the event loops; where that code waits, the fibers go on until it need not.
class Scheduler final : public Threads {
 public:
  Scheduler(Random& random, SimulatedClock& clock) : random_(random), clock_(clock) {}
  ~Scheduler() override;

  [[nodiscard]] std::unique_ptr<Thread> start(std::function<void()> body) override;
  bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
            FunctionRef<bool()> until, std::chrono::nanoseconds at_most) override;

  // On a fiber: others may go on meanwhile, for at least so long. Elsewhere: nothing.
  void give_way(std::chrono::nanoseconds at_least);
  // One fiber that can goes on. False: none can.
  bool run_one();
  // To the next time at which one can, at most until `latest`. False: there is no such time.
  using Time = std::chrono::steady_clock::time_point;
  bool pass_to_next(Time latest = Time::max());
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // What happened so far, in one number: two runs with one number were the same.
  void note(std::uint64_t fact) { trace_ = (trace_ ^ fact) * 0x100000001b3; }
  void note(std::string_view fact) {
    for (const char c : fact) note(static_cast<unsigned char>(c));
  }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }

 private:
  struct Task {
    std::uint64_t number = 0;
    std::unique_ptr<Fiber> fiber;
    std::optional<FunctionRef<bool()>> until;  // none: paused until `due`, or ready
    Time due = Time::min();
  };
  class Joined;
  [[nodiscard]] bool can_go_on(const Task& task) const;
  [[nodiscard]] Task* find(const Fiber* fiber);

  Random& random_;
  SimulatedClock& clock_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::uint64_t last_number_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

// What must never be was found: says so, with what reproduces it, and ends the program.
struct Violation {
  static std::function<std::string()> context;  // seed and history
  [[noreturn]] static void report(const std::string& what);
};

}  // namespace sluice::simulation
