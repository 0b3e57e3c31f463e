// Text on its way into a record: numbers and JSON, appended to a buffer.
#pragma once
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace sluice::connect {

template <std::integral Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

// With quotes. Contract: UTF-8.
void append_json_string(std::string& out, std::string_view text);
// Numbers as a person writes them (21.5, not 2.15E1).
void append_json(std::string& out, const boost::json::value& value);

// `2024-05-01T12:00:00.123Z`.
[[nodiscard]] std::string rfc3339(std::int64_t wall_ms);
// UTC or with an offset; with or without a fraction. False when it is not such a time.
[[nodiscard]] bool parse_rfc3339(std::string_view text, std::int64_t& wall_ms);

}  // namespace sluice::connect
