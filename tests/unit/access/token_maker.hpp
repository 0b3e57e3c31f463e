// Tokens as an issuer makes them.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.hpp"
#include "broker/access/secrets.hpp"
#include "io/pem.hpp"

namespace sluice::broker {

inline std::string base64url(std::string_view bytes) {
  auto text = base64(bytes);
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (text.ends_with('=')) text.pop_back();
  return text;
}

inline std::string hs256_token(std::string_view header, std::string_view claims,
                               std::string_view secret) {
  const auto text = base64url(header) + "." + base64url(claims);
  const auto digest = keyed_digest(secret, text);
  return text + "." + base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

inline io::KeyPtr new_rsa_key(unsigned bits = 2048) {
  return io::KeyPtr(EVP_RSA_gen(bits));
}
inline io::KeyPtr new_ec_key(const char* curve = "P-256") {
  return io::KeyPtr(EVP_EC_gen(curve));
}

inline std::string public_pem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio, &bytes);
  std::string pem(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

inline std::string number_text(EVP_PKEY* key, const char* name, int width = 0) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string bytes(static_cast<std::size_t>(width > 0 ? width : BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(number);
  return base64url(bytes);
}

inline io::KeyPtr new_ed25519_key() {
  return io::KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

// Members of a JSON Web Key, without the braces.
inline std::string jwk_of(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return R"("kty":"OKP","crv":"Ed25519","x":")" + base64url(bytes) + '"';
  }
  if (EVP_PKEY_is_a(key, "RSA") == 1)
    return R"("kty":"RSA","n":")" + number_text(key, "n") + R"(","e":")" + number_text(key, "e") +
           '"';
  return R"("kty":"EC","crv":"P-256","x":")" + number_text(key, "qx", 32) + R"(","y":")" +
         number_text(key, "qy", 32) + '"';
}

// `digest`: null for Ed25519, which has its own.
inline std::string signed_token(std::string_view header, std::string_view claims, EVP_PKEY* key,
                                const EVP_MD* digest = EVP_sha256(), bool is_pss = false) {
  const auto text = base64url(header) + "." + base64url(claims);
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestSignInit(context, &options, digest, nullptr, key);
  if (is_pss) {
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  }
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::string both(64, '\0');
    auto* into = reinterpret_cast<unsigned char*>(both.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), into, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), into + 32, 32);
    ECDSA_SIG_free(pair);
    signature = both;
  }
  return text + "." + base64url(signature);
}

}  // namespace sluice::broker
