// The way of bytes through TLS and WebSocket: in large reads to the packets, and back once per
// turn.
#include <cerrno>
#include <sys/socket.h>
#include <utility>

#include "net/connection.hpp"
#include "net/handshakes.hpp"

namespace sluice::net {

void Connection::shake_hands() {
  waits_for_handshake_ = false;
  if (ended_ || closing_) return;
  read_layers();
}

void Connection::wait_for_handshake() {
  if (std::exchange(waits_for_handshake_, true)) return;
  listening_.handshakes(worker_).wait(shared_from_this());
}

// As read_all(), with the layers between.
void Connection::read_layers() {
  while (!held_ && !closing_ && !ended_) {
    if (!may_read()) return;
    auto& wire = listening_.wire_buffers(worker_).input;
    const auto room = most_to_read(wire.size());
    const auto count = ::recv(socket_.get(), wire.data(), room, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count <= 0) {
      end();
      return;
    }
    const auto size = static_cast<std::size_t>(count);
    take_wire({wire.data(), size});
    if (size < room && !hung_up_) return;  // drained: the loop tells of more
    if (!layers_) {
      read_later();
      return;
    }
  }
}

void Connection::take_wire(std::string_view wire) {
  auto& buffer = listening_.read_buffer(worker_);
  const auto kept = partial_.size();
  const auto needed = kept + wire.size() + TlsSession::kRoom;
  if (buffer.size() < needed) buffer.resize(needed);
  auto& answer = listening_.wire_buffers(worker_).output;
  answer.clear();
  const bool shook_hands = layers_->shakes_hands();
  const auto size = layers_->take(wire, buffer.data() + kept, answer);
  if (auto host = layers_->take_client_host(); !host.empty()) client_->set_host(std::move(host));
  if (shook_hands && layers_->has_shaken_hands()) {
    listening_.note_handshake(*layers_);
    adopt_certified_user();
  }
  const bool is_over = layers_->is_over();
  if (is_over && !layers_->failure().empty()) listening_.note_failure(client_->host(), *layers_);
  if (!send_wire(answer)) return;
  if (layers_->is_nothing()) layers_.reset();  // plain TCP from here on
  if (size > 0) {
    partial_.copy(buffer.data(), kept);
    partial_.clear();
    consume({buffer.data(), kept + size});
  }
  ended_below_ = is_over;
  if (is_over && !held_) close_from_below();  // else behind what is kept: hold_reading()
}

void Connection::adopt_certified_user() {
  if (auto user = layers_->user()) client_->set_certified_user(*std::move(user));
}

void Connection::flush_layers() {
  auto& wire = listening_.wire_buffers(worker_).output;
  wire.clear();
  const auto size = output_.size();
  layers_->give(output_, wire);
  output_.clear();
  if (send_wire(wire) && !unsent_) note_drained(size);
}

// False: the connection has ended.
bool Connection::send_wire(std::string_view wire) {
  if (wire.empty()) return true;
  if (unsent_) {  // behind what waits already
    unsent_->bytes.erase(0, std::exchange(unsent_->sent, 0));
    unsent_->bytes += wire;
    return true;
  }
  std::size_t sent = 0;
  if (!send_some(wire, sent)) return false;
  if (sent < wire.size())
    unsent_ = std::make_unique<Unsent>(Unsent{std::string(wire.substr(sent)), 0});
  return true;
}

// False: the peer has not taken it yet, or the connection has ended.
bool Connection::finish_layers() {
  if (!layers_->is_finished()) {
    auto& wire = listening_.wire_buffers(worker_).output;
    wire.clear();
    layers_->finish(wire);
    if (!send_wire(wire)) return false;
  }
  return !unsent_;
}

// A layer has ended, not the client: a connection that breaks, as far as its session is concerned.
void Connection::close_from_below() {
  if (ended_ || closing_) return;
  client_->on_closed();
  close_after_output();
}

}  // namespace sluice::net
