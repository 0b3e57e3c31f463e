// What is fast agrees with what is plain: UTF-8, the validity of names and filters, matching and
// covering against a naive reference that is written from the words of the standard.
//
// The input is three texts with a line feed between them: two filters and a topic.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "mqtt/topic.hpp"
#include "mqtt/utf8.hpp"
#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {
namespace {

using Levels = std::vector<std::string>;

[[nodiscard]] Levels split(std::string_view text, char separator) {
  Levels levels(1);
  for (const char c : text) {
    if (c == separator) {
      levels.emplace_back();
    } else {
      levels.back().push_back(c);
    }
  }
  return levels;
}

// RFC 3629: the code point is put together and then looked at.
[[nodiscard]] bool is_utf8_plainly(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80             ? 1
                               : (lead & 0xE0) == 0xC0 ? 2
                               : (lead & 0xF0) == 0xE0 ? 3
                               : (lead & 0xF8) == 0xF0 ? 4
                                                       : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3FU);
    }
    constexpr std::uint32_t kLowest[] = {0, 1, 0x80, 0x800, 0x10000};
    if (point < kLowest[length] || point > 0x10FFFF) return false;
    if (point >= 0xD800 && point <= 0xDFFF) return false;
    i += length;
  }
  return true;
}

[[nodiscard]] bool is_filter_plainly(std::string_view filter) {
  if (filter.empty() || filter.size() > 65'535) return false;
  const Levels levels = split(filter, '/');
  if (levels.size() > 128) return false;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].find('\0') != std::string::npos) return false;
    if (levels[i] == "+" || (levels[i] == "#" && i + 1 == levels.size())) continue;
    if (levels[i].find_first_of("+#") != std::string::npos) return false;
  }
  return true;
}

[[nodiscard]] bool is_name_plainly(std::string_view topic) {
  return is_filter_plainly(topic) && topic.find_first_of("+#") == std::string_view::npos;
}

// By recursion over levels. Contract: a valid filter and a valid name.
[[nodiscard]] bool matches_from(const Levels& filter, std::size_t f, const Levels& topic,
                                std::size_t t) {
  if (f == filter.size()) return t == topic.size();
  if (filter[f] == "#") return true;  // what is left, nothing included
  if (t == topic.size()) return false;
  const bool same = filter[f] == "+" || filter[f] == topic[t];
  return same && matches_from(filter, f + 1, topic, t + 1);
}

[[nodiscard]] bool matches_plainly(std::string_view filter, std::string_view topic) {
  if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
  return matches_from(split(filter, '/'), 0, split(topic, '/'), 0);
}

// Tries every topic of up to `depth` levels from the words of both filters and two that neither
// has: one of them begins with `$`.
[[nodiscard]] bool covers_plainly(std::string_view outer, std::string_view inner, std::size_t depth,
                                  const std::set<std::string>& words) {
  Levels topics{""};
  for (std::size_t level = 0; level < depth; ++level) {
    Levels longer;
    for (const auto& topic : topics) {
      for (const auto& word : words) {
        longer.push_back(level == 0 ? word : topic + '/' + word);
        const std::string& candidate = longer.back();
        if (candidate.empty()) continue;
        if (matches_plainly(inner, candidate) && !matches_plainly(outer, candidate)) return false;
      }
    }
    topics = std::move(longer);
  }
  return true;
}

void check_covers(std::string_view outer, std::string_view inner) {
  SL_CHECK(covers(outer, outer));
  SL_CHECK(outer.starts_with('$') || covers("#", outer));
  const Levels wide = split(outer, '/');
  const Levels narrow = split(inner, '/');
  const std::size_t depth = std::max(wide.size(), narrow.size()) + 1;
  if (depth > 4) return;
  const std::string stranger(outer.size() + inner.size(), 'n');  // too long to be in either
  std::set<std::string> words{"", "$" + stranger, stranger};
  for (const auto* levels : {&wide, &narrow}) {
    for (const auto& level : *levels) {
      if (level != "+" && level != "#") words.insert(level);
    }
  }
  SL_CHECK(covers(outer, inner) == covers_plainly(outer, inner, depth, words));
}

void check_text(std::string_view text) {
  SL_CHECK(is_valid_utf8(text) == is_utf8_plainly(text));
  SL_CHECK(has_wildcard(text) == (text.find_first_of("+#") != std::string_view::npos));
  SL_CHECK(is_valid_topic_filter(text) == is_filter_plainly(text));
  SL_CHECK(is_valid_topic_name(text) == is_name_plainly(text));
  const auto shared = parse_shared_filter(text);
  SL_CHECK(shared.has_value() == (text.substr(0, 7) == "$share/"));
  if (!shared || shared->group.empty() || shared->filter.empty()) return;
  SL_CHECK(shared->group.find_first_of("/+#") == std::string_view::npos);
  SL_CHECK("$share/" + std::string(shared->group) + '/' + std::string(shared->filter) == text);
}

void check_three(std::string_view outer, std::string_view inner, std::string_view topic) {
  // Also for what is not valid these two end and read nothing outside.
  const bool inner_matches = matches(inner, topic);
  const bool is_covered = covers(outer, inner);
  if (!is_filter_plainly(outer) || !is_filter_plainly(inner)) return;
  check_covers(outer, inner);
  check_covers(inner, outer);
  if (!is_name_plainly(topic)) return;
  SL_CHECK(inner_matches == matches_plainly(inner, topic));
  SL_CHECK(matches(outer, topic) == matches_plainly(outer, topic));
  SL_CHECK(covers(outer, topic) == matches_plainly(outer, topic));
  SL_CHECK(!is_covered || !inner_matches || matches(outer, topic));
}

}  // namespace
}  // namespace sluice::mqtt::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::mqtt::test;
  Levels texts = split({reinterpret_cast<const char*>(data), size}, '\n');
  texts.resize(3);
  const ExactCopy outer(texts[0]);
  const ExactCopy inner(texts[1]);
  const ExactCopy topic(texts[2]);
  for (const auto* text : {&outer, &inner, &topic}) check_text(text->view());
  check_three(outer.view(), inner.view(), topic.view());
  return 0;
}
