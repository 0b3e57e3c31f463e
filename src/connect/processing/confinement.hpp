#pragma once
#include <cstddef>

#include "base/result.hpp"

namespace sluice::connect::processing {

// From here on this process can compute and talk over the descriptors that it has, and nothing
// else: no file, no socket, no process, a bound on memory, a running Stopwatch. It cannot be taken
// back. Belt and braces: the limits hold where the kernel has no seccomp, and the seccomp filter
// where a limit has a gap. Holds for all threads.
[[nodiscard]] Result<void> confine_process(std::size_t memory);

// Ends this process (kTookTooLong) when one message takes more than its share of processor time.
//
// Threads: one.
class Stopwatch {
 public:
  [[nodiscard]] static Result<void> start();
  static void begin(std::size_t payload_bytes);
  static void end();
};

}  // namespace sluice::connect::processing
