#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::broker {

// What a verified certificate of a client says, for people.
struct PeerCertificate {
  std::string serial;  // hexadecimal
  std::string subject;
  std::string issuer;
  std::int64_t expires_ms = 0;
};

// A client's network connection as the broker sees it; net/ implements it.
//
// Threads: the worker's own only.
class Link {
 public:
  virtual ~Link() = default;
  // Encoded packets are appended here and leave at the end of the turn, all with one call.
  [[nodiscard]] virtual std::string& output() = 0;
  // Bytes that the peer has not taken yet, output() included.
  [[nodiscard]] virtual std::size_t waiting_bytes() const = 0;
  // Hands output() to the operating system; the worker calls it at the end of a turn.
  virtual void flush() = 0;
  // Sends what is in output() and then closes. Nothing more is read.
  virtual void close_after_output() = 0;
  // While held, nothing is read from the peer: a login is being decided on, or it publishes too
  // fast. Never both: what is not read begins no login, and publishes nothing.
  virtual void hold_reading(bool hold) = 0;
  // Nothing: it showed none. Read anew each time; nothing of it is kept.
  [[nodiscard]] virtual std::optional<PeerCertificate> certificate() const { return std::nullopt; }
  // Already on the worker's list of those to flush.
  bool dirty = false;
  // The last packet says why it closes: the peer is given the time to read it.
  bool says_farewell = false;
};

}  // namespace sluice::broker
