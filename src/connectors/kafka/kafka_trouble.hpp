#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sluice::connectors::kafka {

// What the client library's text really tells, where its own words lead astray or name settings of
// the library that nobody here can set.
struct Trouble {
  std::string what;       // with the broker's name in front, if the text has one
  std::string_view hint;  // what to do
};
// Nothing: the text says it as well.
[[nodiscard]] std::optional<Trouble> translate(std::string_view text);

}  // namespace sluice::connectors::kafka
