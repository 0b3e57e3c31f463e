#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "model/message.hpp"
#include "store/embedded/queue_index.hpp"
#include "store/embedded/segment_files.hpp"

namespace sluice::store::embedded {

// Messages from the files, for who reads behind the cache: several at a time where they lie close
// together, every byte checked.
//
// Owns:    what it read ahead; a message keeps the piece of the log alive in which it stands.
// Threads: one; made for one read.
class LogReader {
 public:
  explicit LogReader(SegmentFiles& segments) : segments_(segments) {}

  // The message of wanted[0]; the rest says what will be asked for next.
  // Errors: NotFound (the log does not hold it any more), Corrupt.
  [[nodiscard]] Result<MessagePtr> message(std::span<const IndexEntry> wanted);

 private:
  [[nodiscard]] Result<void> load(std::span<const IndexEntry> wanted);

  SegmentFiles& segments_;
  struct Ready {
    std::uint64_t position;
    MessagePtr message;
  };
  std::deque<Ready> ready_;
};

// The message at a place that a caller names. NotFound: no message begins there.
[[nodiscard]] Result<MessagePtr> read_message(SegmentFiles& segments, std::uint64_t position);

}  // namespace sluice::store::embedded
