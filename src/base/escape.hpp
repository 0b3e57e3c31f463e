#pragma once
#include <string>
#include <string_view>

namespace sluice {

enum class EscapeFor {
  Text,      // between quotes in a log line
  Json,      // between quotes in JSON
  Terminal,  // as it is: quotes and backslashes stay
};

// Appends `text` so that it stays on one line and inside its quotes: quotes, backslashes, control
// characters, line separators and bidirectional overrides become escapes of JSON, bytes that are
// not UTF-8 become `\xNN` (`\\xNN` in JSON, which has no such escape).
void append_escaped(std::string& out, std::string_view text, EscapeFor format);

// Is it UTF-8 without overlong forms and surrogates?
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace sluice
