#include "store/embedded/retention.hpp"

#include <algorithm>

namespace sluice::store::embedded {
namespace {

// How many of the expired files may go when everything from `need` on is held, as far as `bound`
// bytes reach; `held` is what is kept.
std::size_t held_from(std::span<const SealedSegment> expired, std::optional<std::uint64_t> need,
                      std::uint64_t bound, std::uint64_t& held) {
  held = 0;
  std::size_t first = expired.size();
  while (need && first > 0 && expired[first - 1].end > *need) {
    if (held + expired[first - 1].bytes() > bound) break;
    --first;
    held += expired[first].bytes();
  }
  return first;
}

}  // namespace

Expiry find_expired(std::span<const SealedSegment> sealed, std::uint64_t log_bytes,
                    const Retention& limits, std::int64_t now_ms) {
  Expiry expiry;
  for (const SealedSegment& segment : sealed) {
    const bool is_old = limits.time && segment.newest_ms < now_ms - limits.time->count();
    const bool is_too_much = limits.bytes && log_bytes > *limits.bytes;
    if (!is_old && !is_too_much) break;
    log_bytes -= segment.bytes();
    ++expiry.expired;
  }
  expiry.go = expiry.expired;
  return expiry;
}

void hold_back(Expiry& expiry, std::span<const SealedSegment> sealed, const Retention& limits,
               const Needs& needs) {
  const auto expired = sealed.first(expiry.expired);
  expiry.go =
      std::min(held_from(expired, needs.sessions, limits.hold_sessions, expiry.held_for_sessions),
               held_from(expired, needs.tasks, limits.hold_tasks, expiry.held_for_tasks));
  for (const auto& task : needs.bounded_tasks) {
    std::uint64_t held = 0;
    const auto bound = std::min(limits.hold_tasks, task.at_most);
    expiry.go = std::min(expiry.go, held_from(expired, task.from, bound, held));
    expiry.held_for_tasks = std::max(expiry.held_for_tasks, held);
  }
}

}  // namespace sluice::store::embedded
