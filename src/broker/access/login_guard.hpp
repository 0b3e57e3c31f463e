#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/metrics.hpp"
#include "base/recent_map.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// Wrong passwords before further ones have to wait, as the settings have them; 0: no bound.
struct LoginBounds {
  int per_address = kFreeGuesses;
  int per_user = kFreeGuessesOfUser;
};
// Of attempts that were held back; null: nobody counts.
struct HeldLogins {
  metrics::Counter* by_address = nullptr;
  metrics::Counter* by_user = nullptr;
};

// Slows down whoever guesses. After some wrong passwords a peer (base/peer.hpp) is held back for a
// while that doubles with each further one. A user for whom there were many, from wherever, is
// tried by one stranger at a time, with a pause between two that doubles likewise: a stranger is a
// peer that has not logged in as that user before, so nobody can lock out who is known there. A
// right password changes nothing else: who has one could buy guesses with it.
//
// Owns:    the failures of at most kRemembered peers and users, and at most kKnownRemembered pairs
//          of a user and a peer; the longest quiet go first.
// Threads: any.
class LoginGuard {
 public:
  static constexpr int kFree = kFreeGuesses;  // wrong passwords before the first pause
  static constexpr int kFreeOfUser = kFreeGuessesOfUser;
  static constexpr std::chrono::seconds kFirstPause = kFirstGuessPause;
  static constexpr std::chrono::seconds kLongestPause = kLongestGuessPause;
  static constexpr std::chrono::seconds kLongestPauseOfUser = kLongestGuessPauseOfUser;
  static constexpr std::chrono::minutes kForgottenAfter = kGuessesForgottenAfter;
  static constexpr std::size_t kRemembered = kGuessersRemembered;
  static constexpr std::size_t kKnownRemembered = kLoginAddressesRemembered;

  // `at`: whose logins they are, `mqtt` or `admin`.
  [[nodiscard]] static HeldLogins counters(metrics::Registry& registry, std::string_view at);

  enum class Held : std::uint8_t { No, ByAddress, ByUser };
  struct Hold {
    Held by = Held::No;
    std::chrono::nanoseconds left{0};
    explicit operator bool() const { return by != Held::No; }
  };

  explicit LoginGuard(const Clock& clock, LoginBounds bounds = {}, HeldLogins counters = {})
      : clock_(clock), bounds_(bounds), counters_(counters) {}

  // Whether somebody there has to wait before trying to be this user. No name: of the peer alone.
  [[nodiscard]] Hold holds_back(std::string_view peer, std::string_view user = {});
  // The same, right before an attempt is looked at: a stranger takes the place of the others.
  [[nodiscard]] Hold begin(std::string_view peer, std::string_view user = {});
  void failed(std::string_view peer, std::string_view user = {});
  void succeeded(std::string_view peer, std::string_view user);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Failures {
    int count = 0;
    Time last;
    Time held_until;
  };
  struct State {
    RecentMap<Failures> peers{kRemembered};
    RecentMap<Failures> users{kRemembered};
    RecentMap<bool> known{kKnownRemembered};  // user and peer
  };
  [[nodiscard]] static std::string_view key_of(std::string_view user);
  [[nodiscard]] static std::string pair_of(std::string_view user, std::string_view peer);
  [[nodiscard]] Hold look(State& state, std::string_view peer, std::string_view user, Time now,
                          bool begins) const;
  [[nodiscard]] Hold counted(Hold hold) const;
  [[nodiscard]] static std::chrono::seconds pause_after(int count, int free,
                                                        std::chrono::seconds longest);

  const Clock& clock_;
  const LoginBounds bounds_;
  const HeldLogins counters_;
  Guarded<State> state_;
};

}  // namespace sluice::broker
