// JSON Web Tokens as logins: RFC 7519 in the compact form of RFC 7515, signed with one of the
// algorithms of jwt_keys.hpp. Pure: no clock, no users, no files. After RFC 8725 (best practices).
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "broker/access/jwt_keys.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// Whether somebody meant it as a token: three parts, the first of them a JSON object with `alg`. No
// password looks like that.
[[nodiscard]] bool looks_like_jwt(std::string_view text);

struct JwtRules {
  std::string issuer = {};    // `iss` must be this; empty: any or none
  std::string audience = {};  // `aud` must be or hold this; empty: any or none
  std::string username_claim = "sub";
  std::string client_id_claim = {};  // must be the client id; empty: there is none to look at
  std::string rules_claim = {};      // topic rules (token_rules.hpp); empty: none are taken
  std::chrono::milliseconds leeway{30'000};
  bool expiry_required = true;
};

// A token that passed every check.
struct JwtLogin {
  std::string username;
  std::int64_t ends_ms = 0;  // wall clock, with the leeway; 0: it does not expire
  boost::json::object claims;
};

// For the log: a sentence without anything of the token.
struct JwtFault {
  enum class Kind : std::uint8_t {
    Wrong,       // no token that holds
    UnknownKey,  // it names a key that is not there
    OtherClient  // it holds, for another client id
  };
  Kind kind = Kind::Wrong;
  std::string why;
};

[[nodiscard]] Result<JwtLogin, JwtFault> check_jwt(std::string_view token,
                                                   std::string_view client_id, const JwtKeys& keys,
                                                   const JwtRules& rules, std::int64_t now_ms);

}  // namespace sluice::broker
