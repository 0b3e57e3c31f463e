#pragma once
#include <cstdint>
#include <vector>

#include "store/store.hpp"

namespace sluice::broker {

// What waits for a consumer, for whoever asks to count: the store may have to read for that, which
// is nothing for an event loop.
struct UncountedLag {
  struct Stretch {
    store::QueueId queue;
    store::Position after;
    store::Position until;  // Position(): no end
  };
  std::uint64_t in_memory = 0;
  std::vector<Stretch> stretches;
};

// Further it is not counted.
inline constexpr std::uint64_t kMostCountedLag = 1'000'000;

// Any thread; may read.
[[nodiscard]] std::uint64_t count(store::Store& store, const UncountedLag& lag);

}  // namespace sluice::broker
