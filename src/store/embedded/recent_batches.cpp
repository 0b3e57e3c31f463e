#include "store/embedded/recent_batches.hpp"

#include <algorithm>

namespace sluice::store::embedded {

void RecentBatches::add(std::shared_ptr<const LogBatch> batch) {
  const std::scoped_lock lock(mutex_);
  if (batches_.empty()) begin_.store(batch->begin_position(), std::memory_order_release);
  bytes_ += batch->memory_bytes();
  batches_.push_back(std::move(batch));
}

void RecentBatches::shrink(std::uint64_t durable) {
  std::vector<std::shared_ptr<const LogBatch>> dropped;  // freed without the lock
  const std::scoped_lock lock(mutex_);
  while (bytes_ > maximum_bytes_ && !batches_.empty() &&
         batches_.front()->end_position() <= durable) {
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
