// Paths and queries as they stand in a request line. RFC 3986.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::admin {

// Nothing when a `%` is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
[[nodiscard]] std::string percent_encode(std::string_view text);

struct Target {
  std::vector<std::string> parts;            // decoded
  std::string verb;                          // after the last raw `:` of the last part
  std::map<std::string, std::string> query;  // decoded; the first of a repeated name
  std::string repeated;                      // a name that is there twice: not one to be obeyed
};

// Nothing when it is no path we could know: it must begin with `/` and decode.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

}  // namespace sluice::admin
