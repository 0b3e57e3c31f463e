#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mqtt/codec.hpp"

namespace sluice::load {

// A TCP connection to the server under test: bytes that wait to be written, packets that came.
//
// Owns:  the socket. Ten thousand idle ones hold no buffers: reading shares one. Threads: one.
// Fails: std::runtime_error; a load run that lost a connection has no result.
class Connection {
 public:
  Connection(const std::string& host, std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Asks to be this client and waits for the answer. Blocking; then the socket is non-blocking.
  // What the server sent behind the answer is kept for receive().
  void log_in(const mqtt::Connect& connect) { ask_log_in(connect), finish_log_in(); }
  // Waits for SUBACK. Blocking, before non-blocking work begins.
  void subscribe(std::string_view filter, mqtt::Qos qos) {
    ask_subscribe(filter, qos), finish_subscribe();
  }
  // The halves of both, for many connections at once. A SUBSCRIBE may be asked before the CONNACK.
  void ask_log_in(const mqtt::Connect& connect);
  void finish_log_in();
  void ask_subscribe(std::string_view filter, mqtt::Qos qos);
  void finish_subscribe();
  void log_out();       // DISCONNECT: the server has no reason to publish a will or to wait
  void wait_for_end();  // until the server has closed. Blocking

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] mqtt::Version version() const { return version_; }

  // What is to be written next.
  [[nodiscard]] std::string& output() { return output_; }
  [[nodiscard]] bool has_output() const { return sent_ < output_.size(); }
  void flush();  // as much as the socket takes

  // Reads all that is there and calls on_frame(frame) for each whole packet.
  template <typename OnFrame>
  void receive(OnFrame&& on_frame) {
    for (bool more = true; more;) {
      auto chunk = read();
      while (const auto frame = next_frame(chunk.bytes)) {
        chunk.bytes.remove_prefix(frame->size);
        on_frame(*frame);
      }
      rest_ = chunk.bytes;
      more = chunk.more;
    }
  }

 private:
  struct Chunk {
    std::string_view bytes;  // rest_ and what is new; valid until the next read()
    bool more = false;       // the socket may hold more
  };
  Chunk read();
  static std::optional<mqtt::Frame> next_frame(std::string_view bytes);
  std::string wait_for_packet();  // the bytes of one
  void set_blocking(bool blocking) const;

  int descriptor_ = -1;
  mqtt::Version version_ = mqtt::Version::V311;
  std::string rest_;  // the beginning of a packet
  std::string output_;
  std::size_t sent_ = 0;
};

}  // namespace sluice::load
