#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "store/embedded/batch.hpp"

namespace sluice::store::embedded {

// The cache: the newest batches, from which subscribers at the tail are served.
//
// It holds what somebody may read soon: as much as the reader furthest behind was behind of late,
// up to its bound. With everybody at the tail it stays small, so that the same memory, which is
// still in the processor's caches, is written again and again.
//
// Owns:    shared batches, in the order of the log, without a gap.
// Threads: all calls from any thread; add() in log order.
class RecentBatches {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Kept whether anybody reads it or not.
  static constexpr std::uint64_t kLeastBytes = 8 << 20;
  // How long a reader is taken to come back for more: from once to twice as long.
  static constexpr std::chrono::seconds kReaderRests{5};

  explicit RecentBatches(std::uint64_t maximum_bytes) : maximum_bytes_(maximum_bytes) {}

  void add(std::shared_ptr<const LogBatch> batch);
  // Somebody reads what stands so many bytes before the end of the log.
  void note_reader(std::uint64_t behind);
  // Drops the oldest that nobody needs, and until the bound is kept; only such as are durable:
  // others are nowhere else.
  void shrink(std::uint64_t durable);

  // Every message from here on is in the cache; UINT64_MAX when there is none.
  [[nodiscard]] std::uint64_t begin() const { return begin_.load(std::memory_order_acquire); }
  // The batches that overlap [first, last], ascending.
  void collect(std::uint64_t first, std::uint64_t last,
               std::vector<std::shared_ptr<const LogBatch>>& into) const;

 private:
  [[nodiscard]] std::uint64_t needed_bytes(Time now);

  const std::uint64_t maximum_bytes_;
  std::atomic<std::uint64_t> begin_{UINT64_MAX};
  std::atomic<std::uint64_t> behind_{0};  // the most since counted_since_
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const LogBatch>> batches_;
  std::uint64_t bytes_ = 0;
  std::uint64_t behind_before_ = 0;  // the most in the time before that
  Time counted_since_{};
};

}  // namespace sluice::store::embedded
