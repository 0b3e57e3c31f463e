// Frames as a WebSocket client sends them: masked.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::net::test {

enum class Kind : std::uint8_t { Continuation, Text, Binary, Close = 8, Ping, Pong };

inline std::string frame(Kind kind, std::string_view payload, bool is_last = true) {
  constexpr std::string_view kMask = "\x12\x34\x56\x78";
  std::string bytes(1, static_cast<char>((is_last ? 0x80 : 0) | static_cast<int>(kind)));
  const auto size = payload.size();
  const auto append_length = [&](int byte_count) {
    for (int shift = 8 * (byte_count - 1); shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(std::uint64_t{size} >> shift & 0xFF));
  };
  if (size < 126) {
    bytes.push_back(static_cast<char>(0x80 | size));
  } else if (size <= 0xFFFF) {
    bytes.push_back(static_cast<char>(0xFE));
    append_length(2);
  } else {
    bytes.push_back(static_cast<char>(0xFF));
    append_length(8);
  }
  bytes += kMask;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(static_cast<char>(payload[i] ^ kMask[i % kMask.size()]));
  return bytes;
}

}  // namespace sluice::net::test
