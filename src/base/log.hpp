// Log lines are for the person who is called at night: an event in the past tense, then fields. One
// line per event, never per message above debug level.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

namespace sluice::log {

enum class Level : std::uint8_t { Debug, Info, Warn, Error };
enum class Format : std::uint8_t { Text, Json };

// Control characters and what is not UTF-8 are escaped, long values are cut: nothing a peer sends
// can forge or flood a line.
struct Field {
  std::string_view name;
  std::string value;
  bool is_number = false;  // or true/false: written without quotes in JSON

  Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  Field(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  Field(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  Field(std::string_view field_name, bool claim)
      : name(field_name), value(claim ? "true" : "false"), is_number(true) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view field_name, Number number)
      : name(field_name), value(std::to_string(number)), is_number(true) {}
};

using Fields = std::initializer_list<Field>;

// Where lines go: appended to `file`, or to standard error when it is empty. Call once before other
// threads start. Errors: IoFailed, why the file cannot be opened; nothing has changed then.
[[nodiscard]] Result<void> set_up(Level level, Format format, const std::string& file);
// Opens the file anew, for those who move it away (logrotate); lines go on into the old one when
// that fails. Threads: any.
[[nodiscard]] Result<void> reopen();
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) {
  if (enabled(Level::Debug)) write(Level::Debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  write(Level::Info, event, fields);
}
inline void warn(std::string_view event, Fields fields = {}) {
  write(Level::Warn, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::Error, event, fields);
}

}  // namespace sluice::log
