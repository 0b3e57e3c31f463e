#include "store/embedded/topic_summary.hpp"

#include <algorithm>
#include <bit>

#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15ULL;
constexpr std::uint64_t kMultiplier = 0xd6e8feb86659fd93ULL;
constexpr std::uint64_t kEveryByte = 0x0101010101010101ULL;
constexpr std::uint32_t kItemMask = (1U << 30) - 1;
// A filter whose items set one bit in so many is right mostly enough: an item that is not in it is
// taken for one that is in one of 256 cases, a whole topic far more seldom.
constexpr std::size_t kSparse = 4;

std::uint64_t mixed(std::uint64_t value) {
  const auto product = static_cast<unsigned __int128>(value) * kMultiplier;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// How many of the word's bytes stand before its first '/'; 8: it has none.
std::size_t before_slash(std::uint64_t word) {
  const std::uint64_t marked = word ^ kEveryByte * '/';
  const std::uint64_t zero = (marked - kEveryByte) & ~marked & (kEveryByte << 7);
  return zero == 0 ? 8 : static_cast<std::size_t>(std::countr_zero(zero)) / 8;
}

// Takes a topic apart: the hash of each level by itself, and of all levels up to it.
class LevelHashes {
 public:
  explicit LevelHashes(std::string_view topic) : rest_(topic), size_(topic.size()) {}

  bool next() {
    if (at_end_) return false;
    std::uint64_t hash = kSeed;
    while (true) {
      const std::uint64_t word = next_word();
      const std::size_t count = std::min(before_slash(word), rest_.size());
      if (count == 8) {
        hash = mixed(hash ^ word);
        rest_.remove_prefix(8);
        continue;
      }
      const std::uint64_t kept = count == 0 ? 0 : word & (~std::uint64_t{0} >> (64 - 8 * count));
      hash = mixed((hash ^ kept) + count + 1);
      at_end_ = count == rest_.size();
      rest_.remove_prefix(at_end_ ? count : count + 1);
      break;
    }
    ++depth_;
    level_ = hash;
    all_ = mixed(all_ ^ hash);
    return true;
  }

  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] TopicItem prefix() const { return static_cast<TopicItem>(all_ >> 32) & kItemMask; }
  // Of the level that was taken last, should the topic end with it.
  [[nodiscard]] TopicItem last() const {
    return static_cast<TopicItem>(mixed(level_ + depth_) >> 32) & kItemMask;
  }

 private:
  // The first up to eight bytes of what is left, zeros behind its end.
  [[nodiscard]] std::uint64_t next_word() const {
    const std::size_t left = rest_.size();
    if (left >= 8) return load_le<std::uint64_t>(rest_.data());
    if (left == 0) return 0;
    if (size_ >= 8) return load_le<std::uint64_t>(rest_.data() + left - 8) >> (8 * (8 - left));
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < left; ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    return word;
  }

  std::string_view rest_;
  const std::size_t size_;  // of the whole
  bool at_end_ = false;
  std::size_t depth_ = 0;
  std::uint64_t level_ = 0;
  std::uint64_t all_ = kMultiplier;
};

bool has(std::string_view folded, std::uint64_t bits) {
  for (int i = 0; i < 4; ++i, bits >>= 16) {
    const std::size_t bit = (bits & 0xffff) % (folded.size() * 8);
    if ((static_cast<unsigned char>(folded[bit / 8]) >> (bit % 8) & 1) == 0) return false;
  }
  return true;
}

std::size_t bits_in(std::span<const std::uint64_t> words) {
  std::size_t bits = 0;
  for (const std::uint64_t word : words) bits += static_cast<std::size_t>(std::popcount(word));
  return bits;
}

}  // namespace

void TopicItems::add(std::string_view topic) {
  LevelHashes levels(topic);
  while (levels.next()) {
    const std::size_t at = levels.depth() - 1;
    if (at >= kTopicPrefixes) continue;
    const TopicItem item = levels.prefix();
    if (at < last_count_ && last_items_[at] == item) continue;
    items_.push_back(item);
    last_items_[at] = item;
  }
  if (const TopicItem item = levels.last();
      last_count_ == 0 || last_items_[kTopicPrefixes] != item) {
    items_.push_back(item);
    last_items_[kTopicPrefixes] = item;
  }
  last_count_ = std::min(levels.depth(), kTopicPrefixes);
}

std::string TopicFilter::folded() const {
  auto words = words_;
  std::size_t count = words.size();
  if (bits_in(words) == 0) return {};
  while (count * 8 > kMinimumBytes) {
    auto half = words;
    for (std::size_t i = 0; i < count / 2; ++i) half[i] |= half[i + count / 2];
    if (bits_in(std::span(half).first(count / 2)) * kSparse > count / 2 * 64) break;
    count /= 2;
    words = half;
  }
  std::string bytes(count * 8, '\0');
  for (std::size_t i = 0; i < count; ++i) store_le(bytes.data() + 8 * i, words[i]);
  return bytes;
}

TopicQuestion::TopicQuestion(std::span<const std::string> filters) {
  for (const std::string& filter : filters) add(filter);
}

void TopicQuestion::add(std::string_view filter) {
  auto& items = wanted_.emplace_back();
  LevelHashes hashes(filter);
  bool is_literal = true;  // all levels so far
  bool is_last_literal = false;
  std::string_view rest = filter;
  while (hashes.next()) {
    const std::size_t slash = rest.find('/');
    const std::string_view level = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    is_last_literal = level != "+" && level != "#";
    is_literal = is_literal && is_last_literal;
    if (is_literal && hashes.depth() <= kTopicPrefixes) items.push_back(hashes.prefix());
  }
  if (is_last_literal && !filter.empty()) items.push_back(hashes.last());
  if (filter.empty()) items.clear();
}

bool TopicQuestion::may_match(std::string_view folded, std::uint64_t block) const {
  if (folded.empty()) return false;
  return std::ranges::any_of(wanted_, [&](const std::vector<TopicItem>& items) {
    return std::ranges::all_of(
        items, [&](TopicItem item) { return has(folded, topic_bits(block, item)); });
  });
}

}  // namespace sluice::store::embedded
