#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// `*` stands for any characters, also none; `?` for one.
//
// The text may come from a stranger, before its login and on an event loop: a pattern of 1,024
// characters is tried on an id of 64 KiB in about half a millisecond, whatever stands in them.
[[nodiscard]] bool matches_wildcard(std::string_view pattern, std::string_view text);

// No pattern: any text.
[[nodiscard]] inline bool any_wildcard_matches(const std::vector<std::string>& patterns,
                                               std::string_view text) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
           return matches_wildcard(pattern, text);
         });
}

}  // namespace sluice::broker
