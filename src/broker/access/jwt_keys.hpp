// Keys that signatures of tokens are checked with: RFC 7517 (JSON Web Key), PEM, and secrets.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/pem.hpp"

namespace sluice::broker {

enum class JwtAlgorithm : std::uint8_t {  // RFC 7518 §3.1, RFC 8037
  Hs256,
  Rs256,
  Rs384,
  Rs512,
  Ps256,
  Ps384,
  Ps512,
  Es256,
  EdDsa
};
// By the name that tokens and key sets have for it.
[[nodiscard]] std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name);

enum class JwtKeyKind : std::uint8_t { Secret, Rsa, P256, Ed25519 };

// A key is for the algorithms of its kind alone: a secret for HS256, an RSA key for RS and PS, one
// on P-256 for ES256, one on Ed25519 for EdDSA; for one of them where its set says so. What a token
// says must agree. RFC 8725 §3.1
struct JwtKey {
  JwtKeyKind kind = JwtKeyKind::Secret;
  std::optional<JwtAlgorithm> only;  // nothing: any of its kind
  std::string id;                    // `kid`; empty: it has none
  std::string secret;                // of Secret
  std::shared_ptr<EVP_PKEY> key;     // of the others

  [[nodiscard]] bool is_for(JwtAlgorithm algorithm) const;
  // Contract: is_for(algorithm).
  [[nodiscard]] bool verifies(JwtAlgorithm algorithm, std::string_view signed_text,
                              std::string_view signature) const;
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
