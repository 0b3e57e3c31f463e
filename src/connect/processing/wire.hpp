#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::connect::processing {

// What passes between a task's worker and its child, both on one machine and of one build: a byte
// that says what it is, the length in four bytes, the text.
//
// The worker sends what is to be done (Schema, Jq), then Begin, which the child answers with Value
// when it understood and Rejected when not: the place of the fault in the task's document, a line
// break, the fault. Then payloads, each answered in turn.
enum class Part : std::uint8_t {
  Schema,
  Jq,
  Begin,
  Payload,
  Value,       // what became of the payload
  PassedOver,  // nothing: the message is not wanted
  Rejected,    // why not
};

struct Frame {
  Part part = Part::Begin;
  std::string_view text;
};

constexpr std::size_t kFrameHeader = 1 + sizeof(std::uint32_t);

inline void append_frame(std::string& out, Part part, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  char header[kFrameHeader] = {static_cast<char>(part)};
  std::memcpy(header + 1, &size, sizeof size);
  out.append(header, kFrameHeader);
  out.append(text);
}

// The frame at the front of `bytes`, which then begins behind it; nothing: not all of it is there.
inline std::optional<Frame> take_frame(std::string_view& bytes) {
  if (bytes.size() < kFrameHeader) return std::nullopt;
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + 1, sizeof size);
  if (bytes.size() - kFrameHeader < size) return std::nullopt;
  const Frame frame{.part = static_cast<Part>(bytes.front()),
                    .text = bytes.substr(kFrameHeader, size)};
  bytes.remove_prefix(kFrameHeader + size);
  return frame;
}

// How a child ends that has met a bound; any other end is a crash.
constexpr int kTookTooLong = 80;
constexpr int kTookTooMuchMemory = 81;

}  // namespace sluice::connect::processing
