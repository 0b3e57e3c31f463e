#include "store/embedded/record.hpp"

#include "base/check.hpp"
#include "base/copy_bytes.hpp"
#include "base/crc32c.hpp"
#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

// Places in a frame header.
constexpr std::size_t kHeaderCrc = 0;
constexpr std::size_t kBodyLength = 4;
constexpr std::size_t kBodyCrc = 8;
constexpr std::size_t kType = 12;
constexpr std::size_t kFlags = 13;
constexpr std::size_t kZero = 14;
constexpr std::size_t kPosition = 16;
constexpr std::size_t kTime = 24;

// Bits of a message's first byte.
constexpr std::uint8_t kQosMask = 0x03;
constexpr std::uint8_t kRetain = 0x04;
constexpr std::uint8_t kDup = 0x08;
constexpr std::uint8_t kHasUsername = 0x10;
constexpr std::uint8_t kKnownBits = 0x1f;

std::uint32_t header_crc(const char* at, std::uint32_t seed) {
  return crc32c({at + kBodyLength, kFrameHeaderBytes - kBodyLength}, seed);
}

// Copies `text` to `at`, points `view` at the copy and steps over it.
void place(char*& at, std::string_view text, std::string_view& view) {
  copy_bytes(at, text.data(), text.size());
  view = {at, text.size()};
  at += text.size();
}

// Takes `size` bytes from the front; only after the sum of all sizes was checked.
std::string_view take(std::string_view& bytes, std::size_t size) {
  const std::string_view front = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return front;
}

}  // namespace

std::uint32_t seed_of(std::uint64_t generation) {
  char bytes[8];
  store_le(bytes, generation);
  return crc32c({bytes, sizeof bytes});
}

void begin_header(char* at, const FrameHeader& header) {
  store_le(at + kHeaderCrc, std::uint32_t{0});
  store_le(at + kBodyLength, header.body_length);
  store_le(at + kBodyCrc, header.body_crc);
  at[kType] = static_cast<char>(header.type);
  at[kFlags] = static_cast<char>(header.flags);
  store_le(at + kZero, std::uint16_t{0});
  store_le(at + kPosition, header.position);
  store_le(at + kTime, header.time_and_node);
}

void seal_header(char* at, std::uint64_t position, std::uint64_t time_and_node,
                 std::uint32_t seed) {
  store_le(at + kPosition, position);
  store_le(at + kTime, time_and_node);
  store_le(at + kHeaderCrc, header_crc(at, seed));
}

void set_body_crc(char* at, std::uint32_t crc) {
  store_le(at + kBodyCrc, crc);
}
void clear_flags(char* at) {
  at[kFlags] = 0;
}
RecordType type_of(const char* at) {
  return static_cast<RecordType>(at[kType]);
}
std::uint32_t body_length_of(const char* at) {
  return load_le<std::uint32_t>(at + kBodyLength);
}

std::optional<FrameHeader> decode_header(const char* at, std::uint64_t position,
                                         std::uint32_t seed) {
  // The position first: it rejects a wrong place for the price of one comparison.
  if (load_le<std::uint64_t>(at + kPosition) != position) return std::nullopt;
  FrameHeader header;
  header.body_length = load_le<std::uint32_t>(at + kBodyLength);
  if (header.body_length > kMaximumBodyBytes) return std::nullopt;
  if (load_le<std::uint32_t>(at + kHeaderCrc) != header_crc(at, seed)) return std::nullopt;
  header.body_crc = load_le<std::uint32_t>(at + kBodyCrc);
  header.type = static_cast<RecordType>(at[kType]);
  header.flags = static_cast<std::uint8_t>(at[kFlags]);
  header.position = position;
  header.time_and_node = load_le<std::uint64_t>(at + kTime);
  return header;
}

void encode_batch_body(char* at, const BatchBody& body) {
  store_le(at, body.proven_end);
  store_le(at + 8, body.bytes);
  store_le(at + 12, body.records);
}

std::optional<BatchBody> decode_batch_body(std::string_view body) {
  if (body.size() < kBatchBodyBytes) return std::nullopt;
  return BatchBody{load_le<std::uint64_t>(body, 0), load_le<std::uint32_t>(body, 8),
                   load_le<std::uint32_t>(body, 12)};
}

std::size_t message_body_bytes(const NewMessage& message, std::size_t queues) {
  return kMessageFixedBytes + queues * sizeof(std::uint64_t) + message.topic.size() +
         message.client_id.size() + message.host.size() + message.username.size() +
         message.properties.size() + message.payload.size();
}

