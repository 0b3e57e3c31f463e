// Which files of the log may go: the rule alone, without a disk.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "store/embedded/engine.hpp"

namespace sluice::store::embedded {

// A file that is not written any more.
struct SealedSegment {
  std::uint64_t base = 0;
  std::uint64_t end = 0;       // of its records
  std::int64_t newest_ms = 0;  // nothing in it is newer

  [[nodiscard]] std::uint64_t bytes() const { return end - base; }
};

// What has to stay: everything from there on.
struct Needs {
  struct Bounded {
    std::uint64_t from = 0;
    std::uint64_t at_most = 0;  // bytes
  };
  std::optional<std::uint64_t> sessions;
  std::optional<std::uint64_t> tasks;
  std::vector<Bounded> bounded_tasks = {};  // with a bound of their own
};

struct Expiry {
  std::size_t expired = 0;  // so many of the oldest are too old or too much
  std::size_t go = 0;       // so many of those may go: not those that are held
  std::uint64_t held_for_sessions = 0;
  std::uint64_t held_for_tasks = 0;
};

// `log_bytes` is the size of all of the log, `sealed` its files but the one that is written,
// ascending; `limits.bytes` is the bound as it applies on this disk.
[[nodiscard]] Expiry find_expired(std::span<const SealedSegment> sealed, std::uint64_t log_bytes,
                                  const Retention& limits, std::int64_t now_ms);
// Takes from what expired the newest files that somebody needs, up to the bound for each kind.
void hold_back(Expiry& expiry, std::span<const SealedSegment> sealed, const Retention& limits,
               const Needs& needs);

}  // namespace sluice::store::embedded
