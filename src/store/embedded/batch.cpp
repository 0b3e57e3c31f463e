#include "store/embedded/batch.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/crc32c.hpp"
#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kLongestText = 0xffff;

}  // namespace

LogBatch::LogBatch(SizeHint hint) {
  grow(std::max<std::size_t>(hint.bytes, 256));
  messages_.reserve(hint.messages);
  queue_end_.reserve(hint.messages);
  queues_.reserve(hint.messages);
  topics_.reserve(hint.messages);
  begin_frame(RecordType::Batch, kBatchBodyBytes);
}

std::size_t LogBatch::add_message(const NewMessage& message, std::span<const QueueId> queues) {
  // The protocol bounds these texts at 16 bits of length; a longer one is a mistake of ours.
  SL_CHECK(message.topic.size() <= kLongestText && message.client_id.size() <= kLongestText &&
           message.host.size() <= kLongestText && message.username.size() <= kLongestText);
  const auto persistent = static_cast<std::size_t>(std::count_if(
      queues.begin(), queues.end(), [](QueueId queue) { return !is_volatile(queue); }));
  const std::size_t bytes = message_body_bytes(message, persistent);
  char* body = begin_frame(RecordType::Message, bytes);
  encode_message_body(body, message, queues, persistent, messages_.emplace_back());
  end_frame(body, bytes);
  const std::size_t count = messages_.size();
  if (count == 1 || messages_[count - 2].topic != message.topic) topics_.add(message.topic);
  for (const QueueId queue : queues) queues_.push_back(queue);  // mostly none or one
  queue_end_.push_back(static_cast<std::uint32_t>(queues_.size()));
  return messages_.size() - 1;
}

void LogBatch::put(StateKind kind, std::string_view key, std::string_view value) {
  const std::size_t bytes = state_body_bytes(key, value);
  char* body = begin_frame(RecordType::Put, bytes);
  encode_state_body(body, {kind, key, value});
  end_frame(body, bytes);
  ++states_;
}

void LogBatch::erase(StateKind kind, std::string_view key) {
  const std::size_t bytes = state_body_bytes(key, {});
  char* body = begin_frame(RecordType::Erase, bytes);
  encode_state_body(body, {kind, key, {}});
  end_frame(body, bytes);
  ++states_;
}

void LogBatch::begin_atomic() {
  SL_CHECK(!in_atomic_);
  in_atomic_ = true;
  atomic_has_record_ = false;
}

void LogBatch::end_atomic() {
  SL_CHECK(in_atomic_);
  in_atomic_ = false;
  // The last of the group has no successor that it would need.
  if (atomic_has_record_) clear_flags(buffer_.get() + last_frame_);
}

const model::Message& LogBatch::message(std::size_t index) const {
  SL_DCHECK(is_placed() && index < messages_.size());
  return messages_[index];
}

Position LogBatch::end() const {
  return Position(end_);
}

void LogBatch::place(Place place) {
  SL_CHECK(!in_atomic_ && !is_placed());
  place_ = std::move(place);
  end_ = place_.begin + size_;
  char* const buffer = buffer_.get();
  char* const body = buffer + kFrameHeaderBytes;
  encode_batch_body(body, {place_.proven_end, static_cast<std::uint32_t>(size_), records_});
  set_body_crc(buffer, crc32c({body, kBatchBodyBytes}));

  const std::int64_t timestamp_ms = milliseconds_of(place_.time_and_node);
  auto message = messages_.begin();
  for (std::size_t at = 0; at < size_;) {
    char* const frame = buffer + at;
    const std::uint64_t position = place_.begin + at;
    seal_header(frame, position, place_.time_and_node, place_.segment->seed);
    if (type_of(frame) == RecordType::Message) {
      message->id = {place_.time_and_node, position};
      message->timestamp_ms = timestamp_ms;
      ++message;
    }
    at += kFrameHeaderBytes + body_length_of(frame);
  }
}

void LogBatch::place_empty(std::uint64_t end) {
  SL_CHECK(!in_atomic_ && empty());
  place_.begin = end;
  end_ = end;
}

std::size_t LogBatch::memory_bytes() const {
  return sizeof *this + capacity_ + messages_.capacity() * sizeof(model::Message) +
         queues_.capacity() * sizeof(QueueId) + queue_end_.capacity() * sizeof(std::uint32_t) +
         topics_.memory_bytes();
}

std::span<const QueueId> LogBatch::queues_of(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : queue_end_[index - 1];
  return std::span(queues_).subspan(begin, queue_end_[index] - begin);
}

char* LogBatch::begin_frame(RecordType type, std::size_t body_bytes) {
  SL_CHECK(!is_placed() && body_bytes <= kMaximumBodyBytes);
  const std::size_t needed = size_ + kFrameHeaderBytes + body_bytes;
  SL_CHECK(needed <= UINT32_MAX);
  if (needed > capacity_) grow(needed);
  char* const frame = buffer_.get() + size_;
  const bool record = type != RecordType::Batch;
  FrameHeader header;
  header.body_length = static_cast<std::uint32_t>(body_bytes);
  header.type = type;
  header.flags = in_atomic_ ? kContinues : 0;
  begin_header(frame, header);
  last_frame_ = size_;
  size_ = needed;
  records_ += record ? 1 : 0;
  atomic_has_record_ = true;
  return frame + kFrameHeaderBytes;
}

void LogBatch::end_frame(const char* body, std::size_t body_bytes) {
  set_body_crc(buffer_.get() + last_frame_, crc32c({body, body_bytes}));
}

void LogBatch::grow(std::size_t needed) {
  const std::size_t capacity = std::max(needed, capacity_ * 2);
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(larger.get(), buffer_.get(), size_);
  const auto move = [from = buffer_.get(), to = larger.get()](std::string_view& view) {
    view = {to + (view.data() - from), view.size()};
  };
  for (model::Message& message : messages_) {
    for (std::string_view* view : {&message.topic, &message.payload, &message.properties,
                                   &message.client_id, &message.host, &message.username}) {
      move(*view);
    }
  }
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

}  // namespace sluice::store::embedded
