#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/metrics.hpp"

namespace sluice::broker {

// How much of one kind all clients together make the server keep in memory. What bounds each client
// does not bound that: there may be very many of them.
//
// Threads: any. Several that ask at the same time may go past the bound by what they asked for.
class MemoryBound : public std::enable_shared_from_this<MemoryBound> {
 public:
  // False, and counted: so many bytes more would be more than `most`.
  [[nodiscard]] bool has_room_for(std::uint64_t bytes, std::uint64_t most) {
    if (bytes_.load(std::memory_order_relaxed) + bytes <= most) return true;
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void add(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void take_away(std::uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  // Adds them until the last copy of what is returned is gone.
  [[nodiscard]] std::shared_ptr<const void> hold(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> refused_{0};
};
using MemoryBoundPtr = std::shared_ptr<MemoryBound>;

// Of each kind; the bounds themselves stand in Limits. Shared, as what was kept may outlive the
// broker, and metrics are asked for last.
struct MemoryBounds {
  // `retained`: what Retained counts.
  MemoryBounds(metrics::Registry& registry, MemoryBoundPtr retained);

  const MemoryBoundPtr strangers = std::make_shared<MemoryBound>();
  const MemoryBoundPtr packets = std::make_shared<MemoryBound>();
  const MemoryBoundPtr aliases = std::make_shared<MemoryBound>();
  const MemoryBoundPtr sessions = std::make_shared<MemoryBound>();
  const MemoryBoundPtr wills = std::make_shared<MemoryBound>();
};

}  // namespace sluice::broker
