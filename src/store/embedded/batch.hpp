#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "store/embedded/record.hpp"
#include "store/embedded/segment.hpp"
#include "store/embedded/topic_summary.hpp"
#include "store/store.hpp"

namespace sluice::store::embedded {

// Records encoded once, in the form in which they are written, with the messages as views into
// them.
//
// Owns:    one buffer that holds the batch frame and all records. It is what is written to the file
//          and what subscribers read: a payload is copied once, on the way in.
// Threads: built by one thread; place() while the order is held; immutable and shared afterwards.
class LogBatch final : public Batch {
 public:
  // What batches of late needed, so that the buffer seldom grows and seldom is too big.
  struct SizeHint {
    std::size_t bytes = 1024;
    std::size_t messages = 4;
  };
  explicit LogBatch(SizeHint hint);

  std::size_t add_message(const NewMessage& message, std::span<const QueueId> queues) override;
  void put(StateKind kind, std::string_view key, std::string_view value) override;
  void erase(StateKind kind, std::string_view key) override;
  void begin_atomic() override;
  void end_atomic() override;
  void let_wait() override { may_wait_ = true; }
  [[nodiscard]] std::size_t message_count() const override { return messages_.size(); }
  [[nodiscard]] std::size_t bytes() const override { return size_; }
  [[nodiscard]] bool empty() const override { return records_ == 0; }
  [[nodiscard]] const model::Message& message(std::size_t index) const override;
  [[nodiscard]] Position end() const override;

  // From here on for the engine alone.

  struct Place {
    SegmentPlanPtr segment;
    std::uint64_t begin = 0;          // position of the batch frame
    std::uint64_t proven_end = 0;     // what is synced now
    std::uint64_t time_and_node = 0;  // of all its records
    std::chrono::steady_clock::time_point when = {};
  };
  // Gives every record its position and time and seals its header. Once.
  void place(Place place);
  [[nodiscard]] bool is_placed() const { return place_.segment != nullptr; }
  // An empty batch: nothing is written, it ends where the log ends.
  void place_empty(std::uint64_t end);

  [[nodiscard]] bool may_wait() const { return may_wait_; }
  [[nodiscard]] const SegmentPlanPtr& segment() const { return place_.segment; }
  [[nodiscard]] std::uint64_t begin_position() const { return place_.begin; }
  [[nodiscard]] std::uint64_t first_record() const {
    return place_.begin + kFrameHeaderBytes + kBatchBodyBytes;
  }
  [[nodiscard]] std::uint64_t end_position() const { return end_; }
  [[nodiscard]] std::chrono::steady_clock::time_point placed_at() const { return place_.when; }
  [[nodiscard]] std::int64_t time_ms() const { return milliseconds_of(place_.time_and_node); }
  [[nodiscard]] std::string_view encoded() const { return {buffer_.get(), size_}; }
  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] std::size_t state_count() const { return states_; }

  [[nodiscard]] const std::vector<model::Message>& messages() const { return messages_; }
  [[nodiscard]] std::span<const QueueId> queues_of(std::size_t index) const;
  [[nodiscard]] std::span<const TopicItem> topic_items() const { return topics_.items(); }
  // Calls visit(type, position, StateBody) for each change of state, in order.
  template <class Visit>
  void for_each_state(Visit&& visit) const;

 private:
  // Makes room for a frame, writes its header without checksum; returns where its body goes.
  char* begin_frame(RecordType type, std::size_t body_bytes);
  void end_frame(const char* body, std::size_t body_bytes);
  void grow(std::size_t needed);

  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t last_frame_ = 0;
  std::uint32_t records_ = 0;
  std::uint32_t states_ = 0;
  bool may_wait_ = false;
  bool in_atomic_ = false;
  bool atomic_has_record_ = false;
  std::vector<model::Message> messages_;
  std::vector<QueueId> queues_;           // of all messages, one behind the other
  std::vector<std::uint32_t> queue_end_;  // where each message's queues end in `queues_`
  TopicItems topics_;                     // of all messages
  Place place_;
  std::uint64_t end_ = 0;
};

template <class Visit>
void LogBatch::for_each_state(Visit&& visit) const {
  if (states_ == 0) return;
  for (std::size_t at = kFrameHeaderBytes + kBatchBodyBytes; at < size_;) {
    const auto header = decode_header(buffer_.get() + at, place_.begin + at, place_.segment->seed);
    if (header->type != RecordType::Message) {
      visit(header->type, header->position,
            *decode_state_body({buffer_.get() + at + kFrameHeaderBytes, header->body_length}));
    }
    at += header->frame_bytes();
  }
}

}  // namespace sluice::store::embedded
