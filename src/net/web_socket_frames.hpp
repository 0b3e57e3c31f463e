#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::net {

// RFC 6455 7.4.1
enum class CloseCode : std::uint16_t {
  Normal = 1000,
  ProtocolError = 1002,
  NotBinary = 1003,
  TooLarge = 1009,
};

// Frames of a WebSocket client, as they come: headers may be cut anywhere, and a payload is handed
// on as far as it is there, so nothing of it is kept. RFC 6455 5.
//
// Fails: a frame that breaks a rule is the last one; refusal() says with which code.
class FrameReader {
 public:
  // The largest packet of MQTT fits. It is a bound of what is said, not of memory.
  static constexpr std::uint64_t kMaximumFrame = 268'435'460;
  static constexpr std::size_t kMaximumControl = 125;  // RFC 6455 5.5

  // Takes all of `bytes`. What the data frames among them carry stands at their front afterwards;
  // returns how much. Answers to pings are appended to `answer`.
  [[nodiscard]] std::size_t take(std::span<char> bytes, std::string& answer);

  [[nodiscard]] bool is_over() const { return refusal_ || is_closed_; }
  [[nodiscard]] std::optional<CloseCode> refusal() const { return refusal_; }
  // The peer closed; with the code that it gave, if it gave one.
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  [[nodiscard]] std::optional<std::uint16_t> close_code() const { return close_code_; }

 private:
  enum class Opcode : std::uint8_t { Continuation, Text, Binary, Close = 8, Ping, Pong };
  static constexpr std::size_t kHead = 2;
  static constexpr std::size_t kMask = 4;

  [[nodiscard]] bool is_control() const { return opcode_ >= Opcode::Close; }
  [[nodiscard]] std::size_t length_bytes() const;
  void take_head(char byte);
  void check_head();
  void begin_payload();
  void unmask(std::span<char> bytes);
  void end_frame(std::string& answer);
  void take_close();
  void refuse(CloseCode code) { refusal_ = code; }

  std::array<unsigned char, kHead + 8 + kMask> head_{};
  std::uint8_t head_size_ = 0;  // of it, what is there
  Opcode opcode_ = Opcode::Continuation;
  bool in_payload_ = false;
  bool is_last_ = true;      // this frame ends its message
  bool in_message_ = false;  // a message has begun and its last frame has not come
  bool is_closed_ = false;
  std::uint8_t mask_at_ = 0;
  std::array<unsigned char, kMask> mask_{};
  std::uint64_t left_ = 0;  // of the payload
  std::string control_;     // of a ping or close: at most kMaximumControl
  std::optional<CloseCode> refusal_;
  std::optional<std::uint16_t> close_code_;
};

// --- frames of a server: not masked

// A binary frame for each piece of `bytes`, of a size that every client takes.
void append_binary_frames(std::string& wire, std::string_view bytes);
// Without a code: an empty one.
void append_close_frame(std::string& wire, std::optional<std::uint16_t> code);

}  // namespace sluice::net
