#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/proxy_header.hpp"
#include "net/tls_session.hpp"
#include "net/web_socket.hpp"

namespace sluice::net {

// What stands between the bytes of a socket and the packets of MQTT where that is not nothing: the
// header of a proxy, TLS, WebSocket, each in the one before. A connection without any has no such
// object, and pays for one look at a pointer in each read and write.
//
// Without I/O and without buffers: what comes in is worked on in the worker's buffers, what goes
// out is appended to one.
//
// Threads: its connection's worker.
class Layers {
 public:
  // At least one of them.
  Layers(std::unique_ptr<ProxyHeader> proxy, std::unique_ptr<TlsSession> tls,
         std::unique_ptr<WebSocket> web_socket)
      : proxy_(std::move(proxy)), tls_(std::move(tls)), web_socket_(std::move(web_socket)) {}

  // MQTT may be spoken: until then only handshakes and requests go to and fro.
  [[nodiscard]] bool is_open() const {
    return !proxy_ && is_sealed() &&
           (!web_socket_ || web_socket_->state() == WebSocket::State::Open);
  }
  // Its next step may take long.
  [[nodiscard]] bool shakes_hands() const {
    return tls_ && tls_->state() == TlsSession::State::Handshake;
  }
  [[nodiscard]] bool has_shaken_hands() const {
    return tls_ && tls_->state() == TlsSession::State::Open;
  }
  // The peer has ended it in good order, or broke a rule: failure() says which.
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] const std::string& failure() const;
  [[nodiscard]] bool waits_for_proxy() const { return proxy_ != nullptr; }
  // There is no layer any more: the header of a proxy was all.
  [[nodiscard]] bool is_nothing() const { return !proxy_ && !tls_ && !web_socket_; }
  // The address of the client as its proxy has said it, once; empty: nothing was said.
  [[nodiscard]] std::string take_client_host() { return std::exchange(client_host_, {}); }
  [[nodiscard]] const TlsSession* tls() const { return tls_.get(); }
  // The user whom a certificate proves, once it has shaken hands.
  [[nodiscard]] std::optional<std::string> user() const {
    return tls_ ? tls_->user() : std::nullopt;
  }

  // Takes all of `wire`. Returns how many bytes for MQTT were written to `into`, which has room for
  // wire.size() + TlsSession::kRoom; what has to go to the peer at once is appended to `answer`.
  [[nodiscard]] std::size_t take(std::string_view wire, char* into, std::string& answer);
  // Appends what carries `packets` to `wire`. Nothing can be carried before is_open().
  void give(std::string_view packets, std::string& wire);
  // Appends the farewell of each layer, once. After it nothing more is given.
  void finish(std::string& wire);
  [[nodiscard]] bool is_finished() const { return is_finished_; }

 private:
  // What is written reaches the peer.
  [[nodiscard]] bool is_sealed() const { return !tls_ || tls_->state() == TlsSession::State::Open; }
  [[nodiscard]] bool take_header(std::string_view& wire);
  void seal(std::string_view bytes, std::string& wire);

  std::unique_ptr<ProxyHeader> proxy_;  // none: it came from the client itself, or is over
  std::string client_host_;
  const std::unique_ptr<TlsSession> tls_;        // none: not encrypted
  const std::unique_ptr<WebSocket> web_socket_;  // in it; none: packets stand there as they are
  bool is_finished_ = false;
};

}  // namespace sluice::net
