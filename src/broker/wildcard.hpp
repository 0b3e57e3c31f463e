#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// `*` stands for any characters, also none; `?` for one. Takes |pattern| * |text| steps at most.
[[nodiscard]] constexpr bool matches_wildcard(std::string_view pattern, std::string_view text) {
  constexpr auto kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != kNone) {  // the last `*` takes one more, or as many as lead nowhere
      p = star + 1;
      ++resume;
      if (p < pattern.size() && pattern[p] != '?') resume = text.find(pattern[p], resume);
      if (resume == kNone) return false;
      t = resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// No pattern: any text.
[[nodiscard]] inline bool any_wildcard_matches(const std::vector<std::string>& patterns,
                                               std::string_view text) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
           return matches_wildcard(pattern, text);
         });
}

}  // namespace sluice::broker
