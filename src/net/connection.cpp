#include "net/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include "broker/broker.hpp"
#include "mqtt/codec.hpp"

namespace sluice::net {

Connection::Connection(Descriptor socket, std::unique_ptr<Layers> layers, broker::Worker& worker,
                       Listening& listening)
    : socket_(std::move(socket)),
      worker_(worker),
      listening_(listening),
      layers_(std::move(layers)) {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() = default;

void Connection::start(std::string host, std::string_view received) {
  may_move_ = received.empty() && worker_.broker().worker_count() > 1;
  client_ = std::make_shared<broker::ClientConnection>(worker_, shared_from_this(), std::move(host),
                                                       listening_.listener_name());
  client_->start();
  if (layers_ && layers_->is_open()) adopt_certified_user();  // it came from another worker
  if (!worker_.loop().watch(socket_.get(), shared_from_this())) {
    end();
    return;
  }
  if (!received.empty()) consume(received);
}

Descriptor Connection::take_socket() {
  worker_.loop().unwatch(socket_.get());
  return std::move(socket_);
}

void Connection::on_ready(std::uint32_t readiness) {
  if (ended_) return;
  if ((readiness & Readiness::kHangUp) != 0 && !std::exchange(hung_up_, true) && client_)
    client_->on_left();
  if ((readiness & Readiness::kWrite) != 0 && unsent_) write_more();
  if ((readiness & Readiness::kRead) == 0) return;
  if (closing_)
    drop_input();
  else
    read_all();
}

// The client and its connection hold each other.
void Connection::on_loop_end() {
  ended_ = true;
  (void)count_kept(0);
  client_.reset();
}

// Reads what is there, in large pieces, until the socket has no more or the turn is full.
void Connection::read_all() {
  if (layers_) {
    if (layers_->shakes_hands())
      wait_for_handshake();
    else
      read_layers();
    return;
  }
  while (!held_ && !closing_ && !ended_) {
    if (!may_read()) return;
    // An unfinished packet stands in front of the next bytes, in the same buffer.
    auto& buffer = listening_.read_buffer(worker_);
    const auto kept = partial_.size();
    if (buffer.size() < kept + kMinimumRead) buffer.resize(kept + kMinimumRead);
    const auto room = most_to_read(buffer.size() - kept);
    const auto count = ::recv(socket_.get(), buffer.data() + kept, room, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count <= 0) {
      end();
      return;
    }
    const auto size = static_cast<std::size_t>(count);
    partial_.copy(buffer.data(), kept);
    partial_.clear();
    consume({buffer.data(), kept + size});
    if (size < room && !hung_up_) return;  // drained: the loop tells of more
  }
}

// False: not now; somebody else goes on with it.
bool Connection::may_read() {
  // Who does not take the answers is not asked for more: write_more() goes on when there is room.
  if (waiting_bytes() >= broker::kAnswersHighWater) {
    if (!std::exchange(reads_when_drained_, true))
      worker_.broker().counters().answers_not_taken.add();
    return false;
  }
  if (worker_.turn_is_full()) {
    read_later();
    return false;
  }
  return true;
}

// As much again as the beginning of a packet that is there, so that a large one is not copied for
// each small piece of it.
std::size_t Connection::most_to_read(std::size_t room) const {
  return client_->is_paced() ? std::min(room, std::max(kPacedRead, partial_.size())) : room;
}

// The loop told of these bytes once and will not do so again.
void Connection::read_later() {
  if (std::exchange(reads_later_, true)) return;
  auto read = [self = shared_from_this()] {
    self->reads_later_ = false;
    self->read_all();
  };
  if (worker_.stalled())
    worker_.when_flowing(std::move(read));
  else
    worker_.post(std::move(read));
}

void Connection::consume(std::string_view bytes) {
  while (!bytes.empty() && !closing_ && !ended_) {
    if (held_) break;
    const auto frame = mqtt::next_frame(bytes, client_->maximum_packet_size(), client_->version());
    if (!frame) {
      client_->on_malformed(frame.error());
      return;
    }
    if (!*frame) break;
    if (client_->waits_for_connect() && belongs_elsewhere(**frame, bytes)) return;
    client_->on_packet(**frame);
    bytes.remove_prefix((*frame)->size);
  }
  if (!closing_ && !ended_) keep(bytes);
}

// A client's session lives on one worker: its connection goes there before anything is decided.
bool Connection::belongs_elsewhere(const mqtt::Frame& frame, std::string_view bytes) {
  if (!may_move_ || frame.type != mqtt::PacketType::Connect) return false;
  const auto connect = mqtt::decode_connect(frame.body);
  if (!connect || connect->client_id.empty()) return false;
  may_move_ = false;
  if (!listening_.move(*this, connect->client_id, std::string(bytes))) return false;
  ended_ = true;
  (void)count_kept(0);
  client_->on_closed();
  client_.reset();
  return true;
}

void Connection::keep(std::string_view rest) {
  if (!count_kept(rest.size())) {
    client_->on_no_memory();
    return;
  }
  if (rest.empty())
    partial_ = std::string();  // without its memory
  else
    partial_ = rest;
}

// For the bound on what all of them keep. False: it has no room. Who is held back is not punished
// for what it sent before it was: that is no more than a read.
bool Connection::count_kept(std::size_t bytes) {
  const auto counted = bytes > broker::kUncountedBytes ? bytes : 0;
  if (counted == 0 && counted_ == 0) return true;
  auto& broker = worker_.broker();
  const auto& memory = broker.memory();
  if (counted_ > 0) (counted_as_stranger_ ? memory.strangers : memory.packets)->take_away(counted_);
  counted_ = 0;
  if (counted == 0) return true;
  counted_as_stranger_ = client_->waits_for_connect();
  const auto& bound = counted_as_stranger_ ? memory.strangers : memory.packets;
  const auto& limits = broker.limits();
  const auto most = counted_as_stranger_ ? limits.strangers_bytes : limits.packets_bytes;
  const bool is_held_back = held_ && client_->is_open();
  if (!is_held_back && !bound->has_room_for(counted, most)) return false;
  bound->add(counted);
  counted_ = static_cast<std::uint32_t>(counted);
  return true;
}

void Connection::hold_reading(bool hold) {
  if (std::exchange(held_, hold) == hold || hold || ended_) return;
  // What came behind CONNECT is handled once this call is over.
  worker_.post([self = shared_from_this()] {
    if (self->ended_ || self->closing_ || self->held_) return;
    if (!self->partial_.empty()) {
      const auto bytes = std::exchange(self->partial_, {});
      self->consume(bytes);
    }
    if (self->ended_below_ && !self->held_) self->close_from_below();
    self->read_all();
  });
}

// False: the connection has ended.
bool Connection::send_some(std::string_view bytes, std::size_t& sent) {
  ssize_t count = 0;
  do {
    count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    end();
    return false;
  }
  sent = count < 0 ? 0 : static_cast<std::size_t>(count);
  return true;
}

void Connection::flush() {
  if (ended_ || output_.empty()) return;
  if (unsent_) return;  // goes with what waits already
  if (layers_) {
    flush_layers();
    return;
  }
  std::size_t sent = 0;
  if (!send_some(output_, sent)) return;
  if (sent == output_.size()) {
    output_.clear();
    note_drained(sent);
    return;
  }
  // The loop tells when the peer has taken some.
  unsent_ = std::make_unique<Unsent>(Unsent{std::exchange(output_, {}), sent});
}

// All of `size` bytes went in one piece, so write_more() will not tell those who waited for room.
void Connection::note_drained(std::size_t size) {
  if (size >= broker::kOutputHighWater && client_) client_->on_output_drained();
  if (std::exchange(reads_when_drained_, false)) read_later();
}

void Connection::write_more() {
  std::size_t sent = 0;
  if (!send_some(std::string_view(unsent_->bytes).substr(unsent_->sent), sent)) return;
  unsent_->sent += sent;
  if (unsent_->sent < unsent_->bytes.size()) return;
  unsent_.reset();
  flush();
  if (ended_) return;
  if (closing_ && waiting_bytes() == 0)
    end_sending();
  else if (client_ && waiting_bytes() < broker::kOutputHighWater)
    client_->on_output_drained();
  if (waiting_bytes() < broker::kAnswersHighWater && std::exchange(reads_when_drained_, false))
    read_later();
}

void Connection::close_after_output() {
  if (ended_ || std::exchange(closing_, true)) return;
  if (layers_) says_farewell = true;  // each layer has one of its own
  if (waiting_bytes() == 0 && !says_farewell) {
    end();
    return;
  }
  // The client is done with; it may be the caller, so it goes when the call is over.
  worker_.post([client = std::exchange(client_, nullptr)] {});
  // A peer that does not read has a short while for the farewell.
  worker_.timers().after(broker::kFarewell, [self = shared_from_this()] { self->end(); });
  if (waiting_bytes() == 0) end_sending();
}

// To close with input unread, or before some more of it comes, resets the connection, and a reset
// takes the farewell from the peer that has not read it yet. So the peer closes first.
void Connection::end_sending() {
  if (layers_ && !finish_layers()) return;  // write_more() comes back
  if (!says_farewell) {
    end();
    return;
  }
  ::shutdown(socket_.get(), SHUT_WR);
  // Later: the caller may stand in the bytes of the read buffer.
  worker_.post([self = shared_from_this()] { self->drop_input(); });
}

void Connection::drop_input() {
  while (!ended_ && dropped_ < broker::kDroppedInput) {
    auto& buffer = listening_.read_buffer(worker_);
    if (buffer.size() < kMinimumRead) buffer.resize(kMinimumRead);
    const auto count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count == 0 && waiting_bytes() > 0) return;  // it sends no more, and may still read
    if (count <= 0) break;
    dropped_ += static_cast<std::uint32_t>(count);
  }
  end();
}

void Connection::end() {
  if (std::exchange(ended_, true)) return;
  (void)count_kept(0);
  listening_.note_end();
  if (socket_.is_open()) {
    worker_.loop().unwatch(socket_.get());
    ::shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
  }
  output_ = {};
  partial_ = {};
  unsent_.reset();
  layers_.reset();
  // Called out of flush() or a handler of the client itself: told when they are over.
  if (client_) worker_.post([client = std::exchange(client_, nullptr)] { client->on_closed(); });
}

}  // namespace sluice::net
