#pragma once
#include <memory>
#include <mutex>

#include "base/threads.hpp"
#include "simulation/disk.hpp"
#include "simulation/scheduler.hpp"

namespace sluice::simulation {

// The thread on which the broker reads files: what it is asked for may wait a good while before it
// is begun, and in each read. Much happens until the answer comes, and after it was asked for.
//
// Threads: one.
class SlowPool final : public Threads {
 public:
  SlowPool(Scheduler& scheduler, SimulatedDisk& disk, Random& random)
      : scheduler_(scheduler), disk_(disk), random_(random) {}

  // Contract: one of them at a time.
  [[nodiscard]] std::unique_ptr<Thread> start(std::function<void()> body) override {
    return scheduler_.start([this, body = std::move(body)] {
      disk_.set_slow_reader(Fiber::current());
      body();
      disk_.set_slow_reader(nullptr);
    });
  }
  bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
            FunctionRef<bool()> until, std::chrono::nanoseconds at_most) override {
    const bool holds = scheduler_.wait(changed, lock, until, at_most);
    if (disk_.halted() || Fiber::current() != disk_.slow_reader()) return holds;
    ++asked_for_;
    lock.unlock();
    scheduler_.give_way(
        std::chrono::microseconds(random_.below(random_.one_in(4) ? 1'500'000 : 1000)));
    lock.lock();
    return holds;
  }

  [[nodiscard]] std::uint64_t asked_for() const { return asked_for_; }

 private:
  Scheduler& scheduler_;
  SimulatedDisk& disk_;
  Random& random_;
  std::uint64_t asked_for_ = 0;
};

}  // namespace sluice::simulation