void encode_message_body(char* at, const NewMessage& message, std::span<const QueueId> queues,
                         std::size_t persistent_queues, model::Message& placed) {
  const auto bits = static_cast<std::uint8_t>(
      (message.qos & kQosMask) | (message.retain ? kRetain : 0) | (message.dup ? kDup : 0) |
      (message.has_username ? kHasUsername : 0));
  at[0] = static_cast<char>(bits);
  at[1] = 0;
  store_le(at + 2, message.packet_id);
  store_le(at + 4, static_cast<std::uint16_t>(message.topic.size()));
  store_le(at + 6, static_cast<std::uint16_t>(message.client_id.size()));
  store_le(at + 8, static_cast<std::uint16_t>(message.host.size()));
  store_le(at + 10, static_cast<std::uint16_t>(message.username.size()));
  store_le(at + 12, static_cast<std::uint32_t>(message.properties.size()));
  store_le(at + 16, static_cast<std::uint32_t>(persistent_queues));
  store_le(at + 20, std::uint32_t{0});
  at += kMessageFixedBytes;
  for (const QueueId queue : queues) {
    if (is_volatile(queue)) continue;
    store_le(at, queue.get());
    at += sizeof(std::uint64_t);
  }
  place(at, message.topic, placed.topic);
  place(at, message.client_id, placed.client_id);
  place(at, message.host, placed.host);
  place(at, message.username, placed.username);
  place(at, message.properties, placed.properties);
  place(at, message.payload, placed.payload);
  placed.packet_id = message.packet_id;
  placed.qos = message.qos;
  placed.retain = message.retain;
  placed.dup = message.dup;
  placed.has_username = message.has_username;
}

bool decode_message(const FrameHeader& header, std::string_view body, model::Message& message,
                    std::vector<QueueId>* queues) {
  if (header.type != RecordType::Message || body.size() < kMessageFixedBytes) return false;
  const char* at = body.data();
  const auto bits = static_cast<std::uint8_t>(at[0]);
  const std::size_t topic = load_le<std::uint16_t>(at + 4);
  const std::size_t client_id = load_le<std::uint16_t>(at + 6);
  const std::size_t host = load_le<std::uint16_t>(at + 8);
  const std::size_t username = load_le<std::uint16_t>(at + 10);
  const std::size_t properties = load_le<std::uint32_t>(at + 12);
  const std::size_t queue_count = load_le<std::uint32_t>(at + 16);
  const std::size_t fixed = kMessageFixedBytes + queue_count * sizeof(std::uint64_t) + topic +
                            client_id + host + username + properties;
  if (fixed > body.size() || (bits & ~kKnownBits) != 0) return false;
  message.id = {header.time_and_node, header.position};
  message.timestamp_ms = milliseconds_of(header.time_and_node);
  message.packet_id = load_le<std::uint16_t>(at + 2);
  message.qos = bits & kQosMask;
  message.retain = (bits & kRetain) != 0;
  message.dup = (bits & kDup) != 0;
  message.has_username = (bits & kHasUsername) != 0;
  body.remove_prefix(kMessageFixedBytes);
  std::string_view ids = take(body, queue_count * sizeof(std::uint64_t));
  for (; queues != nullptr && !ids.empty(); ids.remove_prefix(sizeof(std::uint64_t))) {
    queues->emplace_back(load_le<std::uint64_t>(ids, 0));
  }
  message.topic = take(body, topic);
  message.client_id = take(body, client_id);
  message.host = take(body, host);
  message.username = take(body, username);
  message.properties = take(body, properties);
  message.payload = body;
  return true;
}

std::size_t state_body_bytes(std::string_view key, std::string_view value) {
  return kStateFixedBytes + key.size() + value.size();
}

void encode_state_body(char* at, const StateBody& body) {
  store_le(at, std::uint32_t{static_cast<std::uint8_t>(body.kind)});
  store_le(at + 4, static_cast<std::uint32_t>(body.key.size()));
  at += kStateFixedBytes;
  if (!body.key.empty()) std::memcpy(at, body.key.data(), body.key.size());
  at += body.key.size();
  if (!body.value.empty()) std::memcpy(at, body.value.data(), body.value.size());
}

std::optional<StateBody> decode_state_body(std::string_view body) {
  if (body.size() < kStateFixedBytes) return std::nullopt;
  const auto kind = load_le<std::uint32_t>(body, 0);
  const auto key = load_le<std::uint32_t>(body, 4);
  body.remove_prefix(kStateFixedBytes);
  if (kind == 0 || kind > UINT8_MAX || key > body.size()) return std::nullopt;
  return StateBody{static_cast<StateKind>(kind), body.substr(0, key), body.substr(key)};
}

}  // namespace sluice::store::embedded
