// MQTT users who call with name and password (HTTP Basic, RFC 7617), where a route takes them.
#pragma once
#include <string>
#include <string_view>

#include "admin/route.hpp"

namespace sluice::admin {

// Is the request a user's? An administrator's has a token.
[[nodiscard]] bool comes_from_a_user(const Request& request);

// Checks the password as that of an MQTT client is checked (AccessControl::authenticate), with the
// same limits for who guesses: the user's name. Waits for the hash; few do at a time, so that
// strangers never take the threads that administrators need. Errors: the answer.
[[nodiscard]] tl::expected<std::string, Response> admit_user(Context& context,
                                                             const Request& request);

}  // namespace sluice::admin
