#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "store/embedded/batch.hpp"

namespace sluice::store::embedded {

// The cache: the newest batches, from which subscribers at the tail are served.
//
// Owns:    shared batches, in the order of the log, without a gap.
// Threads: all calls from any thread; add() in log order.
class RecentBatches {
 public:
  explicit RecentBatches(std::uint64_t maximum_bytes) : maximum_bytes_(maximum_bytes) {}

  void add(std::shared_ptr<const LogBatch> batch);
  // Drops the oldest until the bound is kept; only such as are durable: others are nowhere else.
  void shrink(std::uint64_t durable);

  // Every message from here on is in the cache; UINT64_MAX when there is none.
  [[nodiscard]] std::uint64_t begin() const { return begin_.load(std::memory_order_acquire); }
  // The batches that overlap [first, last], ascending.
  void collect(std::uint64_t first, std::uint64_t last,
               std::vector<std::shared_ptr<const LogBatch>>& into) const;

 private:
  const std::uint64_t maximum_bytes_;
  std::atomic<std::uint64_t> begin_{UINT64_MAX};
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const LogBatch>> batches_;
  std::uint64_t bytes_ = 0;
};

}  // namespace sluice::store::embedded
