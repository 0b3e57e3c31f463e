#pragma once
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace sluice::admin {

// How often one may try to log in: per address (an IPv6 client: per /64), and more loosely per user
// name, so that a stranger cannot lock the administrator out for long. Never more than two at once,
// because each costs a hash, and those from two addresses: nobody takes every place.
//
// Threads: any.
class LoginLimit {
 public:
  static constexpr int kPerAddress = 10;  // failures per kWindow
  static constexpr int kPerUser = 60;
  static constexpr int kAtOnce = 2;
  static constexpr std::chrono::minutes kWindow{1};
  static constexpr std::size_t kRemembered = 4096;  // addresses and names

  explicit LoginLimit(const Clock& clock) : clock_(clock) {}

  struct Attempt {
    bool is_allowed = false;
    std::chrono::seconds retry_after{0};  // when it is not allowed: when the next one may be
    explicit operator bool() const { return is_allowed; }
  };
  // May this attempt be made? Counts it; every one allowed is followed by one finished().
  [[nodiscard]] Attempt begin(std::string_view address, std::string_view user);
  // A success is taken back from the counts.
  void finished(std::string_view address, std::string_view user, bool succeeded);

 private:
  struct Count {
    int attempts = 0;
    bool is_running = false;  // of an address
    std::chrono::steady_clock::time_point since;
  };
  struct State {
    std::map<std::string, Count> counts;
    int running = 0;
  };
  [[nodiscard]] static std::string address_key(std::string_view address);
  [[nodiscard]] static std::string user_key(std::string_view user);

  const Clock& clock_;
  Guarded<State> state_;
};

}  // namespace sluice::admin
