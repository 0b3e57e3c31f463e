#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/embedded/batch.hpp"
#include "store/embedded/topic_summary.hpp"
#include "store/embedded/view.hpp"

namespace sluice::store::embedded {

// A stretch of one segment of which it is known together when it was written and which topics it
// may hold.
struct TopicBlock {
  std::uint64_t begin = 0;    // a record begins here
  std::uint64_t end = 0;      // behind its last record
  std::int64_t first_ms = 0;  // when its first record was stored; times never fall
};

// Where in the log messages of a time and a topic may stand: the log cut in blocks of about 1 MiB,
// for each the time of its first record and a small filter of its topics.
// docs/adr/0017-finding-messages.md
//
// Owns:    the list of all blocks (24 bytes each) and the filters of those that are not in the view
//          yet: what was written since the last checkpoint.
// Threads: add() and close_block() in log order (under the store's order, or while it is opened);
//          the rest from any thread.
class TopicIndex {
 public:
  explicit TopicIndex(std::uint64_t block_bytes) : block_bytes_(block_bytes) {}

  void add(const LogBatch& batch);
  // One record of a replay.
  void add(const SegmentPlan& segment, const FrameHeader& header, std::string_view topic);
  // What comes next begins a new block: a checkpoint ends with whole ones.
  void close_block();

  // From the view, ascending. What begins before the log does is left to trim().
  void load(const TopicBlock& block);
  // Closed blocks that end at or before `position` go into the view, with those before `begin` out
  // of it; then, once they are on disk, out of memory. No trim() in between.
  void write(View::Changes& changes, std::uint64_t position) const;
  void persisted(std::uint64_t position);
  // The log begins here.
  void trim(std::uint64_t begin);

  struct Candidate {
    TopicBlock block;
    std::shared_ptr<const std::string> topics;  // none: in the view
    bool is_open = false;                       // still written: it may hold anything
  };
  struct Range {
    std::uint64_t begin = 0;  // blocks of which a part lies in [begin, end)
    std::uint64_t end = UINT64_MAX;
    std::optional<std::int64_t> from_ms = {};    // that may hold messages of then or later
    std::optional<std::int64_t> before_ms = {};  // that may hold messages of before
  };
  // At most `maximum`, ascending; or the last of them, descending.
  [[nodiscard]] std::vector<Candidate> blocks(const Range& range, bool descending,
                                              std::size_t maximum) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Closed {
    TopicBlock block;
    std::shared_ptr<const std::string> topics;
  };
  TopicBlock& open_block(const SegmentPlan& segment, std::uint64_t begin, std::uint64_t bytes,
                         std::int64_t time_ms);
  void close_locked();
  [[nodiscard]] Candidate candidate(const TopicBlock& block) const;

  const std::uint64_t block_bytes_;
  mutable std::mutex mutex_;
  std::deque<TopicBlock> blocks_;  // all that are closed, ascending
  std::deque<Closed> closed_;      // the last of them, which the view does not hold
  std::optional<TopicBlock> open_;
  std::uint64_t open_base_ = 0;  // of the segment it lies in
  TopicFilter open_topics_;
  std::uint64_t trimmed_ = 0;  // what begins before is to leave the view
};

}  // namespace sluice::store::embedded
