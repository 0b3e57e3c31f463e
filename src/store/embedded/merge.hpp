// Ascending positions from several queues as one ascending list, each position once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "store/embedded/queue_index.hpp"

namespace sluice::store::embedded {

// Bit i of a mask; all queues beyond the 63rd share the last bit.
[[nodiscard]] inline std::uint64_t mask_of(std::size_t queue) {
  return std::uint64_t{1} << std::min<std::size_t>(queue, 63);
}

template <class Iterator>
class Merger {
 public:
  void add(Iterator begin, Iterator end, std::size_t queue) {
    if (begin != end) sources_.push_back({begin, end, mask_of(queue)});
  }

  // True: there was more than `maximum`.
  bool run(std::size_t maximum, std::vector<IndexEntry>& into) {
    if (sources_.size() == 1) return run_single(maximum, into);
    std::make_heap(sources_.begin(), sources_.end(), later);
    while (!sources_.empty()) {
      std::pop_heap(sources_.begin(), sources_.end(), later);
      Source& source = sources_.back();
      const std::uint64_t position = *source.at;
      if (!into.empty() && into.back().position == position) {
        into.back().mask |= source.mask;
      } else {
        if (into.size() == maximum) return true;
        into.push_back({position, source.mask});
      }
      if (++source.at == source.end) {
        sources_.pop_back();
      } else {
        std::push_heap(sources_.begin(), sources_.end(), later);
      }
    }
    return false;
  }

 private:
  struct Source {
    Iterator at;
    Iterator end;
    std::uint64_t mask;
  };

  static bool later(const Source& a, const Source& b) { return *a.at > *b.at; }

  bool run_single(std::size_t maximum, std::vector<IndexEntry>& into) {
    const Source& source = sources_.front();
    const auto count =
        std::min<std::size_t>(maximum, static_cast<std::size_t>(source.end - source.at));
    into.reserve(count);
    Iterator at = source.at;
    for (std::size_t i = 0; i < count; ++i, ++at) into.push_back({*at, source.mask});
    return at != source.end;
  }

  std::vector<Source> sources_;
};

}  // namespace sluice::store::embedded
