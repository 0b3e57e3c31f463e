#pragma once
#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace sluice::connect::processing {

// Whether a process that should be at work has come to a standstill: it sleeps, and takes no
// processor time. One that only waits for a processor is ready to run and does not sleep; one that
// was stopped from outside, or that waits for the disk, does not either.
//
// For a child that waits for itself: the allocator can lock itself out when memory ends.
//
// Threads: one.
class Standstill {
 public:
  // To be asked now and then. True: it slept now and the time before, and did nothing in between.
  [[nodiscard]] bool is_seen_again(pid_t process);
  void forget() { asleep_at_.reset(); }

 private:
  std::optional<std::uint64_t> asleep_at_;  // its processor time when it was seen asleep
};

}  // namespace sluice::connect::processing
