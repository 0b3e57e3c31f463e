#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/deadlines.hpp"
#include "base/descriptor.hpp"
#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "base/timers.hpp"

namespace sluice {

// Something with a descriptor that an EventLoop watches.
class Watched {
 public:
  virtual ~Watched() = default;
  // Bits of Readiness. Edges, not levels: who is told reads until there is no more, or comes back
  // by itself (EventLoop::post).
  virtual void on_ready(std::uint32_t readiness) = 0;
  // The loop itself ends: who holds others that hold it lets them go.
  virtual void on_loop_end() {}
};

struct Readiness {
  static constexpr std::uint32_t kRead = 1;
  static constexpr std::uint32_t kWrite = 2;
  static constexpr std::uint32_t kHangUp = 4;  // the peer will send no more, or an error waits
};

// One thread's loop over descriptors, timers and work that other threads post. A descriptor is
// registered once; after that a whole round of ready ones costs one system call
// (docs/adr/0008-own-event-loop.md).
//
// Owns:    what it watches, until unwatch(); the work that was posted.
// Threads: post() from any; everything else from the loop's own, or before it runs.
class EventLoop {
 public:
  using Time = Timers::Time;

  // The clock outlives it.
  explicit EventLoop(const Clock& clock = system_clock());
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs on the loop's thread, in the order of the posts of one thread; wakes the loop if it
  // sleeps.
  void post(std::function<void()> work);

  // Fails: IoFailed, when the system takes no more descriptors.
  [[nodiscard]] Result<void> watch(int descriptor, std::shared_ptr<Watched> watched);
  // Nothing more is told about it. The loop's share in it is let go once the round is over.
  // Contract: called before the descriptor is closed.
  void unwatch(int descriptor);

  // One round: what is ready, then what was posted and is due. With nothing to do it sleeps until
  // there is, at most until `latest`. `enough` is asked after each ready descriptor: true ends the
  // round, the others keep their turn for the next.
  void run_once(Time latest, FunctionRef<bool()> enough);
  // A round that does not sleep.
  void poll() {
    run_once(Time::min(), [] { return false; });
  }

  [[nodiscard]] Timers& timers() { return timers_; }
  [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
  [[nodiscard]] Time now() const { return now_; }  // when this round began

 private:
  struct Entry {
    std::shared_ptr<Watched> watched;
    std::uint32_t generation = 0;  // a descriptor's number is used again
  };
  struct Ready {
    std::uint64_t key = 0;  // descriptor and generation
    std::uint32_t readiness = 0;
  };
  void collect(Time latest);
  [[nodiscard]] int milliseconds_until(Time latest) const;
  void tell_ready(FunctionRef<bool()> enough);
  void run_posted();

  Descriptor epoll_;
  Descriptor wake_;  // an eventfd: readable when something was posted while the loop slept
  const Clock& clock_;
  Timers timers_;
  Deadlines deadlines_{clock_, timers_};
  Time now_;
  std::vector<Entry> entries_;                     // by descriptor
  std::vector<std::shared_ptr<Watched>> leaving_;  // unwatched in this round
  std::vector<Ready> ready_;
  std::size_t next_ready_ = 0;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_;
  std::atomic<bool> has_posted_{false};
  std::atomic<bool> sleeps_{false};
};

}  // namespace sluice
