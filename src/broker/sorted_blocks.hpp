#pragma once
#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"

namespace sluice::broker {

// Very many things in the order of their names, which stand in the things: for lists of them, a
// page at a time, from anywhere. Pointers in blocks, about a dozen bytes for each thing; one comes
// and goes in a look at a few names and a move within its block.
//
// Owns:    the order, not the things, which outlive their place in it. Their names stay as they
// are. Threads: one at a time.
template <class Thing, std::string_view (*kNameOf)(const Thing&)>
class SortedBlocks {
 public:
  static constexpr std::size_t kMost = 512;  // in a block

  // Contract: none of this name is in it.
  void insert(Thing& thing) {
    const auto name = kNameOf(thing);
    if (blocks_.empty()) blocks_.emplace_back();
    const auto at = block_of(name);
    auto& block = blocks_[at];
    block.insert(place_in(block, name), &thing);
    if (block.size() > kMost) split(at);
  }

  void erase(std::string_view name) {
    if (blocks_.empty()) return;
    const auto at = block_of(name);
    auto& block = blocks_[at];
    const auto place = place_in(block, name);
    if (place == block.end() || kNameOf(**place) != name) return;
    block.erase(place);
    if (block.empty())
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
    else if (at > 0 && block.size() + blocks_[at - 1].size() <= kMost / 2)
      join(at);
  }

  // Ascending, from this name on, until `visit` says no. It changes nothing here.
  void each_from(std::string_view name, FunctionRef<bool(Thing&)> visit) const {
    if (blocks_.empty()) return;
    auto at = block_of(name);
    auto place = place_in(blocks_[at], name);
    for (;; ++at, place = blocks_[at].begin()) {
      for (; place != blocks_[at].end(); ++place)
        if (!visit(**place)) return;
      if (at + 1 == blocks_.size()) return;
    }
  }

 private:
  using Block = std::vector<Thing*>;  // ascending; none is empty but the only one

  // Where a thing of this name stands or would stand: the last block that does not begin behind it.
  [[nodiscard]] std::size_t block_of(std::string_view name) const {
    const auto behind =
        std::partition_point(blocks_.begin() + 1, blocks_.end(),
                             [&](const Block& block) { return kNameOf(*block.front()) <= name; });
    return static_cast<std::size_t>(behind - blocks_.begin()) - 1;
  }
  static auto place_in(auto& block, std::string_view name) {
    return std::partition_point(block.begin(), block.end(),
                                [&](const Thing* thing) { return kNameOf(*thing) < name; });
  }
  void split(std::size_t at) {
    Block upper;
    upper.reserve(kMost + 1);
    auto& block = blocks_[at];
    const auto middle = block.begin() + kMost / 2;
    upper.assign(middle, block.end());
    block.erase(middle, block.end());
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(upper));
  }
  void join(std::size_t at) {
    auto& before = blocks_[at - 1];
    before.insert(before.end(), blocks_[at].begin(), blocks_[at].end());
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::vector<Block> blocks_;
};

}  // namespace sluice::broker
