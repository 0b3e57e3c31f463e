#include "broker/access/jwt_keys.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <boost/json/parse.hpp>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "broker/access/secrets.hpp"
#include "io/openssl_handles.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr int kMinimumRsaBits = 2048;  // RFC 7518 §3.3
constexpr int kMaximumRsaBits = 8192;  // beyond it a check costs milliseconds
constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kEd25519Bytes = 32;
constexpr std::string_view kP256 = "prime256v1";

using io::OpensslDeleter;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslDeleter<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using BuilderPtr =
    std::unique_ptr<OSSL_PARAM_BLD, OpensslDeleter<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using ParametersPtr = std::unique_ptr<OSSL_PARAM, OpensslDeleter<OSSL_PARAM, OSSL_PARAM_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, OpensslDeleter<BIGNUM, BN_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX, EVP_MD_CTX_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, OpensslDeleter<ECDSA_SIG, ECDSA_SIG_free>>;

struct Algorithm {
  JwtAlgorithm algorithm;
  std::string_view name;
  JwtKeyKind kind;
  const EVP_MD* (*digest)();  // null: the signature has its own
  bool is_pss = false;
};

constexpr std::array kAlgorithms{
    Algorithm{JwtAlgorithm::Hs256, "HS256", JwtKeyKind::Secret, EVP_sha256},
    Algorithm{JwtAlgorithm::Rs256, "RS256", JwtKeyKind::Rsa, EVP_sha256},
    Algorithm{JwtAlgorithm::Rs384, "RS384", JwtKeyKind::Rsa, EVP_sha384},
    Algorithm{JwtAlgorithm::Rs512, "RS512", JwtKeyKind::Rsa, EVP_sha512},
    Algorithm{JwtAlgorithm::Ps256, "PS256", JwtKeyKind::Rsa, EVP_sha256, true},
    Algorithm{JwtAlgorithm::Ps384, "PS384", JwtKeyKind::Rsa, EVP_sha384, true},
    Algorithm{JwtAlgorithm::Ps512, "PS512", JwtKeyKind::Rsa, EVP_sha512, true},
    Algorithm{JwtAlgorithm::Es256, "ES256", JwtKeyKind::P256, EVP_sha256},
    Algorithm{JwtAlgorithm::EdDsa, "EdDSA", JwtKeyKind::Ed25519, nullptr},
};

const Algorithm& details_of(JwtAlgorithm algorithm) {
  return *std::ranges::find(kAlgorithms, algorithm, &Algorithm::algorithm);
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

NumberPtr number_of(std::string_view bytes) {
  return NumberPtr(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
}

bool is_on_p256(const EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &size) == 1 &&
         std::string_view(group, size) == kP256;
}

JwtKey key_of(JwtKeyKind kind, io::KeyPtr key) {
  return {.kind = kind, .only = {}, .id = {}, .secret = {}, .key = std::move(key)};
}

// Nothing: a key of another kind.
Result<std::optional<JwtKey>> usable(io::KeyPtr key) {
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kMinimumRsaBits || bits > kMaximumRsaBits)
      return fail(Errc::InvalidArgument,
                  "holds an RSA key of " + std::to_string(bits) + " bits: 2048 to 8192 are taken");
    return key_of(JwtKeyKind::Rsa, std::move(key));
  }
  if (EVP_PKEY_is_a(key.get(), "EC") == 1 && is_on_p256(key.get()))
    return key_of(JwtKeyKind::P256, std::move(key));
  if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) return key_of(JwtKeyKind::Ed25519, std::move(key));
  return std::nullopt;
}

io::KeyPtr key_from(const char* type, const OSSL_PARAM_BLD& builder) {
  const ParametersPtr parameters(OSSL_PARAM_BLD_to_param(const_cast<OSSL_PARAM_BLD*>(&builder)));
  const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  const bool is_made =
      parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  io::KeyPtr key(made);
  const ContextPtr check(is_made ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)
                                 : nullptr);
  const bool is_good = check && EVP_PKEY_public_check(check.get()) == 1;
  ERR_clear_error();
  return is_good ? std::move(key) : nullptr;
}

