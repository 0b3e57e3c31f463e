// OpenSSL's objects with owners, and PEM into them.
#pragma once
#include <memory>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "io/pem.hpp"

namespace sluice::io {

template <class T, void (*Free)(T*)>
struct OpensslDeleter {
  void operator()(T* object) const { Free(object); }
};
inline void free_bio(BIO* bio) {
  BIO_free_all(bio);
}
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO, free_bio>>;
using TlsContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX, SSL_CTX_free>>;
using TlsPtr = std::unique_ptr<SSL, OpensslDeleter<SSL, SSL_free>>;

[[nodiscard]] BioPtr bio_of(std::string_view text);  // points at the text
// The next certificate; null: there is no more.
[[nodiscard]] X509Ptr next_certificate(BIO* pem);
// Null: it is no key, or the password does not open it. Never asks a terminal.
[[nodiscard]] KeyPtr key_of(std::string_view pem, std::string_view password);

}  // namespace sluice::io
