#include "net/connection.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>

#include "broker/broker.hpp"
#include "broker/limits.hpp"
#include "mqtt/codec.hpp"

namespace sluice::net {

namespace asio = boost::asio;
using asio::ip::tcp;

Connection::Connection(tcp::socket socket, broker::Worker& worker, std::string& read_buffer)
    : socket_(std::move(socket)), worker_(worker), read_buffer_(read_buffer) {
  boost::system::error_code ignored;
  const auto peer = socket_.remote_endpoint(ignored);
  host_ = peer.address().to_string();
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

Connection::~Connection() = default;

void Connection::start(std::string received) {
  client_ = std::make_shared<broker::ClientConnection>(worker_, shared_from_this());
  client_->start();
  if (!received.empty()) consume(received);
  wait_readable();
}

void Connection::wait_readable() {
  if (waiting_readable_ || held_ || closing_ || ended_) return;
  waiting_readable_ = true;
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waiting_readable_ = false;
                       if (self->ended_) return;
                       if (error)
                         self->end();
                       else
                         self->on_readable();
                     });
}

// Reads what is there, in large pieces, until the socket has no more or the turn is full.
void Connection::on_readable() {
  while (!held_ && !closing_ && !ended_) {
    if (worker_.turn_is_full()) {
      if (worker_.stalled()) {
        worker_.when_flowing([self = shared_from_this()] { self->wait_readable(); });
        return;
      }
      break;
    }
    // An unfinished packet stands in front of the next bytes, in the same buffer.
    const auto kept = partial_.size();
    if (read_buffer_.size() < kept + kMinimumRead) read_buffer_.resize(kept + kMinimumRead);
    boost::system::error_code error;
    const auto room = read_buffer_.size() - kept;
    const auto count = socket_.read_some(asio::buffer(read_buffer_.data() + kept, room), error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error || count == 0) {
      end();
      return;
    }
    partial_.copy(read_buffer_.data(), kept);
    partial_.clear();
    consume({read_buffer_.data(), kept + count});
    if (count < room) break;  // drained: the next readiness tells of more
  }
  wait_readable();
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
  if (!move_ || frame.type != mqtt::PacketType::Connect) return false;
  const auto connect = mqtt::decode_connect(frame.body);
  if (!connect || connect->client_id.empty()) return false;
  const auto move = std::exchange(move_, nullptr);
  if (!move(*this, connect->client_id, std::string(bytes))) return false;
  ended_ = true;
  client_->on_closed();
  client_.reset();
  return true;
}

void Connection::keep(std::string_view rest) {
  partial_ = rest;
  if (partial_.empty() && partial_.capacity() > kKeptCapacity) partial_ = {};
}

void Connection::hold_reading(bool hold) {
  if (std::exchange(held_, hold) == hold || hold || ended_) return;
  // What came behind CONNECT is handled once this call is over.
  worker_.post([self = shared_from_this()] {
    if (self->ended_ || self->closing_) return;
    if (!self->partial_.empty()) {
      const auto bytes = std::exchange(self->partial_, {});
      self->consume(bytes);
    }
    self->wait_readable();
  });
}

void Connection::flush() {
  if (ended_ || output_.empty()) return;
  if (writing_.size() > written_) return;  // goes with what waits already
  boost::system::error_code error;
  const auto count = socket_.write_some(asio::buffer(output_), error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    end();
    return;
  }
  if (count == output_.size()) {
    output_.clear();
    if (output_.capacity() > kKeptCapacity) output_ = {};
    return;
  }
  writing_.swap(output_);
  output_.clear();
  written_ = count;
  write_more();
}

void Connection::write_more() {
  socket_.async_wait(
      tcp::socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
        if (self->ended_) return;
        if (error) {
          self->end();
          return;
        }
        boost::system::error_code failed;
        const auto rest = asio::buffer(self->writing_.data() + self->written_,
                                       self->writing_.size() - self->written_);
        self->written_ += self->socket_.write_some(rest, failed);
        if (failed && failed != asio::error::would_block && failed != asio::error::try_again) {
          self->end();
          return;
        }
        if (self->written_ < self->writing_.size()) {
          self->write_more();
          return;
        }
        self->writing_ = {};
        self->written_ = 0;
        self->flush();
        if (self->ended_) return;
        if (self->closing_ && self->waiting_bytes() == 0)
          self->end();
        else if (self->client_ && self->waiting_bytes() < broker::kOutputHighWater)
          self->client_->on_output_drained();
      });
}

void Connection::close_after_output() {
  if (ended_ || std::exchange(closing_, true)) return;
  if (waiting_bytes() == 0) {
    end();
    return;
  }
  // The client is done with; it may be the caller, so it goes when the call is over.
  worker_.post([client = std::exchange(client_, nullptr)] {});
  // A peer that does not read has a short while for the farewell.
  worker_.timers().after(kFarewell, [self = shared_from_this()] { self->end(); });
}

void Connection::end() {
  if (std::exchange(ended_, true)) return;
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  output_ = {};
  partial_ = {};
  writing_ = {};
  written_ = 0;
  // Called out of flush() or a handler of the client itself: told when they are over.
  if (client_) worker_.post([client = std::exchange(client_, nullptr)] { client->on_closed(); });
}

}  // namespace sluice::net
