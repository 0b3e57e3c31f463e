// How fast a back-log goes out that is to go no faster than `delivery.drain` says.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::connect {

// A tenth of a second's worth goes at once, and then nothing for as long as that takes at the pace
// that is allowed: never more than `per_second` within a second. Time that was not used is lost.
//
// Threads: one.
class DrainPace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Contract: at least 1.
  explicit DrainPace(std::uint32_t per_second) : per_second_(per_second) {}

  [[nodiscard]] std::size_t room(Time now) const {
    return now < next_ ? 0 : std::max<std::size_t>(1, per_second_ / 10);
  }
  // So many went. Contract: no more than there was room for.
  void took(std::size_t count, Time now) {
    const std::chrono::nanoseconds second = std::chrono::seconds(1);
    const auto each = second.count() / per_second_ + (second.count() % per_second_ != 0 ? 1 : 0);
    next_ = now + std::chrono::nanoseconds(each * static_cast<std::int64_t>(count));
  }
  [[nodiscard]] Time next() const { return next_; }

 private:
  std::uint32_t per_second_;
  Time next_ = Time::min();
};

}  // namespace sluice::connect
