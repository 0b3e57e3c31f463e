#include "store/embedded/topic_index.hpp"

#include <algorithm>

namespace sluice::store::embedded {

void TopicIndex::add(const LogBatch& batch) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t begin = batch.begin_position();
  const std::uint64_t end = batch.end_position();
  open_block(*batch.segment(), begin, end - begin, batch.time_ms()).end = end;
  open_topics_.add(batch.topic_items());
}

void TopicIndex::add(const SegmentPlan& segment, const FrameHeader& header,
                     std::string_view topic) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t bytes = header.frame_bytes();
  open_block(segment, header.position, bytes, milliseconds_of(header.time_and_node)).end =
      header.position + bytes;
  if (header.type != RecordType::Message) return;
  TopicItems items;
  items.add(topic);
  open_topics_.add(items.items());
}

// The block in which so many bytes are to stand.
TopicBlock& TopicIndex::open_block(const SegmentPlan& segment, std::uint64_t begin,
                                   std::uint64_t bytes, std::int64_t time_ms) {
  const bool fits =
      open_ && open_base_ == segment.base && begin - open_->begin + bytes <= block_bytes_;
  if (!fits) {
    close_locked();
    open_ = TopicBlock{begin, begin, time_ms};
    open_base_ = segment.base;
    open_topics_.begin(begin);
  }
  return *open_;
}

void TopicIndex::close_block() {
  const std::scoped_lock lock(mutex_);
  close_locked();
}

void TopicIndex::close_locked() {
  if (!open_) return;
  blocks_.push_back(*open_);
  closed_.push_back({*open_, std::make_shared<const std::string>(open_topics_.folded())});
  open_.reset();
}

void TopicIndex::load(const TopicBlock& block) {
  const std::scoped_lock lock(mutex_);
  blocks_.push_back(block);
}

void TopicIndex::write(View::Changes& changes, std::uint64_t position) const {
  const std::scoped_lock lock(mutex_);
  if (trimmed_ > 0) changes.erase_topics_before(trimmed_);
  for (const Closed& closed : closed_) {
    if (closed.block.end <= position) changes.put_topics(closed.block, *closed.topics);
  }
}

void TopicIndex::persisted(std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  while (!closed_.empty() && closed_.front().block.end <= position) closed_.pop_front();
  trimmed_ = 0;
}

void TopicIndex::trim(std::uint64_t begin) {
  const std::scoped_lock lock(mutex_);
  if (blocks_.empty() || blocks_.front().begin >= begin) return;
  trimmed_ = begin;
  while (!blocks_.empty() && blocks_.front().begin < begin) blocks_.pop_front();
  while (!closed_.empty() && closed_.front().block.begin < begin) closed_.pop_front();
}

TopicIndex::Candidate TopicIndex::candidate(const TopicBlock& block) const {
  if (closed_.empty() || block.begin < closed_.front().block.begin) return {block, nullptr, false};
  const auto found = std::ranges::lower_bound(
      closed_, block.begin, {}, [](const Closed& closed) { return closed.block.begin; });
  return {block, found->topics, false};
}

std::vector<TopicIndex::Candidate> TopicIndex::blocks(const Range& range, bool descending,
                                                      std::size_t maximum) const {
  const std::scoped_lock lock(mutex_);
  const auto by_time = [](const TopicBlock& block) { return block.first_ms; };
  // Messages of a time may still stand in the block before the first one that begins with it.
  auto first = std::ranges::upper_bound(blocks_, range.begin, {}, &TopicBlock::end);
  if (range.from_ms) {
    auto late = std::ranges::lower_bound(blocks_, *range.from_ms, {}, by_time);
    if (late != blocks_.begin()) --late;
    first = std::max(first, late);
  }
  auto last = std::ranges::lower_bound(blocks_, range.end, {}, &TopicBlock::begin);
  if (range.before_ms) {
    last = std::min(last, std::ranges::lower_bound(blocks_, *range.before_ms, {}, by_time));
  }
  std::vector<Candidate> found;
  const bool with_open = open_ && open_->end > range.begin && open_->begin < range.end &&
                         (!range.before_ms || open_->first_ms < *range.before_ms);
  if (with_open && descending) found.push_back({*open_, nullptr, true});
  for (; first < last && found.size() < maximum;) {
    found.push_back(candidate(descending ? *--last : *first++));
  }
  if (with_open && !descending && found.size() < maximum && first >= last) {
    found.push_back({*open_, nullptr, true});
  }
  return found;
}

std::size_t TopicIndex::size() const {
  const std::scoped_lock lock(mutex_);
  return blocks_.size() + (open_ ? 1 : 0);
}

}  // namespace sluice::store::embedded
