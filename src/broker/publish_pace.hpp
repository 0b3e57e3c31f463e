// How fast one client publishes, against `mqtt.messages_per_second_per_client`.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/timers.hpp"

namespace sluice::broker {

// What was published in a second may have come at once; after that one follows the other at the
// pace that is allowed. Kept as the time at which all that was published would have been used up at
// that pace, so it takes eight bytes and no timer refills it.
//
// Threads: one.
class PublishPace {
 public:
  using Time = Timers::Time;
  using Wait = std::chrono::nanoseconds;
  static constexpr Wait kBurst = std::chrono::seconds(1);
  // Who has to wait waits at least so long: a fast client is not woken for each message.
  static constexpr Wait kLeastWait = std::chrono::milliseconds(50);

  // One was published. Zero, or how long no other one may be.
  [[nodiscard]] Wait take(std::uint32_t per_second, Time now) {
    const Wait each(Wait(std::chrono::seconds(1)).count() / per_second);
    used_up_ = std::max(used_up_, now) + each;
    const auto wait = used_up_ + each - kBurst - now;
    return wait <= Wait::zero() ? Wait::zero() : std::max(wait, kLeastWait);
  }

  // For who can be told to come again: false, and nothing is counted, when it is too early.
  [[nodiscard]] bool take_if_due(std::uint32_t per_second, Time now) {
    const Wait each(Wait(std::chrono::seconds(1)).count() / per_second);
    const auto used_up = std::max(used_up_, now) + each;
    if (used_up - kBurst > now) return false;
    used_up_ = used_up;
    return true;
  }

 private:
  Time used_up_{};
};

}  // namespace sluice::broker
