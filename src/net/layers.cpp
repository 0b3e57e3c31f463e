#include "net/layers.hpp"

#include <cstring>

namespace sluice::net {

bool Layers::is_over() const {
  if (proxy_ && proxy_->state() == ProxyHeader::State::Refused) return true;
  const bool tls_is_over = tls_ && tls_->state() > TlsSession::State::Open;
  return tls_is_over || (web_socket_ && web_socket_->state() > WebSocket::State::Open);
}

const std::string& Layers::failure() const {
  static const std::string kNoHeader = "its proxy sent no header of the PROXY protocol";
  static const std::string kNone;
  if (proxy_) return kNoHeader;
  if (tls_ && (!web_socket_ || !tls_->failure().empty())) return tls_->failure();
  return web_socket_ ? web_socket_->failure() : kNone;
}

std::size_t Layers::take(std::string_view wire, char* into, std::string& answer) {
  if (proxy_ && !take_header(wire)) return 0;
  std::size_t size = wire.size();
  if (tls_)
    size = tls_->take(wire, into, answer);
  else
    std::memcpy(into, wire.data(), size);
  if (!web_socket_ || size == 0) return size;
  if (!tls_) return web_socket_->take({into, size}, answer);
  std::string reply;
  size = web_socket_->take({into, size}, reply);
  seal(reply, answer);
  return size;
}

// False: nothing follows it yet.
bool Layers::take_header(std::string_view& wire) {
  wire.remove_prefix(proxy_->take(wire));
  if (proxy_->state() != ProxyHeader::State::Done) return false;
  client_host_ = proxy_->client();
  proxy_.reset();
  return !wire.empty();
}

void Layers::give(std::string_view packets, std::string& wire) {
  if (!is_open()) return;
  if (!web_socket_) {
    seal(packets, wire);
  } else if (!tls_) {
    append_binary_frames(wire, packets);
  } else {
    std::string frames;
    append_binary_frames(frames, packets);
    seal(frames, wire);
  }
}

void Layers::finish(std::string& wire) {
  is_finished_ = true;
  if (web_socket_) {
    std::string farewell;
    web_socket_->finish(farewell);
    seal(farewell, wire);
  }
  if (tls_) tls_->finish(wire);
}

void Layers::seal(std::string_view bytes, std::string& wire) {
  if (!tls_)
    wire += bytes;
  else if (is_sealed())
    tls_->give(bytes, wire);
}

}  // namespace sluice::net
