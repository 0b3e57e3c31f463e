#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.hpp"

namespace sluice {

// Work that is due at a time, for one event loop.
//
// Threads: the loop's own.
class Timers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Id = std::pair<Time, std::uint64_t>;

  explicit Timers(const Clock& clock) : clock_(clock) {}

  Id at(Time due, std::function<void()> work);
  Id after(std::chrono::milliseconds delay, std::function<void()> work) {
    return at(clock_.steady() + delay, std::move(work));
  }
  void cancel(Id id) { entries_.erase(id); }
  void stop() { entries_.clear(); }

  // Time::max() when nothing is to be done.
  [[nodiscard]] Time next_due() const;
  void run_due(Time now);

 private:
  const Clock& clock_;
  std::uint64_t last_ = 0;
  std::map<Id, std::function<void()>> entries_;
};

}  // namespace sluice
