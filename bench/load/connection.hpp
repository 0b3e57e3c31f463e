#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mqtt/codec.hpp"

namespace sluice::load {

// A TCP connection to the server under test: bytes that wait to be written, packets that came.
//
// Owns:  the socket. Threads: one.
// Fails: std::runtime_error; a load run that lost a connection has no result.
class Connection {
 public:
  Connection(const std::string& host, std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects as this client and waits for the answer. Blocking; then the socket is non-blocking.
  void log_in(const mqtt::Connect& connect);
  // Waits for SUBACK. Blocking, before non-blocking work begins.
  void subscribe(std::string_view filter, mqtt::Qos qos);

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] mqtt::Version version() const { return version_; }

  // What is to be written next.
  [[nodiscard]] std::string& output() { return output_; }
  [[nodiscard]] bool has_output() const { return sent_ < output_.size(); }
  void flush();  // as much as the socket takes

  // Reads all that is there and calls on_frame(frame) for each whole packet.
  template <typename OnFrame>
  void receive(OnFrame&& on_frame) {
    while (fill()) {
      while (const auto frame = take_frame()) on_frame(*frame);
    }
  }

 private:
  bool fill();                              // false when nothing is there
  std::optional<mqtt::Frame> take_frame();  // a view until the next fill()
  mqtt::Packet wait_for_packet();

  int descriptor_ = -1;
  mqtt::Version version_ = mqtt::Version::V311;
  std::string input_;  // its bytes from taken_ to filled_ are unread
  std::size_t taken_ = 0;
  std::size_t filled_ = 0;
  std::string output_;
  std::size_t sent_ = 0;
};

}  // namespace sluice::load
