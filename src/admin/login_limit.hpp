#pragma once
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace sluice::admin {

// How often one may try to log in. An address (an IPv6 client: its /64) that guessed wrong ten
// times is held back for a second, which doubles with each further one; user names more loosely, so
// that a stranger cannot lock the administrator out for long. Never more than two at once, because
// each costs a hash, and those from two addresses: nobody takes every place. What was remembered
// (AdministratorAccounts) does not come here.
//
// Threads: any.
class LoginLimit {
 public:
  static constexpr int kPerAddress = 10;  // failures before the first pause
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::seconds kLongestPause{60};
  static constexpr std::chrono::minutes kForgottenAfter{10};  // an address without another failure
  static constexpr int kPerUser = 60;                         // failures per kWindow
  static constexpr int kAtOnce = 2;
  static constexpr std::chrono::minutes kWindow{1};
  static constexpr std::size_t kRemembered = 4096;  // addresses, and names

  explicit LoginLimit(const Clock& clock) : clock_(clock) {}

  struct Attempt {
    bool is_allowed = false;
    std::chrono::seconds retry_after{0};  // when it is not allowed: when the next one may be
    explicit operator bool() const { return is_allowed; }
  };
  // May this attempt be made? Counts it; every one allowed is followed by one finished().
  [[nodiscard]] Attempt begin(std::string_view address, std::string_view user);
  // A success is taken back from the user's count; it buys its address no further guesses.
  void finished(std::string_view address, std::string_view user, bool succeeded);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Address {
    int failures = 0;
    bool is_running = false;
    Time last;  // failure
    Time held_until;
  };
  struct User {
    int attempts = 0;
    Time since;
  };
  struct State {
    std::map<std::string, Address> addresses;
    std::map<std::string, User> users;
    int running = 0;
  };
  [[nodiscard]] static std::string user_key(std::string_view user);
  static void forget(State& state, Time now);

  const Clock& clock_;
  Guarded<State> state_;
};

}  // namespace sluice::admin
