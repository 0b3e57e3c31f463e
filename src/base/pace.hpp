// Keeps work that is not urgent from taking all that a disk can do.
#pragma once
#include <chrono>
#include <cstdint>
#include <thread>

namespace sluice {

// So many bytes a second, measured from the first; what is late is not made up for.
//
// Threads: one.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // 0: without a bound.
  explicit Pace(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  // When these bytes may be taken; the next ones so much later.
  [[nodiscard]] Time take(std::uint64_t bytes, Time now) {
    if (rate_ == 0) return now;
    const Time at = next_ < now ? now : next_;
    next_ = at + std::chrono::nanoseconds(bytes * 1'000'000'000 / rate_);
    return at;
  }

  // Waits until they may be taken.
  void wait(std::uint64_t bytes) {
    std::this_thread::sleep_until(take(bytes, std::chrono::steady_clock::now()));
  }

 private:
  const std::uint64_t rate_;
  Time next_{};
};

}  // namespace sluice
