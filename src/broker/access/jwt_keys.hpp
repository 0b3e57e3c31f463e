// Keys that signatures of tokens are checked with: RFC 7517 (JSON Web Key), PEM, and secrets.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/pem.hpp"

namespace sluice::broker {

enum class JwtAlgorithm : std::uint8_t { Hs256, Rs256, Es256 };  // RFC 7518 §3.1

// The algorithm is the key's own: a secret is for HS256 alone, an RSA key for RS256, one on P-256
// for ES256. What a token says of it must agree. RFC 8725 §3.1
struct JwtKey {
  JwtAlgorithm algorithm = JwtAlgorithm::Hs256;
  std::string id;                 // `kid`; empty: it has none
  std::string secret;             // of HS256
  std::shared_ptr<EVP_PKEY> key;  // of the others

  [[nodiscard]] bool verifies(std::string_view signed_text, std::string_view signature) const;
};
using JwtKeys = std::vector<JwtKey>;

inline constexpr std::size_t kMaximumJwtKeys = 64;
inline constexpr std::size_t kMinimumJwtSecretBytes = 32;  // RFC 7518 §3.2
inline constexpr std::size_t kMaximumJwksBytes = 256 * 1024;

// Errors: InvalidArgument, a sentence for whoever wrote the settings, without the key.
[[nodiscard]] Result<JwtKey> jwt_secret(std::string_view secret);
// Public keys or certificates, all of them; a private key is refused.
[[nodiscard]] Result<JwtKeys> jwt_keys_from_pem(std::string_view pem);
// A JSON Web Key Set. Keys for something else (another type, curve, use or algorithm) are passed
// over, as RFC 7517 §5 has it; so is a secret (`oct`), which does not belong into what is public.
// Keys of ours that are damaged or too weak are an error, and so is a set without any for us.
[[nodiscard]] Result<JwtKeys> jwt_keys_from_jwks(std::string_view text);

}  // namespace sluice::broker
