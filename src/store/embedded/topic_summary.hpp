// Which topics a block of the log may hold, in a few hundred bytes. Pure: no I/O, no threads.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store::embedded {

// 30 bits of a hash of what a topic is found by: its first level, its first two, and so on up to
// the whole of it (at most kTopicPrefixes), and its last level with the number of levels. The
// hashes stand on disk: never change them.
using TopicItem = std::uint32_t;
inline constexpr std::size_t kTopicPrefixes = 8;

// Collects the items of topics, one after the other; what a topic has in common with the one before
// is left out.
class TopicItems {
 public:
  void add(std::string_view topic);
  void reserve(std::size_t topics) { items_.reserve(2 * topics + kTopicPrefixes); }
  [[nodiscard]] std::span<const TopicItem> items() const { return items_; }
  [[nodiscard]] std::size_t memory_bytes() const { return items_.capacity() * sizeof(TopicItem); }

 private:
  std::vector<TopicItem> items_;
  std::array<TopicItem, kTopicPrefixes + 1> last_items_{};  // by level; at the end: the last level
  std::size_t last_count_ = 0;
};

// The items of many topics as a Bloom filter with two bits for each.
class TopicFilter {
 public:
  static constexpr std::size_t kMaximumBytes = 4096;
  static constexpr std::size_t kMinimumBytes = 32;

  void add(std::span<const TopicItem> items) {
    for (const TopicItem item : items) {
      set(item);
      set(item >> 15);
    }
  }
  void clear() { words_.fill(0); }
  // As small as it can be without becoming too dense: half of it laid over the other half.
  [[nodiscard]] std::string folded() const;

 private:
  static constexpr std::uint32_t kBits = kMaximumBytes * 8;
  void set(std::uint32_t bit) { words_[bit % kBits / 64] |= std::uint64_t{1} << (bit % 64); }
  std::array<std::uint64_t, kMaximumBytes / 8> words_{};
};

// What topic filters ask of a block.
class TopicQuestion {
 public:
  explicit TopicQuestion(std::span<const std::string> filters);
  explicit TopicQuestion(std::string_view filter) { add(filter); }  // empty: everything

  // No: no topic that one of the filters matches is in it. `folded` as TopicFilter made it; empty:
  // of a block without messages.
  [[nodiscard]] bool may_match(std::string_view folded) const;

 private:
  void add(std::string_view filter);
  std::vector<std::vector<TopicItem>> wanted_;  // by filter: all of them
};

}  // namespace sluice::store::embedded
