// Which topics a block of the log may hold, in a few hundred bytes to 8 KiB. Pure: no I/O, no
// threads.
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

// The four bits of an item in the filter of the block that begins at `block`, 16 bits for each.
// They differ from block to block: what is taken for another thing in one is not in the next, and
// no question meets a log in which every block seems to hold it. They stand on disk: never change
// them.
inline std::uint64_t topic_bits(std::uint64_t block, TopicItem item) {
  constexpr auto mix = [](std::uint64_t value) {
    const auto product = static_cast<unsigned __int128>(value) * 0xd6e8feb86659fd93ULL;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  return mix(mix(block + 0x9e3779b97f4a7c15ULL) ^ item);
}

// The items of many topics of one block as a Bloom filter with four bits for each.
class TopicFilter {
 public:
  static constexpr std::size_t kMaximumBytes = 8192;
  static constexpr std::size_t kMinimumBytes = 32;

  // Empty, of the block that begins there.
  void begin(std::uint64_t block) {
    block_ = block;
    words_.fill(0);
  }
  void add(std::span<const TopicItem> items) {
    for (const TopicItem item : items) {
      std::uint64_t bits = topic_bits(block_, item);
      for (int i = 0; i < 4; ++i, bits >>= 16) set(bits & 0xffff);
    }
  }
  // As small as it can be without becoming too dense: half of it laid over the other half.
  [[nodiscard]] std::string folded() const;

 private:
  static_assert(kMaximumBytes * 8 == 1 << 16);
  void set(std::uint64_t bit) { words_[bit / 64] |= std::uint64_t{1} << (bit % 64); }
  std::uint64_t block_ = 0;
  std::array<std::uint64_t, kMaximumBytes / 8> words_{};
};

// What topic filters ask of a block.
class TopicQuestion {
 public:
  explicit TopicQuestion(std::span<const std::string> filters);
  explicit TopicQuestion(std::string_view filter) { add(filter); }  // empty: everything

  // No: no topic that one of the filters matches is in the block that begins at `block`. `folded`
  // as TopicFilter made it; empty: of a block without messages.
  [[nodiscard]] bool may_match(std::string_view folded, std::uint64_t block) const;

 private:
  void add(std::string_view filter);
  std::vector<std::vector<TopicItem>> wanted_;  // by filter: all of them
};

}  // namespace sluice::store::embedded
