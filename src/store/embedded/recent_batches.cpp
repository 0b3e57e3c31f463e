#include "store/embedded/recent_batches.hpp"

#include <algorithm>

namespace sluice::store::embedded {

void RecentBatches::add(std::shared_ptr<const LogBatch> batch) {
  const std::scoped_lock lock(mutex_);
  if (batches_.empty()) begin_.store(batch->begin_position(), std::memory_order_release);
  bytes_ += batch->memory_bytes();
  batches_.push_back(std::move(batch));
}

void RecentBatches::note_reader(std::uint64_t behind) {
  std::uint64_t most = behind_.load(std::memory_order_relaxed);
  while (behind > most && !behind_.compare_exchange_weak(most, behind, std::memory_order_relaxed)) {
  }
}

// Under the lock.
std::uint64_t RecentBatches::needed_bytes(Time now) {
  if (counted_since_ == Time{}) counted_since_ = now;
  if (now - counted_since_ >= kReaderRests) {
    behind_before_ = behind_.exchange(0, std::memory_order_relaxed);
    counted_since_ = now;
  }
  const std::uint64_t most = std::max(behind_before_, behind_.load(std::memory_order_relaxed));
  return most + most / 2;  // it may have fallen further behind since
}

void RecentBatches::shrink(std::uint64_t durable) {
  std::vector<std::shared_ptr<const LogBatch>> dropped;  // freed without the lock
  const std::scoped_lock lock(mutex_);
  if (batches_.empty()) return;
  const std::uint64_t end = batches_.back()->end_position();
  const std::uint64_t needed = needed_bytes(batches_.back()->placed_at());
  while (!batches_.empty() && batches_.front()->end_position() <= durable) {
    const bool is_needed = bytes_ <= kLeastBytes || end - batches_.front()->end_position() < needed;
    if (is_needed && bytes_ <= maximum_bytes_) break;
    bytes_ -= batches_.front()->memory_bytes();
    dropped.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  if (dropped.empty()) return;
  begin_.store(batches_.empty() ? UINT64_MAX : batches_.front()->begin_position(),
               std::memory_order_release);
}

void RecentBatches::collect(std::uint64_t first, std::uint64_t last,
                            std::vector<std::shared_ptr<const LogBatch>>& into) const {
  const std::scoped_lock lock(mutex_);
  auto batch = std::partition_point(batches_.begin(), batches_.end(), [first](const auto& each) {
    return each->end_position() <= first;
  });
  for (; batch != batches_.end() && (*batch)->begin_position() <= last; ++batch) {
    into.push_back(*batch);
  }
}

}  // namespace sluice::store::embedded
