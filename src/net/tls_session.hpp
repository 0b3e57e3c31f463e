#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/link.hpp"
#include "io/tls_context.hpp"

namespace sluice::net {

// What of a client's certificate is its user name.
enum class UserFrom : std::uint8_t { Nothing, CommonName, SubjectAltName };

// What a listener says about TLS.
struct TlsServing {
  io::TlsOptions options;
  UserFrom user_from = UserFrom::Nothing;
};

// The server's side of TLS for one connection, without I/O: bytes of the wire in, bytes of the
// client out, and the other way.
//
// Owns:    OpenSSL's state; nothing that has been read or written stays here but a piece of a
//          record.
// Threads: one at a time.
// Fails:   state() says so; what was answered last tells the client why.
class TlsSession {
 public:
  enum class State : std::uint8_t { Handshake, Open, Ended, Failed };

  // take() needs so much more room than it is given bytes: a record that began earlier.
  static constexpr std::size_t kRoom = 17 * 1024;

  TlsSession(std::shared_ptr<const io::TlsContext> context, UserFrom user_from);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Takes all of `wire`. Returns how many bytes of the client were written to `into`, which has
  // room for wire.size() + kRoom. What has to go to the client is appended to `answer`.
  [[nodiscard]] std::size_t take(std::string_view wire, char* into, std::string& answer);
  // Appends `bytes`, sealed, to `wire`. Contract: state() is Open.
  void give(std::string_view bytes, std::string& wire);
  // Says that nothing more is sent.
  void finish(std::string& wire);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }  // why it is Failed
  [[nodiscard]] bool was_resumed() const;
  // Of a verified client certificate, once Open; empty when the certificate says no usable name.
  // None: the client showed none, or its name does not count.
  [[nodiscard]] std::optional<std::string> user() const;
  // Of a verified client certificate, once Open.
  [[nodiscard]] std::optional<broker::PeerCertificate> certificate() const;

 private:
  friend struct MemoryBio;
  void shake_hands();
  void fail();
  [[nodiscard]] const x509_st* verified_certificate() const;  // null: there is none

  const std::shared_ptr<const io::TlsContext> context_;
  io::SslPtr ssl_;
  const UserFrom user_from_;
  State state_ = State::Handshake;
  std::string_view in_;         // what OpenSSL has not read yet; during a call alone
  std::string* out_ = nullptr;  // where it writes; during a call alone
  std::string failure_;
};

}  // namespace sluice::net