// RFC 7518 §6.3.1
io::KeyPtr rsa_key(const json::object& jwk) {
  std::string modulus;
  std::string exponent;
  if (!decode_base64url(text_at(jwk, "n"), modulus) || modulus.size() > kMaximumRsaBits / 8 + 1 ||
      !decode_base64url(text_at(jwk, "e"), exponent) || exponent.empty() || exponent.size() > 8)
    return nullptr;
  const auto n = number_of(modulus);
  const auto e = number_of(exponent);
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder || !n || !e ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return key_from("RSA", *builder);
}

// RFC 7518 §6.2.1. OpenSSL refuses a point that is not on the curve.
io::KeyPtr p256_key(const json::object& jwk) {
  std::string x;
  std::string y;
  if (!decode_base64url(text_at(jwk, "x"), x) || x.size() != kCoordinateBytes ||
      !decode_base64url(text_at(jwk, "y"), y) || y.size() != kCoordinateBytes)
    return nullptr;
  const std::string point = '\x04' + x + y;
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kP256.data(),
                                      kP256.size()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return nullptr;
  return key_from("EC", *builder);
}

// RFC 8037 §2
io::KeyPtr ed25519_key(const json::object& jwk) {
  std::string x;
  if (!decode_base64url(text_at(jwk, "x"), x) || x.size() != kEd25519Bytes) return nullptr;
  io::KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()));
  ERR_clear_error();
  return key;
}

// Nothing: there are no keys of this kind for us.
std::optional<JwtKeyKind> kind_of(const json::object& jwk) {
  const auto type = text_at(jwk, "kty");
  const auto curve = text_at(jwk, "crv");
  if (type == "RSA") return JwtKeyKind::Rsa;
  if (type == "EC" && curve == "P-256") return JwtKeyKind::P256;
  if (type == "OKP" && curve == "Ed25519") return JwtKeyKind::Ed25519;
  return std::nullopt;
}

// Is it for signatures, as far as it says?
bool is_to_verify(const json::object& jwk) {
  if (const auto* use = jwk.if_contains("use"); use != nullptr && *use != "sig") return false;
  const auto* operations = jwk.if_contains("key_ops");
  if (operations == nullptr) return true;
  if (!operations->is_array()) return false;
  for (const auto& operation : operations->get_array())
    if (operation == "verify") return true;
  return false;
}

// Nothing: it is for something else.
Result<std::optional<JwtKey>> key_of_jwk(const json::object& jwk) {
  const auto kind = kind_of(jwk);
  if (!kind || !is_to_verify(jwk)) return std::nullopt;
  std::optional<JwtAlgorithm> only;
  if (jwk.contains("alg")) {
    only = jwt_algorithm(text_at(jwk, "alg"));
    if (!only || details_of(*only).kind != *kind) return std::nullopt;
  }
  auto key = *kind == JwtKeyKind::Rsa    ? rsa_key(jwk)
             : *kind == JwtKeyKind::P256 ? p256_key(jwk)
                                         : ed25519_key(jwk);
  if (!key) return fail(Errc::InvalidArgument, "holds a damaged " + text_at(jwk, "kty") + " key");
  SL_TRY(found, usable(std::move(key)));
  if (found) {
    found->id = text_at(jwk, "kid");
    found->only = only;
  }
  return std::move(found);
}

// r and s, 32 bytes each (RFC 7518 §3.4), as OpenSSL takes them.
std::string der_signature(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return {};
  auto r = number_of(signature.substr(0, kCoordinateBytes));
  auto s = number_of(signature.substr(kCoordinateBytes));
  const EcdsaPtr pair(ECDSA_SIG_new());
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the pair's now
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return {};
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

}  // namespace

std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) {
  const auto found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  if (found == kAlgorithms.end()) return std::nullopt;
  return found->algorithm;
}

bool JwtKey::is_for(JwtAlgorithm algorithm) const {
  return details_of(algorithm).kind == kind && (!only || *only == algorithm);
}

