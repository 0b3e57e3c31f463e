// The form of a record in the log; docs/design/commit-log.md gives the bytes. Everything here is
// pure: bytes in, bytes out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace sluice::store::embedded {

// The numbers stand on disk: never change or reuse one.
enum class RecordType : std::uint8_t {
  Batch = 1,    // begins every appended batch: what was durable then
  Message = 2,  // one PUBLISH with the queues it belongs to
  Put = 3,      // small state
  Erase = 4,
};

// Set in every record of an atomic group but the last: without its successors it does not count.
inline constexpr std::uint8_t kContinues = 1;

inline constexpr std::size_t kFrameHeaderBytes = 32;
inline constexpr std::size_t kBatchBodyBytes = 16;
inline constexpr std::size_t kMessageFixedBytes = 24;
inline constexpr std::size_t kStateFixedBytes = 8;
inline constexpr std::uint32_t kMaximumBodyBytes = 1U << 30;

struct FrameHeader {
  std::uint32_t body_length = 0;
  std::uint32_t body_crc = 0;
  RecordType type = RecordType::Batch;
  std::uint8_t flags = 0;
  std::uint64_t position = 0;
  std::uint64_t time_and_node = 0;  // the upper half of a message's id

  [[nodiscard]] std::uint64_t frame_bytes() const { return kFrameHeaderBytes + body_length; }
};

// `seed` is the checksum of the segment's generation: the header's checksum goes on from it, so
// that a frame of an earlier use of the file never fits.
[[nodiscard]] std::uint32_t seed_of(std::uint64_t generation);
// Writes everything but the checksum, which needs the position that only append() knows.
void begin_header(char* at, const FrameHeader& header);
// Gives the frame its place, then its checksum.
void seal_header(char* at, std::uint64_t position, std::uint64_t time_and_node, std::uint32_t seed);
// Single fields of a header under construction.
void set_body_crc(char* at, std::uint32_t crc);
void clear_flags(char* at);
[[nodiscard]] RecordType type_of(const char* at);
[[nodiscard]] std::uint32_t body_length_of(const char* at);
// Nothing if these are not kFrameHeaderBytes of a whole header at this position. The type is not
// judged: a later version may know more.
[[nodiscard]] std::optional<FrameHeader> decode_header(const char* at, std::uint64_t position,
                                                       std::uint32_t seed);

struct BatchBody {
  std::uint64_t proven_end = 0;  // everything before this was synced when the batch was appended
  std::uint32_t bytes = 0;       // of the whole batch, this frame included
  std::uint32_t records = 0;     // without this frame
};
void encode_batch_body(char* at, const BatchBody& body);
[[nodiscard]] std::optional<BatchBody> decode_batch_body(std::string_view body);

// Sizes and writes a message's body. The views of `placed` are set into it.
[[nodiscard]] std::size_t message_body_bytes(const NewMessage& message, std::size_t queues);
void encode_message_body(char* at, const NewMessage& message, std::span<const QueueId> queues,
                         std::size_t persistent_queues, model::Message& placed);
// The views of the message point into `body`. `queues` may be null.
[[nodiscard]] bool decode_message(const FrameHeader& header, std::string_view body,
                                  model::Message& message, std::vector<QueueId>* queues);

struct StateBody {
  StateKind kind = StateKind::Queue;
  std::string_view key;
  std::string_view value;
};
[[nodiscard]] std::size_t state_body_bytes(std::string_view key, std::string_view value);
void encode_state_body(char* at, const StateBody& body);
[[nodiscard]] std::optional<StateBody> decode_state_body(std::string_view body);

// The node in the low 16 bits, milliseconds since 1970 above.
[[nodiscard]] constexpr std::uint64_t join_time(std::int64_t milliseconds, std::uint16_t node) {
  return static_cast<std::uint64_t>(milliseconds) << 16 | node;
}
[[nodiscard]] constexpr std::int64_t milliseconds_of(std::uint64_t time_and_node) {
  return static_cast<std::int64_t>(time_and_node >> 16);
}

}  // namespace sluice::store::embedded
