// Writes one packet, all of it with one step of the output. Private to the codec.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/copy_bytes.hpp"
#include "mqtt/packet.hpp"

namespace sluice::mqtt {

[[nodiscard]] constexpr std::size_t varint_size(std::size_t value) {
  return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

[[nodiscard]] constexpr std::size_t text_size(std::string_view text) {
  return 2 + text.size();
}

// With the length prefix; nothing of properties exists before version 5.
[[nodiscard]] inline std::size_t properties_size(Version version, const Properties& properties) {
  if (version != Version::V5) return 0;
  return varint_size(properties.encoded().size()) + properties.encoded().size();
}

// Contract: who makes it knows the exact size, fills it all, and leaves `out` alone meanwhile.
class Writer {
 public:
  // Room for the fixed header and `here` of the `remaining` bytes that follow it.
  Writer(std::string& out, std::uint8_t first, std::size_t remaining, std::size_t here)
      : out_(out), size_(1 + varint_size(remaining) + here) {
    SL_DCHECK(remaining <= 268'435'455 && here <= remaining);
    if (size_ <= sizeof small_) {
      at_ = small_;
    } else {
      out.resize(out.size() + size_);
      at_ = out.data() + out.size() - size_;
    }
    byte(first);
    varint(remaining);
  }
  Writer(std::string& out, std::uint8_t first, std::size_t remaining)
      : Writer(out, first, remaining, remaining) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (size_ > sizeof small_) {
      SL_DCHECK(at_ == out_.data() + out_.size());
      return;
    }
    SL_DCHECK(at_ == small_ + size_);
    out_.append(small_, size_);
  }

  void byte(std::uint8_t value) { *at_++ = static_cast<char>(value); }
  void code(ReasonCode value) { byte(static_cast<std::uint8_t>(value)); }
  void u16(std::size_t value) {
    byte(static_cast<std::uint8_t>(value >> 8));
    byte(static_cast<std::uint8_t>(value));
  }
  void varint(std::size_t value) {
    for (; value >= 128; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  void raw(std::string_view bytes) {
    copy_bytes(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void text(std::string_view value) {
    SL_DCHECK(value.size() <= 0xFFFF);
    u16(value.size());
    raw(value);
  }
  void properties(Version version, const Properties& value) {
    if (version != Version::V5) return;
    varint(value.encoded().size());
    raw(value.encoded());
  }

 private:
  std::string& out_;
  const std::size_t size_;
  char* at_ = nullptr;
  // Most packets, and the heads of most PUBLISHes, are made here: room in a string is filled with
  // zeros before it is written.
  char small_[128];
};

// First byte of a packet: its type and its flags.
[[nodiscard]] constexpr std::uint8_t first_byte(PacketType type, unsigned flags = 0) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags);
}

}  // namespace sluice::mqtt