bool JwtKey::verifies(JwtAlgorithm algorithm, std::string_view signed_text,
                      std::string_view signature) const {
  const auto& details = details_of(algorithm);
  if (kind == JwtKeyKind::Secret) {
    const auto digest = keyed_digest(secret, signed_text);
    return equal_in_constant_time(
        std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()), signature);
  }
  const std::string der = kind == JwtKeyKind::P256 ? der_signature(signature) : "";
  if (kind == JwtKeyKind::P256) signature = der;
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* check = nullptr;  // the context's
  const auto* digest = details.digest == nullptr ? nullptr : details.digest();
  const bool is_right =
      !signature.empty() && context &&
      EVP_DigestVerifyInit(context.get(), &check, digest, nullptr, key.get()) == 1 &&
      // RFC 7518 §3.5: the salt is as long as the digest, which the mask is made with, too.
      (!details.is_pss || (EVP_PKEY_CTX_set_rsa_padding(check, RSA_PKCS1_PSS_PADDING) == 1 &&
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(check, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
      EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(signed_text),
                       signed_text.size()) == 1;
  ERR_clear_error();
  return is_right;
}

Result<JwtKey> jwt_secret(std::string_view secret) {
  // The public key of a token's issuer taken for a secret would let everybody sign. RFC 8725 §2.1
  if (secret.starts_with("-----BEGIN"))
    return fail(Errc::InvalidArgument, "is a key in PEM: access.jwt.public_key takes its file");
  if (secret.size() < kMinimumJwtSecretBytes)
    return fail(Errc::InvalidArgument, "must have at least 32 bytes: a shorter secret is guessed");
  return JwtKey{.kind = JwtKeyKind::Secret,
                .only = JwtAlgorithm::Hs256,
                .id = {},
                .secret = std::string(secret),
                .key = nullptr};
}

Result<JwtKeys> jwt_keys_from_pem(std::string_view pem) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos)
    return fail(Errc::InvalidArgument,
                "holds a private key: write the public one with `openssl pkey -pubout`");
  JwtKeys keys;
  ERR_clear_error();
  for (const auto bio = io::bio_of(pem);;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &bytes, &size) != 1) break;
    const std::string_view kind(name);
    const unsigned char* at = bytes;
    io::KeyPtr key;
    if (kind == PEM_STRING_PUBLIC) key.reset(d2i_PUBKEY(nullptr, &at, size));
    if (kind == PEM_STRING_X509) {
      const io::X509Ptr certificate(d2i_X509(nullptr, &at, size));
      if (certificate) key.reset(X509_get_pubkey(certificate.get()));
    }
    const bool is_known = kind == PEM_STRING_PUBLIC || kind == PEM_STRING_X509;
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
    if (!is_known) continue;
    if (!key) break;
    SL_TRY(found, usable(std::move(key)));
    if (!found)
      return fail(Errc::InvalidArgument,
                  "holds a key that is neither RSA nor on the curve P-256 or Ed25519");
    if (keys.size() == kMaximumJwtKeys) return fail(Errc::InvalidArgument, "holds too many keys");
    keys.push_back(*std::move(found));
  }
  const auto error = ERR_peek_last_error();
  const bool ended_well = error == 0 || (ERR_GET_LIB(error) == ERR_LIB_PEM &&
                                         ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
  ERR_clear_error();
  if (!ended_well) return fail(Errc::InvalidArgument, "is damaged: no key can be read from it");
  if (keys.empty())
    return fail(Errc::InvalidArgument,
                "holds no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----");
  return keys;
}

Result<JwtKeys> jwt_keys_from_jwks(std::string_view text) {
  boost::system::error_code error;
  if (text.size() > kMaximumJwksBytes) return fail(Errc::InvalidArgument, "is too large");
  const auto parsed = json::parse(text, error);
  const auto* set =
      !error && parsed.is_object() ? parsed.get_object().if_contains("keys") : nullptr;
  if (set == nullptr || !set->is_array())
    return fail(Errc::InvalidArgument, "is no JSON Web Key Set: {\"keys\": [...]}");
  JwtKeys keys;
  for (const auto& member : set->get_array()) {
    if (!member.is_object()) return fail(Errc::InvalidArgument, "holds a key that is no object");
    SL_TRY(key, key_of_jwk(member.get_object()));
    if (!key) continue;
    if (keys.size() == kMaximumJwtKeys) return fail(Errc::InvalidArgument, "holds too many keys");
    keys.push_back(*std::move(key));
  }
  if (keys.empty())
    return fail(Errc::InvalidArgument, "holds no key for signatures that are checked here");
  return keys;
}

}  // namespace sluice::broker
