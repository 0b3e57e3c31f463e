#include "mqtt/topic.hpp"

#include <cstdint>
#include <cstring>

#include "mqtt/utf8.hpp"

namespace sluice::mqtt {
namespace {

constexpr std::size_t kLongestText = 65'535;  // [MQTT-4.7.3-3]
constexpr std::string_view kSharePrefix = "$share/";

// Takes a topic or filter apart, level by level, from the left. `a//b` has an empty level, and so
// have `/` and even the empty text.
class Levels {
 public:
  explicit Levels(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return at_end_; }

  // Contract: not at_end().
  std::string_view next() {
    const std::size_t slash = rest_.find('/');
    const std::string_view level = rest_.substr(0, slash);
    if (slash == std::string_view::npos) {
      at_end_ = true;
      rest_ = {};
    } else {
      rest_.remove_prefix(slash + 1);
    }
    return level;
  }

  // Nothing is left but a `#`, which also stands for the level before it. [MQTT-4.7.1-2]
  [[nodiscard]] bool ends_in_hash() const { return !at_end_ && rest_ == "#"; }

 private:
  std::string_view rest_;
  bool at_end_ = false;
};

[[nodiscard]] bool starts_with_wildcard(std::string_view filter) {
  return filter.starts_with('+') || filter.starts_with('#');
}

// What a topic name must not have, and how many `/`: eight bytes at a time, every PUBLISH has one.
class TopicScan {
 public:
  explicit TopicScan(std::string_view text) {
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; at += 8, left -= 8) look_at(at, 8);
    if (left > 0) look_at(at, left);
  }
  [[nodiscard]] bool is_forbidden() const { return forbidden_ != 0; }
  [[nodiscard]] std::size_t slashes() const { return slashes_; }

 private:
  void look_at(const char* at, std::size_t count) {
    std::uint64_t word = kEveryByte;  // behind the end: nothing of interest
    std::memcpy(&word, at, count);
    forbidden_ |= zero_bytes(word) | zero_bytes(word ^ kEveryByte * '+') |
                  zero_bytes(word ^ kEveryByte * '#');
    slashes_ += (zero_bytes(word ^ kEveryByte * '/') >> 7) * kEveryByte >> 56;
  }

  std::uint64_t forbidden_ = 0;
  std::size_t slashes_ = 0;
};

// The size that every topic and filter has, and no NUL. [MQTT-4.7.3-1] [MQTT-4.7.3-2]
[[nodiscard]] bool is_valid_text(std::string_view text) {
  return !text.empty() && text.size() <= kLongestText && text.find('\0') == std::string_view::npos;
}

}  // namespace

bool is_valid_topic_name(std::string_view topic, std::size_t maximum_levels) {
  if (topic.empty() || topic.size() > kLongestText) return false;  // [MQTT-4.7.3-1] [MQTT-4.7.3-3]
  const TopicScan scan(topic);
  return !scan.is_forbidden() &&  // [MQTT-4.7.1-1] [MQTT-4.7.3-2]
         scan.slashes() < maximum_levels;
}

bool is_valid_topic_filter(std::string_view filter, std::size_t maximum_levels) {
  if (!is_valid_text(filter)) return false;
  std::size_t count = 0;
  for (Levels levels(filter); !levels.at_end();) {
    const std::string_view level = levels.next();
    if (++count > maximum_levels) return false;
    if (level == "#") return levels.at_end();  // [MQTT-4.7.1-1]
    if (level == "+") continue;                // [MQTT-4.7.1-2]
    if (level.find_first_of("+#") != std::string_view::npos) return false;
  }
  return true;
}

std::optional<SharedFilter> parse_shared_filter(std::string_view filter) {
  if (!filter.starts_with(kSharePrefix)) return std::nullopt;
  filter.remove_prefix(kSharePrefix.size());
  const std::size_t slash = filter.find('/');
  SharedFilter parts;
  parts.group = filter.substr(0, slash);
  if (parts.group.find_first_of("+#") != std::string_view::npos) parts.group = {};
  if (slash != std::string_view::npos) parts.filter = filter.substr(slash + 1);
  return parts;
}

bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && starts_with_wildcard(filter)) return false;  // [MQTT-4.7.2-1]
  Levels wanted(filter);
  Levels given(topic);
  while (!wanted.at_end() && !given.at_end()) {
    if (wanted.ends_in_hash()) return true;
    const std::string_view level = wanted.next();
    const std::string_view name = given.next();
    if (level != "+" && level != name) return false;
  }
  return (wanted.at_end() && given.at_end()) || wanted.ends_in_hash();
}

bool covers(std::string_view outer, std::string_view inner) {
  // A leading wildcard leaves out the topics that begin with `$`, so it covers no filter for them.
  if (inner.starts_with('$') && starts_with_wildcard(outer)) return false;
  // No topic is empty, so that these two stand for as many topics with a level more.
  if (inner == "#") inner = "+/#";
  if (inner == "/#") inner = "/+/#";
  Levels wide(outer);
  Levels narrow(inner);
  while (!wide.at_end() && !narrow.at_end()) {
    if (wide.ends_in_hash()) return true;
    if (narrow.ends_in_hash()) return false;  // goes deeper, and one level less deep
    const std::string_view level = wide.next();
    const std::string_view name = narrow.next();
    if (level != "+" && level != name) return false;
  }
  return (wide.at_end() && narrow.at_end()) || wide.ends_in_hash();
}

bool may_overlap(std::string_view one, std::string_view other) {
  Levels of_one(one);
  Levels of_other(other);
  while (!of_one.at_end() && !of_other.at_end()) {
    if (of_one.ends_in_hash() || of_other.ends_in_hash()) return true;
    const std::string_view here = of_one.next();
    const std::string_view there = of_other.next();
    if (here != there && here != "+" && there != "+") return false;
  }
  // `a/#` matches `a`, too.
  return of_one.at_end() == of_other.at_end() || of_one.ends_in_hash() || of_other.ends_in_hash();
}

}  // namespace sluice::mqtt
