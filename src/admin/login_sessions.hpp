#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace sluice::admin {

// Who holds a token.
struct Identity {
  std::string user;
  bool by_cookie = false;
};

// Bearer tokens of this process: 256 random bits, kept as hashes, gone at the next start.
//
// Owns:    at most kMaximum tokens; the one that would end first makes room.
// Threads: any.
class LoginSessions {
 public:
  static constexpr std::size_t kMaximum = 1024;
  static constexpr std::chrono::hours kLifetime{12};

  explicit LoginSessions(const Clock& clock) : clock_(clock) {}

  struct Opened {
    std::string token;
    std::int64_t expires_ms = 0;  // wall time
  };
  [[nodiscard]] Opened open(const std::string& user);
  // For programs of this machine's owner: does not end by itself.
  [[nodiscard]] std::string open_local();
  [[nodiscard]] std::optional<std::string> user_of(std::string_view token);
  // No: it is the local one, which ends with the process.
  [[nodiscard]] bool close(std::string_view token);

 private:
  struct Session {
    std::string user;
    std::optional<std::chrono::steady_clock::time_point> ends;
  };
  using Sessions = std::map<std::string, Session>;  // by the token's hash
  [[nodiscard]] std::string add(Session session);

  const Clock& clock_;
  Guarded<Sessions> sessions_;
};

}  // namespace sluice::admin
