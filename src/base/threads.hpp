#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "base/function_ref.hpp"

namespace sluice {

// The threads of those who work by themselves, and every wait of one thread for another, so that a
// test can run all of them on one thread, in an order of its choice (docs/design/simulation.md).
//
// Threads: all calls from any.
class Threads {
 public:
  static constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

  // Ends when `body` returns. Contract: joined before it is destroyed.
  class Thread {
   public:
    virtual ~Thread() = default;
    virtual void join() = 0;
  };

  virtual ~Threads() = default;
  [[nodiscard]] virtual std::unique_ptr<Thread> start(std::function<void()> body) = 0;
  // Sleeps until `until` holds, which is asked under the lock, now and whenever `changed` is
  // notified, but not longer than that. Returns whether it holds.
  virtual bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                    FunctionRef<bool()> until, std::chrono::nanoseconds at_most = kForever) = 0;
};

// The operating system's.
[[nodiscard]] Threads& system_threads();

}  // namespace sluice
