#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/tls_session.hpp"

namespace sluice::net {

// What stands between the bytes of a socket and the packets of MQTT where that is not nothing: TLS.
// A connection without any has no such object, and pays for one look at a pointer in each read and
// write.
//
// Without I/O and without buffers: what comes in is worked on in the worker's buffers, what goes
// out is appended to one.
//
// Threads: its connection's worker.
class Layers {
 public:
  explicit Layers(std::unique_ptr<TlsSession> tls) : tls_(std::move(tls)) {}

  // MQTT may be spoken: until then only handshakes and requests go to and fro.
  [[nodiscard]] bool is_open() const { return tls_->state() == TlsSession::State::Open; }
  [[nodiscard]] bool shakes_hands() const { return tls_->state() == TlsSession::State::Handshake; }
  // The peer has ended it in good order, or broke a rule: failure() says which.
  [[nodiscard]] bool is_over() const { return !is_open() && !shakes_hands(); }
  [[nodiscard]] const std::string& failure() const { return tls_->failure(); }
  [[nodiscard]] const TlsSession* tls() const { return tls_.get(); }
  // The user whom a certificate proves, once it is open.
  [[nodiscard]] std::optional<std::string> user() const { return tls_->user(); }

  // Takes all of `wire`. Returns how many bytes for MQTT were written to `into`, which has room for
  // wire.size() + TlsSession::kRoom; what has to go to the peer at once is appended to `answer`.
  [[nodiscard]] std::size_t take(std::string_view wire, char* into, std::string& answer) {
    return tls_->take(wire, into, answer);
  }
  // Appends what carries `packets` to `wire`. Nothing can be carried before is_open().
  void give(std::string_view packets, std::string& wire) {
    if (is_open()) tls_->give(packets, wire);
  }
  // Appends the farewell of each layer, once. After it nothing more is given.
  void finish(std::string& wire) {
    is_finished_ = true;
    tls_->finish(wire);
  }
  [[nodiscard]] bool is_finished() const { return is_finished_; }

 private:
  std::unique_ptr<TlsSession> tls_;
  bool is_finished_ = false;
};

}  // namespace sluice::net
