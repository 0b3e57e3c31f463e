#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "broker/access/jwt.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

// Logs in whoever shows a JSON Web Token that holds, as the user whom it names.
//
// Owns:    keys and rules, replaced whole: its own, and those that somebody fetches.
// Threads: any.
class JwtAuthenticator final : public Authenticator {
 public:
  struct Options {
    JwtKeys keys;
    JwtRules rules;
  };
  using Time = std::chrono::steady_clock::time_point;
  // Called when a token names a key that is not there; may not wait. False: nobody can be asked.
  using WantKeys = std::function<bool()>;
  JwtAuthenticator(const Clock& clock, Options options, WantKeys want_keys = {});

  // For logins from now on; who is connected stays.
  void replace(Options options);
  // Beside its own, in place of the last ones; not used any more once it is `until`.
  void use_fetched(JwtKeys keys, Time until);

  [[nodiscard]] bool takes(std::string_view credential) const override;
  [[nodiscard]] bool is_secret(std::string_view text) const override { return takes(text); }
  void ask(const Client& client, std::string_view credential, Done done) override {
    done(check(client, credential));  // the last word
  }
  [[nodiscard]] LoginAnswer check(const Client& client, std::string_view credential);

 private:
  struct Current {
    Options own;
    JwtKeys fetched;
    Time until = Time::min();
    JwtKeys all;  // both
  };
  void make(Options own, JwtKeys fetched, Time until, std::shared_ptr<const Current>& current);

  const Clock& clock_;
  const WantKeys want_keys_;
  Guarded<std::shared_ptr<const Current>> current_;
};

}  // namespace sluice::broker
