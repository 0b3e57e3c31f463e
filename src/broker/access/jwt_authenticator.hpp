#pragma once
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
// Owns:    keys and rules, replaced whole.
// Threads: any.
class JwtAuthenticator final : public Authenticator {
 public:
  struct Options {
    JwtKeys keys;
    JwtRules rules;
  };
  JwtAuthenticator(const Clock& clock, Options options);

  // For logins from now on; who is connected stays.
  void replace(Options options);

  [[nodiscard]] bool takes(std::string_view credential) const override;
  [[nodiscard]] LoginAnswer check(const Client& client, std::string_view credential) override;

 private:
  const Clock& clock_;
  Guarded<std::shared_ptr<const Options>> options_;
};

}  // namespace sluice::broker
