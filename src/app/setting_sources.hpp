// Values for declared fields from a YAML file, the environment and the command line: which wins,
// and where each stands. Knows no setting by name.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"

namespace sluice::app {

// Where a value comes from that was changed by REST.
inline constexpr std::string_view kChangedByRest = "PATCH /settings";

// In rising order of precedence: default, file, REST, environment, command line.
struct SettingSources {
  struct Flag {
    std::string flag;   // as the user wrote it: `--set`, `--data`
    std::string key;    // dotted; empty: `text` has none, which is a problem
    std::string value;  // as given
  };
  std::optional<std::string> file;
  std::string changed;  // by REST, a JSON object: over the file, under the environment; empty: none
  std::vector<std::pair<std::string, std::string>> environment;  // all variables, NAME -> value
  std::vector<Flag> flags;                                       // the last one wins
};

// What is wrong, where, and what would be right.
struct SettingProblem {
  std::string place;   // "sluice.yaml:3", "SLUICE_MQTT__GROUPS", "--set"; empty: in the defaults
  std::string key;     // dotted; empty: the whole source
  std::string detail;  // goes on from the key: "must be ..."

  [[nodiscard]] std::string text() const;  // one line for a person
};

struct LoadedValues {
  boost::json::object values;                  // checked and complete, unless there are problems
  std::map<std::string, std::string> origins;  // JSON pointer -> place; not there: default
  std::vector<SettingProblem> problems;
  std::vector<std::string> warnings;
};

// The text of `--set KEY=VALUE`.
[[nodiscard]] SettingSources::Flag parse_set_flag(const std::string& text);

[[nodiscard]] LoadedValues load_values(const schema::Fields& fields, const SettingSources& sources);

// A file that a setting names. Errors: why it cannot be read.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// "/listeners/tcp/bind" -> "listeners.tcp.bind".
[[nodiscard]] std::string dotted(std::string_view pointer);
// The origin of a pointer, or of the nearest thing around it that has one; empty: default.
[[nodiscard]] std::string place_of(const std::map<std::string, std::string>& origins,
                                   std::string_view pointer);

}  // namespace sluice::app
