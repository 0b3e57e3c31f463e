#pragma once
#include <optional>
#include <string_view>

#include "base/descriptor.hpp"
#include "io/tls_probe.hpp"

namespace sluice::io {

// Bytes over TCP, or over TLS over it.
//
// Owns:    the connection.
// Threads: one at a time; every call blocks until its deadline at most.
class Stream {
 public:
  explicit Stream(Descriptor socket) : socket_(std::move(socket)) {}
  explicit Stream(TlsProbe tls) : tls_(std::move(tls)) {}

  // All of it. Errors: IoFailed, Unavailable, Timeout.
  [[nodiscard]] Result<void> write(std::string_view bytes, Deadline until);
  // At least one byte, unless the other side has ended: then none. Errors: as write().
  [[nodiscard]] Result<std::size_t> read(char* into, std::size_t size, Deadline until);
  // Where nothing is to come but the end.
  [[nodiscard]] bool has_ended() const;
  // Whether the address rule still allows whom it is connected to.
  [[nodiscard]] bool may_go_on(Caller caller) const;
  [[nodiscard]] int socket() const { return tls_ ? tls_->socket() : socket_.get(); }

 private:
  Descriptor socket_;
  std::optional<TlsProbe> tls_;
};

}  // namespace sluice::io
