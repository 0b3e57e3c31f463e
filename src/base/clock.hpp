#pragma once
#include <chrono>
#include <cstdint>

namespace sluice {

// Where time comes from, so that tests can move it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970 UTC; may jump when the machine's clock is set.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
  // Only grows; for intervals and deadlines.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
};

// For whom no other is given.
[[nodiscard]] const Clock& system_clock();

}  // namespace sluice
