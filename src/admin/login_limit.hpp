#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "broker/access/login_guard.hpp"

namespace sluice::admin {

// How often one may try to log in: an address (an IPv6 client: its /64) and a user's name as
// LoginGuard bounds them, so that a stranger cannot lock out an administrator who has logged in
// from where he is. Never more than two at once, because each costs a hash, and those from two
// addresses: nobody takes every place. What was remembered (AdministratorAccounts) does not come
// here.
//
// Threads: any.
class LoginLimit {
 public:
  static constexpr int kPerAddress = broker::LoginGuard::kFree;
  static constexpr int kPerUser = broker::LoginGuard::kFreeOfUser;
  static constexpr std::chrono::seconds kFirstPause = broker::LoginGuard::kFirstPause;
  static constexpr std::size_t kAtOnce = 2;

  explicit LoginLimit(const Clock& clock, broker::LoginBounds bounds = {},
                      broker::HeldLogins counters = {})
      : guard_(clock, bounds, counters) {}

  struct Attempt {
    bool is_allowed = false;
    std::chrono::seconds retry_after{0};  // when it is not allowed: when the next one may be
    explicit operator bool() const { return is_allowed; }
  };
  // May this attempt be made? Every one allowed is followed by one finished().
  [[nodiscard]] Attempt begin(std::string_view address, std::string_view user);
  void finished(std::string_view address, std::string_view user, bool succeeded);
  // It was right, as is known without looking again.
  void was_right(std::string_view address, std::string_view user);

 private:
  broker::LoginGuard guard_;
  Guarded<std::vector<std::string>> running_;  // from which peers
};

}  // namespace sluice::admin
