#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "io/reach.hpp"

namespace sluice::io {

// Who we are and whom we trust, in PEM; all of it may be empty: then it is whom the machine trusts,
// and nobody in particular.
struct TlsIdentity {
  std::string ca_pem = {};
  std::string certificate_pem = {};
  std::string key_pem = {};
  std::string key_password = {};
  // `ca_pem` is the other side's own certificate: nobody else is trusted, and it may name any host.
  bool is_pinned = false;
};

// The client's side of TLS over one socket: to find out whether TLS comes about and why not, and to
// talk over it.
//
// Threads: one at a time; every call blocks until its deadline at most.
class TlsProbe {
 public:
  // Errors: NotAuthorized (the certificate is not trusted, or not this host's), InvalidArgument
  // (the identity), Unavailable (no TLS came about), Timeout.
  [[nodiscard]] static Result<TlsProbe> open(Descriptor socket, const std::string& host,
                                             const TlsIdentity& identity, Deadline until);
  TlsProbe(TlsProbe&&) noexcept;
  TlsProbe& operator=(TlsProbe&&) noexcept;
  ~TlsProbe();

  // For a person: version, whose certificate it is and until when it is valid.
  [[nodiscard]] std::string summary() const;
  // Sends a request and takes the first `size` bytes of the answer. A server that wants another
  // client certificate says so only here (TLS 1.3).
  [[nodiscard]] Result<std::string> ask(std::string_view request, std::size_t size, Deadline until);

  // All of it. Errors: Unavailable, Timeout.
  [[nodiscard]] Result<void> write(std::string_view bytes, Deadline until);
  // At least one byte, unless the other side has ended: then none. Errors: Unavailable, Timeout.
  [[nodiscard]] Result<std::size_t> read(char* into, std::size_t size, Deadline until);
  [[nodiscard]] int socket() const;

 private:
  struct State;
  explicit TlsProbe(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::io
