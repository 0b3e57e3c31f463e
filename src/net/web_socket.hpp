#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/web_socket_frames.hpp"
#include "net/web_socket_upgrade.hpp"

namespace sluice::net {

// The server's side of a WebSocket that carries MQTT, without I/O. MQTT 5.0 §6, RFC 6455.
//
// Packets are not aligned on frames: what the frames carry is one stream. [MQTT-6.0.0-2]
//
// Owns:    the beginning of a request, of at most kMaximumUpgrade bytes; of frames their headers.
// Threads: one at a time.
// Fails:   state() says so; what was answered last tells the client why.
class WebSocket {
 public:
  enum class State : std::uint8_t { Upgrade, Open, Ended, Failed };

  explicit WebSocket(std::shared_ptr<const WebSocketServing> serving)
      : serving_(std::move(serving)) {}

  // Takes all of `bytes`; what they carry stands at their front afterwards. Returns how much. What
  // has to go to the client is appended to `answer`.
  [[nodiscard]] std::size_t take(std::span<char> bytes, std::string& answer);
  // Contract: state() is Open.
  static void give(std::string_view packets, std::string& wire) {
    append_binary_frames(wire, packets);
  }
  void finish(std::string& wire);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  [[nodiscard]] std::size_t take_upgrade(std::string_view bytes, std::string& answer);
  void answer_with(const UpgradeAnswer& answered, std::string& answer);
  void follow_frames();

  const std::shared_ptr<const WebSocketServing> serving_;
  State state_ = State::Upgrade;
  std::string request_;
  FrameReader frames_;
  std::string failure_;
};

}  // namespace sluice::net
