#include "io/pem_text.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "io/openssl_handles.hpp"

namespace sluice::io {
namespace {

constexpr std::string_view kKey = "PRIVATE KEY-----";

int give_password(char* buffer, int size, int /*writing*/, void* password) {
  const auto& given = *static_cast<const std::string_view*>(password);
  if (given.size() > static_cast<std::size_t>(size)) return -1;
  std::ranges::copy(given, buffer);
  return static_cast<int>(given.size());
}

}  // namespace

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

X509Ptr next_certificate(BIO* pem) {
  X509Ptr found(PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
  if (!found) ERR_clear_error();
  return found;
}

KeyPtr key_of(std::string_view pem, std::string_view password) {
  const auto bio = bio_of(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password));
  if (!key) ERR_clear_error();
  return key;
}

std::optional<std::string> why_not_certificates(std::string_view pem) {
  if (pem.find(kKey) != std::string_view::npos)
    return "holds a private key, which would be shown to others: give certificates alone";
  const auto bio = bio_of(pem);
  if (next_certificate(bio.get())) return std::nullopt;
  return "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----";
}

std::optional<std::string> why_not_key(std::string_view pem, std::string_view password) {
  if (pem.find(kKey) == std::string_view::npos)
    return "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----";
  if (key_of(pem, password)) return std::nullopt;
  const bool is_encrypted = pem.find("ENCRYPTED") != std::string_view::npos;
  if (is_encrypted && password.empty())
    return "is encrypted: give its password, or the key without one";
  return is_encrypted ? "cannot be opened with the password that was given"
                      : "is damaged: no key can be read from it";
}

bool belong_together(std::string_view certificate_pem, std::string_view key_pem,
                     std::string_view password) {
  const auto bio = bio_of(certificate_pem);
  const auto certificate = next_certificate(bio.get());
  const auto key = key_of(key_pem, password);
  const bool match =
      certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return match;
}

}  // namespace sluice::io
