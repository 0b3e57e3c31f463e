#pragma once
#include <chrono>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/recent_map.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// Slows down whoever guesses: after some wrong passwords a peer (base/peer.hpp) is held back for a
// while that doubles with each further one. A right password changes nothing: who has one could
// buy guesses with it.
//
// Owns:    the failures of at most kRemembered peers, the longest quiet goes first.
// Threads: any.
class LoginGuard {
 public:
  static constexpr int kFree = kFreeGuesses;  // wrong passwords before the first pause
  static constexpr std::chrono::seconds kFirstPause = kFirstGuessPause;
  static constexpr std::chrono::seconds kLongestPause = kLongestGuessPause;
  static constexpr std::chrono::minutes kForgottenAfter = kGuessesForgottenAfter;
  static constexpr std::size_t kRemembered = kGuessersRemembered;

  explicit LoginGuard(const Clock& clock) : clock_(clock) {}

  [[nodiscard]] bool holds_back(std::string_view peer);
  void failed(std::string_view peer);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Failures {
    int count = 0;
    Time last;
    Time held_until;
  };
  const Clock& clock_;
  Guarded<RecentMap<Failures>> peers_{kRemembered};
};

}  // namespace sluice::broker
