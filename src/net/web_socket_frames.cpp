#include "net/web_socket_frames.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::net {
namespace {

constexpr unsigned char kFinal = 0x80;
constexpr unsigned char kReserved = 0x70;
constexpr unsigned char kMasked = 0x80;
constexpr unsigned char kLength16 = 126;
constexpr unsigned char kLength64 = 127;
constexpr std::size_t kLargestPiece = 64 * 1024;

void append_head(std::string& wire, unsigned char opcode, std::size_t size) {
  wire.push_back(static_cast<char>(kFinal | opcode));
  const auto append_length = [&](unsigned char kind, int bytes) {
    wire.push_back(static_cast<char>(kind));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      wire.push_back(static_cast<char>(std::uint64_t{size} >> shift & 0xFF));
  };
  if (size < kLength16)
    wire.push_back(static_cast<char>(size));
  else if (size <= 0xFFFF)
    append_length(kLength16, 2);
  else
    append_length(kLength64, 8);
}

// RFC 6455 7.4: what may stand in a frame.
bool is_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

std::size_t FrameReader::take(std::span<char> bytes, std::string& answer) {
  std::size_t carried = 0;
  for (std::size_t at = 0; at < bytes.size() && !is_over();) {
    if (!in_payload_) {
      take_head(bytes[at++]);
    } else {
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>(left_, static_cast<std::uint64_t>(bytes.size() - at)));
      const auto piece = bytes.subspan(at, size);
      unmask(piece);
      if (is_control()) {
        control_.append(piece.data(), size);
      } else {
        if (carried != at) std::memmove(bytes.data() + carried, piece.data(), size);
        carried += size;
      }
      at += size;
      left_ -= size;
    }
    if (in_payload_ && left_ == 0) end_frame(answer);
  }
  return carried;
}

std::size_t FrameReader::length_bytes() const {
  const auto kind = head_[1] & ~kMasked;
  return kind == kLength16 ? 2 : kind == kLength64 ? 8 : 0;
}

void FrameReader::take_head(char byte) {
  head_[head_size_++] = static_cast<unsigned char>(byte);
  if (head_size_ < kHead) return;
  if (head_size_ == kHead) check_head();
  if (!refusal_ && head_size_ == kHead + length_bytes() + kMask) begin_payload();
}

void FrameReader::check_head() {
  const auto code = static_cast<unsigned char>(head_[0] & 0x0F);
  const auto length = static_cast<unsigned char>(head_[1] & ~kMasked);
  is_last_ = (head_[0] & kFinal) != 0;
  // No extension was agreed on, and a client masks. RFC 6455 5.1, 5.2
  if ((head_[0] & kReserved) != 0 || (head_[1] & kMasked) == 0)
    return refuse(CloseCode::ProtocolError);
  opcode_ = static_cast<Opcode>(code);
  switch (opcode_) {
    case Opcode::Continuation:
      if (!in_message_) refuse(CloseCode::ProtocolError);
      return;
    case Opcode::Text:  // [MQTT-6.0.0-1]
      return refuse(CloseCode::NotBinary);
    case Opcode::Binary:
      if (in_message_) refuse(CloseCode::ProtocolError);
      return;
    case Opcode::Close:
    case Opcode::Ping:
    case Opcode::Pong:
      if (!is_last_ || length > kMaximumControl) refuse(CloseCode::ProtocolError);
      return;
  }
  refuse(CloseCode::ProtocolError);
}

void FrameReader::begin_payload() {
  const auto size = length_bytes();
  std::uint64_t length = head_[1] & ~kMasked;
  if (size > 0) {
    length = 0;
    for (std::size_t i = 0; i < size; ++i) length = length << 8 | head_[kHead + i];
    // The shortest form is the only one.
    if (length < (size == 2 ? std::uint64_t{kLength16} : 0x10000)) {
      refuse(CloseCode::ProtocolError);
      return;
    }
  }
  if (length > kMaximumFrame) {
    refuse(length >> 63 != 0 ? CloseCode::ProtocolError : CloseCode::TooLarge);
    return;
  }
  std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(kHead + size), kMask, mask_.begin());
  head_size_ = 0;
  mask_at_ = 0;
  left_ = length;
  in_payload_ = true;
}

void FrameReader::unmask(std::span<char> bytes) {
  std::array<unsigned char, 8> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = mask_[(mask_at_ + i) % kMask];
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + bytes.size()) % kMask);
  std::uint64_t key_word = 0;
  std::memcpy(&key_word, key.data(), sizeof key_word);
  std::size_t at = 0;
  for (; bytes.size() - at >= sizeof key_word; at += sizeof key_word) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    word ^= key_word;
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  for (; at < bytes.size(); ++at)
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ key[at % key.size()]);
}

void FrameReader::end_frame(std::string& answer) {
  in_payload_ = false;
  if (!is_control()) {
    in_message_ = !is_last_;
    return;
  }
  if (opcode_ == Opcode::Ping) {
    append_head(answer, static_cast<unsigned char>(Opcode::Pong), control_.size());
    answer += control_;
  } else if (opcode_ == Opcode::Close) {
    take_close();
  }
  control_ = {};
}

void FrameReader::take_close() {
  if (control_.size() == 1) return refuse(CloseCode::ProtocolError);
  if (control_.size() >= 2) {
    const auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(control_[0]) << 8 |
                                                 static_cast<unsigned char>(control_[1]));
    if (!is_close_code(code)) return refuse(CloseCode::ProtocolError);
    close_code_ = code;
  }
  is_closed_ = true;
}

void append_binary_frames(std::string& wire, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kLargestPiece);
    append_head(wire, 2, piece.size());
    wire += piece;
    bytes.remove_prefix(piece.size());
  }
}

void append_close_frame(std::string& wire, std::optional<std::uint16_t> code) {
  append_head(wire, 8, code ? 2 : 0);
  if (!code) return;
  wire.push_back(static_cast<char>(*code >> 8));
  wire.push_back(static_cast<char>(*code & 0xFF));
}

}  // namespace sluice::net
