// Documents and settings are declared once, as a list of fields. Parsing, validation, error texts,
// JSON Schema, console forms and reference pages all come from the declaration.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace sluice::schema {

enum class Type : std::uint8_t {
  Text,
  Integer,
  Boolean,
  Bytes,     // number of bytes, or text with KiB MiB GiB; held as an integer of bytes
  Duration,  // text with ms s m h d, or a number of milliseconds; held as an integer of ms
  Choice,    // one of `choices`
  TextList,
  IntegerList,
  Object,     // with `fields`
  Map,        // free names to text
  Any,        // checked elsewhere
  ObjectMap,  // free names to objects, each with `fields`
};

struct Field {
  std::string name;
  Type type = Type::Text;
  std::string help;
  boost::json::value fallback = nullptr;  // null: none
  bool required = false;
  bool secret = false;    // write-only: shown as "***", and "***" sent back keeps the old value
  bool nullable = false;  // null is a value of its own
  // Of a Choice, or of the members of a list. An Integer, Bytes or Duration also takes these words
  // (`auto`, `never`) and holds them as text.
  std::vector<std::string> choices = {};
  std::optional<std::int64_t> minimum =
      {};  // of the number, the length of a text, the size of a list
  std::optional<std::int64_t> maximum = {};
  std::string pattern_help = {};  // says in words what `allowed` checks: "a host and port"
  // Of a text, each member of a TextList, each name of a Map or ObjectMap.
  bool (*allowed)(std::string_view text) = nullptr;
  std::vector<Field> fields = {};  // of an Object or ObjectMap
  bool reloadable = false;         // settings: can change while running
};
using Fields = std::vector<Field>;

// What is wrong and what would be right, for a person: `pointer` is an RFC 6901 JSON pointer.
struct Problem {
  std::string pointer;
  std::string detail;
};

struct Checked {
  boost::json::object value;      // with all fallbacks filled in, bytes and durations as integers
  std::vector<Problem> problems;  // empty: the value is good
};

// Checks `document` against `fields`. An unknown name is a problem that names the nearest known
// one. An absent Object is filled with the fallbacks of its fields, unless it is nullable (then
// null) or one of them is required (then it stays absent). A secret that begins with `file:` or
// `env:` is refused: references are resolved by who may use them, before the check.
[[nodiscard]] Checked check(const Fields& fields, const boost::json::object& document,
                            std::string_view pointer = "");

// The known name that is nearest to `name`, if any is near enough to be meant.
[[nodiscard]] std::optional<std::string> nearest(std::string_view name,
                                                 const std::vector<std::string>& known);

// RFC 6901: the pointer to `name` in the object at `parent`.
[[nodiscard]] std::string child_pointer(std::string_view parent, std::string_view name);

// What a field takes, for a person: "a whole number from 1 to 65535".
[[nodiscard]] std::string allowed_text(const Field& field);
// What it is when it is not given: "`5s`", "required", or nothing when it has no default.
[[nodiscard]] std::string fallback_text(const Field& field);

// A copy for showing: secrets that are set become "***".
[[nodiscard]] boost::json::object mask(const Fields& fields, const boost::json::object& document);
// `update` with every "***" of a secret field replaced by what `old` has there.
[[nodiscard]] boost::json::object unmask(const Fields& fields, const boost::json::object& old,
                                         boost::json::object update);

[[nodiscard]] boost::json::object to_json_schema(const Fields& fields);
// A Markdown table with one line per value; nested names are dotted and begin with `prefix`.
[[nodiscard]] std::string to_markdown(const Fields& fields, std::string_view prefix = "");

// "5 MiB", "5MiB", "1024" -> bytes; "30s", "500ms" -> milliseconds.
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);
[[nodiscard]] Result<std::int64_t> parse_duration_ms(std::string_view text);
// The way back, in the largest unit that divides: "256MiB", "72h".
[[nodiscard]] std::string bytes_text(std::int64_t bytes);
[[nodiscard]] std::string duration_text(std::int64_t milliseconds);

}  // namespace sluice::schema
