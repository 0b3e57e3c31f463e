// Passwords at rest: scrypt (RFC 7914), with its parameters beside every hash.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// `scrypt$32768$8$1$<salt>$<hash>`. Needs 32 MiB and about 60 ms of one core: never on a loop.
[[nodiscard]] Result<std::string> hash_password(std::string_view password);

// As costly as hash_password, whatever the answer. False for a text that is no hash of ours.
[[nodiscard]] bool verify_password(std::string_view password, std::string_view hash);

// A hash that no password has: checked for users that do not exist, so that they take as long.
[[nodiscard]] std::string_view nobodys_hash();

}  // namespace sluice::broker
