#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "mqtt/reason_code.hpp"

namespace sluice::broker {

struct Client;
struct Policy;

inline constexpr std::chrono::hours kLongestLogin{24 * 366 * 10};  // what a loop's deadlines hold

// What a login says beside who it is. Immutable once it is shared, by any thread. Counted in
// itself: a pointer to it stands in every connection, and few have one.
struct LoginTerms : boost::intrusive_ref_counter<LoginTerms, boost::thread_safe_counter> {
  std::optional<std::chrono::steady_clock::time_point> ends;  // then the connection ends
  // That hold for this client alone, beside those that are stored.
  std::vector<std::shared_ptr<const Policy>> policies;
};
using LoginTermsPtr = boost::intrusive_ptr<const LoginTerms>;

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
// Threads: any, several at a time; stop() from one.
class Authenticator {
 public:
  // Nothing: it has no answer, and the next way is asked.
  using Done = std::function<void(std::optional<LoginAnswer>)>;

  virtual ~Authenticator() = default;
  // Whether this is something for it.
  [[nodiscard]] virtual bool takes(std::string_view credential) const = 0;
  // Whether such a text is a secret wherever it stands: then it is never shown or logged.
  [[nodiscard]] virtual bool is_secret(std::string_view text) const = 0;
  // Contract: takes(credential). `done` runs once, within the call or on a thread of its own; the
  // call computes for a while at most, and never waits.
  virtual void ask(const Client& client, std::string_view credential, Done done) = 0;
  // Ends its threads: no `done` runs on one of them any more. Idempotent.
  virtual void stop() {}
};

}  // namespace sluice::broker
