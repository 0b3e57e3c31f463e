#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/role.hpp"

namespace sluice::admin {

// The token in DATA/run acts under this name: no account may have it.
inline constexpr std::string_view kLocalName = "local";

// By what somebody is known.
enum class Via : std::uint8_t {
  Session,  // a login
  Token,    // a token of an account
  Local,    // the token in DATA/run
};

// Who asks.
struct Identity {
  std::string user;
  std::string account_id = {};  // empty: the token in DATA/run, or one that was made with it
  Role role = Role::Viewer;
  Via via = Via::Session;
  bool by_cookie = false;
  // Of Via::Token:
  std::string token = {};               // its name
  std::vector<std::string> scope = {};  // the parts of the API it is for; empty: all
  std::int64_t expires_ms = 0;          // wall time

  // Whether this part of the API is among those that it is for.
  [[nodiscard]] bool is_for(std::string_view part) const {
    return scope.empty() || std::ranges::find(scope, part) != scope.end();
  }
};

}  // namespace sluice::admin
