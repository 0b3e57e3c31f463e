// What a server shows and asks in TLS: certificates, keys, authorities, made from files.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

namespace sluice::io {

struct TlsOptions {
  struct Certificate {
    std::string setting;  // what stands before `certificate` and `key` in the settings: "", "a."
    std::string certificate;
    std::string key;
  };
  enum class ClientCertificate : std::uint8_t { None, Optional, Required };

  // Files. The first one is shown to who asks for no name, or for one that none is for.
  std::vector<Certificate> certificates;
  std::string client_ca;
  std::string client_crl;  // empty: revoked certificates are not known
  ClientCertificate client_certificate = ClientCertificate::None;
  bool only_tls_1_3 = false;
  std::string protocol;  // of ALPN. A client that asks for others only is refused
};

// Which setting is wrong, and what would be right.
struct TlsProblem {
  std::string setting;
  std::string detail;  // goes on from the setting: "must be ..."
};

struct FreeSsl {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, FreeSsl>;

// The server's side of TLS 1.2 and 1.3 (docs/adr/0023-transports.md). Immutable: fresh files make
// another one. Outlives the connections that it made.
//
// Session tickets are sealed with a key of its own that is never written down: what was revoked or
// replaced with the next context cannot be resumed there.
//
// Threads: any.
class TlsContext {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>, TlsProblem> load(
      const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // The side of a server, for one connection. Null: out of memory.
  [[nodiscard]] SslPtr new_session() const;
  // When the first of its certificates does; seconds since 1970.
  [[nodiscard]] std::int64_t expires_s() const { return expires_s_; }
  // The first of them, without those that lead to its authority.
  [[nodiscard]] std::string certificate_pem() const;
  // Sentences for the log: a key that others may read, a certificate that has expired.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  using ContextPtr = std::unique_ptr<ssl_ctx_st, FreeContext>;

  TlsContext() = default;
  [[nodiscard]] Result<void, TlsProblem> add(const TlsOptions& options,
                                             const TlsOptions::Certificate& files);
  void note_expiry(const std::string& file, const x509_st& certificate);
  [[nodiscard]] ssl_ctx_st* context_for(const char* server_name) const;
  static int choose_certificate(ssl_st* ssl, int* alert, void* self);

  std::string protocol_;
  std::vector<ContextPtr> contexts_;  // one for each certificate
  std::int64_t expires_s_ = INT64_MAX;
  std::vector<std::string> warnings_;
};

// The reason of the last failed call of OpenSSL on this thread, in its words; empties its list.
[[nodiscard]] std::string tls_error_text();

}  // namespace sluice::io
