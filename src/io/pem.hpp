// Certificates and keys out of files, with errors for the person who wrote the settings.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/result.hpp"

namespace sluice::io {

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCrl {
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
};
using X509Ptr = std::unique_ptr<X509, FreeX509>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using CrlPtr = std::unique_ptr<X509_CRL, FreeCrl>;

// Errors: `PATH: why`. Files are small, and read at once.
[[nodiscard]] Result<std::vector<X509Ptr>> read_certificates(const std::string& path);
[[nodiscard]] Result<std::vector<CrlPtr>> read_revocation_lists(const std::string& path);

struct PrivateKey {
  KeyPtr key;
  bool is_open_to_others = false;  // the file's mode lets everybody read it
};
[[nodiscard]] Result<PrivateKey> read_private_key(const std::string& path);

}  // namespace sluice::io
