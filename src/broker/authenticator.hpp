#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/reason_code.hpp"

namespace sluice::broker {

struct Client;
struct Policy;

// What a login says beside who it is. Immutable.
struct LoginTerms {
  std::optional<std::chrono::steady_clock::time_point> ends;  // then the connection ends
  // That hold for this client alone, beside those that are stored.
  std::vector<std::shared_ptr<const Policy>> policies;
};
using LoginTermsPtr = std::shared_ptr<const LoginTerms>;

// What came of a login.
struct LoginAnswer {
  mqtt::ReasonCode reason = mqtt::ReasonCode::NotAuthorized;
  // Who it is; nothing: the user that CONNECT names, who is stored here.
  std::optional<std::string> username = {};
  LoginTermsPtr terms = nullptr;  // null: there are none
  std::string why = {};           // refused: for the log, nothing secret
  bool is_guess = true;           // refused: it counts for who guesses
};

// A way to log in beside the stored users; `app` makes it.
//
// Threads: any, several at a time; it may compute for a while, but never wait.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // Whether this is something for it. Such a text is never shown or logged.
  [[nodiscard]] virtual bool takes(std::string_view credential) const = 0;
  // Contract: takes(credential). Its answer is the last word.
  [[nodiscard]] virtual LoginAnswer check(const Client& client, std::string_view credential) = 0;
};

}  // namespace sluice::broker
