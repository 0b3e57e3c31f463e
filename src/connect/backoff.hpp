#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace sluice::connect {

// Waiting times that double up to a maximum. Each is drawn from the upper half of its range, so
// that many who lost the same server do not come back at the same moment.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  Backoff(Milliseconds initial, Milliseconds maximum, std::uint64_t seed)
      : initial_(initial), maximum_(maximum), next_(initial), random_(seed) {}

  [[nodiscard]] Milliseconds next() {
    const auto upper = next_.count();
    next_ = std::min(maximum_, next_ * 2);
    return Milliseconds(std::uniform_int_distribution<std::int64_t>(upper / 2, upper)(random_));
  }
  void reset() { next_ = initial_; }

 private:
  Milliseconds initial_, maximum_, next_;
  std::minstd_rand random_;
};

}  // namespace sluice::connect
