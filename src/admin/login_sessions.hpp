#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "admin/administrator_accounts.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "broker/limits.hpp"

namespace sluice::admin {

// Bearer tokens of this process: 256 random bits, kept as hashes, gone at the next start. Who asks
// whose one is compares the revision with that of the account: a login before a change of password
// or role is none any more.
//
// Owns:    at most kMaximum tokens; the one that would end first makes room.
// Threads: any.
class LoginSessions {
 public:
  static constexpr std::size_t kMaximum = broker::kAdminLogins;
  static constexpr std::chrono::hours kLifetime{12};

  explicit LoginSessions(const Clock& clock) : clock_(clock) {}

  struct Opened {
    std::string token;
    std::int64_t expires_ms = 0;  // wall time
  };
  [[nodiscard]] Opened open(const Account& account);
  // For programs of this machine's owner: does not end by itself.
  [[nodiscard]] std::string open_local();
  struct Owner {
    std::string account_id;  // empty: the local one
    std::uint64_t revision = 0;
    auto operator<=>(const Owner&) const = default;
  };
  [[nodiscard]] std::optional<Owner> owner_of(std::string_view token);
  // How many there are now of whom.
  [[nodiscard]] std::map<Owner, std::size_t> counts() const;
  // No: it is the local one, which ends with the process.
  [[nodiscard]] bool close(std::string_view token);

 private:
  struct Session {
    Owner owner;
    std::optional<std::chrono::steady_clock::time_point> ends;
  };
  using Sessions = std::map<std::string, Session>;  // by the token's hash
  [[nodiscard]] std::string add(Session session);

  const Clock& clock_;
  Guarded<Sessions> sessions_;
};

}  // namespace sluice::admin
