// Topic names and topic filters: validity, matching, shared subscriptions. MQTT 5.0 §4.7, §4.8.2.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::mqtt {

// Strict UTF-8 as §1.5.4 wants it: no overlong forms, no surrogates, no U+0000.
[[nodiscard]] bool is_valid_utf8(std::string_view text);

// A name one may publish to: not empty, no wildcard, no NUL, at most `maximum_levels` levels.
// Contract: valid UTF-8 of at most 65,535 bytes, as the codec gives it.
[[nodiscard]] bool is_valid_topic_name(std::string_view topic, std::size_t maximum_levels = 128);

// A filter without `$share`: `#` only as the last level, `+` only as a whole level.
[[nodiscard]] bool is_valid_topic_filter(std::string_view filter, std::size_t maximum_levels = 128);

struct SharedFilter {
  std::string_view group;
  std::string_view filter;
};
// The parts of `$share/{group}/{filter}`; nothing when the filter does not begin with `$share/`,
// and a part that breaks the rules is left empty: group with `/ # +` or none, filter none.
// [MQTT-4.8.2]
[[nodiscard]] std::optional<SharedFilter> parse_shared_filter(std::string_view filter);

// Does the topic name match the filter? `$`-topics are not matched by a leading wildcard.
// [MQTT-4.7.2-1]
[[nodiscard]] bool matches(std::string_view filter, std::string_view topic);

// Is every topic that `inner` matches matched by `outer` too? (For access rules.)
[[nodiscard]] bool covers(std::string_view outer, std::string_view inner);

// Whether some topic matches both of these valid filters. A topic that begins with `$` counts like
// any other: rather once too often than not.
[[nodiscard]] bool may_overlap(std::string_view one, std::string_view other);

}  // namespace sluice::mqtt
