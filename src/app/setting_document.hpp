#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include <yaml-cpp/yaml.h>

#include <boost/json/object.hpp>

#include "app/setting_sources.hpp"
#include "base/schema.hpp"

namespace sluice::app {

// One document, laid together from several sources: what comes later wins, value by value.
//
// Fails: problems are collected, never thrown.
class SettingDocument {
 public:
  explicit SettingDocument(const schema::Fields& fields);

  // Lays a file's text over what is there. `file` is its name for places.
  void lay_yaml(const std::string& file, const std::string& text, bool has_lines = true);

  enum class Found : std::uint8_t { Yes, No };
  // Lays one value, given as text, at `path`. Not found: nothing has changed.
  Found lay_text(const std::vector<std::string>& path, const std::string& place,
                 const std::string& text);

  // The known name nearest to the first part of `path` that is not known, dotted from the root.
  [[nodiscard]] std::string nearest_path(const std::vector<std::string>& path) const;

  [[nodiscard]] boost::json::object& values() { return values_; }
  [[nodiscard]] const std::map<std::string, std::string>& origins() const { return origins_; }
  [[nodiscard]] std::vector<SettingProblem>& problems() { return problems_; }

 private:
  struct Place {
    std::string name;          // of the source
    bool has_lines = false;    // then the line is added: "sluice.yaml:3"
    bool is_verbatim = false;  // text of a flag or variable: a scalar is not read as YAML
    [[nodiscard]] std::string at(const YAML::Node& node) const;
  };
  void lay_map(const schema::Fields& fields, boost::json::object& into, const YAML::Node& map,
               const std::string& pointer, const Place& place);
  void lay_field(const schema::Field& field, boost::json::object& into, const YAML::Node& node,
                 const std::string& pointer, const Place& place, const std::string& at);
  void lay_named_objects(const schema::Field& field, boost::json::object& into,
                         const YAML::Node& map, const std::string& pointer, const Place& place);
  void lay_at(const schema::Field& field, boost::json::object& into, const std::string& text,
              const std::string& pointer, const Place& place);
  void problem(std::string place, const std::string& pointer, std::string detail);

  const schema::Fields& fields_;
  boost::json::object values_;
  std::map<std::string, std::string> origins_;
  std::vector<SettingProblem> problems_;
};

}  // namespace sluice::app
