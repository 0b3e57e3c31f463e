#include "app/setting_document.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <sstream>
#include <yaml-cpp/eventhandler.h>

#include <boost/json/array.hpp>

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Type;

constexpr int kDeepestUnknown = 32;  // of what stands where nothing is declared
constexpr int kDeepestFile = 64;
constexpr std::size_t kMostValues = 100'000;  // of a file, with what aliases repeat

const Field* find_field(const Fields& fields, std::string_view name) {
  const auto it = std::ranges::find(fields, name, &Field::name);
  return it == fields.end() ? nullptr : &*it;
}

bool is_nested(const Field& field) {
  return field.type == Type::Object || field.type == Type::ObjectMap;
}

json::object& object_in(json::object& parent, std::string_view name) {
  auto& value = parent[name];
  return value.is_object() ? value.get_object() : value.emplace_object();
}

bool is_quoted(const YAML::Node& node) {
  return node.Tag() == "!";
}

json::value number_or_text(const std::string& text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end) return number;
  return json::value(text);
}

// A scalar as its field wants it; what does not fit stays text, and the check says so.
json::value scalar(Type type, const std::string& text, bool quoted) {
  if (quoted) return json::value(text);
  switch (type) {
    case Type::Integer:
    case Type::IntegerList:
      return number_or_text(text);
    case Type::Boolean:
      if (text == "true") return true;
      if (text == "false") return false;
      return json::value(text);
    case Type::Any: {
      if (text == "true") return true;
      if (text == "false") return false;
      return number_or_text(text);
    }
    default:
      return json::value(text);
  }
}

// Any node, whatever it is: for problems to speak of, and for fields that are checked elsewhere.
json::value to_json(Type type, const YAML::Node& node, int depth = 0) {
  if (depth > kDeepestUnknown || !node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsScalar()) return scalar(type, node.Scalar(), is_quoted(node));
  if (node.IsSequence()) {
    json::array list;
    for (const auto& member : node) list.push_back(to_json(type, member, depth + 1));
    return list;
  }
  json::object object;
  for (const auto& member : node) {
    const auto name = member.first.IsScalar() ? member.first.Scalar() : std::string("?");
    object[name] = to_json(type, member.second, depth + 1);
  }
  return object;
}

// Aliases make a short text say very much, or stand within what they stand for.
bool is_bounded(const YAML::Node& node, std::size_t& values_left, int depth = 0) {
  if (depth > kDeepestFile || values_left == 0) return false;
  --values_left;
  for (const auto& member : node) {
    const auto& value = node.IsMap() ? member.second : static_cast<const YAML::Node&>(member);
    if (!is_bounded(value, values_left, depth + 1)) return false;
  }
  return true;
}

std::string line_of(const YAML::Mark& mark) {
  return mark.line < 0 ? std::string("1") : std::to_string(mark.line + 1);
}

// Where the first thing in each document stands, and nothing else.
class DocumentStarts final : public YAML::EventHandler {
 public:
  using Mark = YAML::Mark;
  using Anchor = YAML::anchor_t;
  using Style = YAML::EmitterStyle::value;
  void OnDocumentStart(const Mark& /*mark*/) override { is_first_ = true; }
  void OnDocumentEnd() override {}
  void OnNull(const Mark& mark, Anchor /*anchor*/) override { stands_at(mark); }
  void OnAlias(const Mark& mark, Anchor /*anchor*/) override { stands_at(mark); }
  void OnScalar(const Mark& mark, const std::string& /*tag*/, Anchor /*anchor*/,
                const std::string& /*value*/) override {
    stands_at(mark);
  }
  void OnSequenceStart(const Mark& mark, const std::string& /*tag*/, Anchor /*anchor*/,
                       Style /*style*/) override {
    stands_at(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const Mark& mark, const std::string& /*tag*/, Anchor /*anchor*/,
                  Style /*style*/) override {
    stands_at(mark);
  }
  void OnMapEnd() override {}

  Mark last;

 private:
  void stands_at(const Mark& mark) {
    if (is_first_) last = mark;
    is_first_ = false;
  }
  bool is_first_ = false;
};

// YAML 1.2 §5.1. Where one stands yaml-cpp 0.7 finds documents without end: YAML::LoadAll never
// comes back, and takes all memory.
std::ptrdiff_t find_control_character(const std::string& text) {
  return std::ranges::find_if(text,
                              [](char c) {
                                const auto byte = static_cast<unsigned char>(c);
                                return byte < 0x20 && c != '\t' && c != '\n' && c != '\r';
                              }) -
         text.begin();
}

// Where a second document begins, if there is one; nobody asks for a third.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentStarts starts;
  for (int documents = 0; documents < 2; ++documents)
    if (!parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.last;
}

}  // namespace

std::string SettingDocument::Place::at(const YAML::Node& node) const {
  return has_lines ? name + ":" + line_of(node.Mark()) : name;
}

SettingDocument::SettingDocument(const Fields& fields) : fields_(fields) {
  // What stands under free names by default is there too when a source adds another name.
  for (const auto& field : fields) {
    if (field.type == Type::ObjectMap && field.fallback.is_object()) {
      values_[field.name] = field.fallback;
    }
  }
}

void SettingDocument::lay_yaml(const std::string& file, const std::string& text, bool has_lines) {
  const Place place{file, has_lines, false};
  if (const auto at = find_control_character(text); at < std::ssize(text)) {
    const auto line = 1 + std::count(text.begin(), text.begin() + at, '\n');
    problem(has_lines ? fmt::format("{}:{}", file, line) : file, "",
            "a control character stands here, which YAML does not allow");
    return;
  }
  YAML::Node document;
  std::optional<YAML::Mark> second;
  try {
    second = second_document(text);
    if (!second) document = YAML::Load(text);
  } catch (const YAML::Exception& error) {
    problem(file + ":" + line_of(error.mark), "",
            fmt::format("this is not YAML: {} (column {})", error.msg,
                        std::max(error.mark.column + 1, 1)));
    return;
  }
  if (second) {
    problem(has_lines ? file + ":" + line_of(*second) : file, "",
            "a second document begins here; only one is read");
    return;
  }
  if (document.IsNull()) return;
  if (!document.IsMap()) {
    problem(place.at(document), "", "settings are names with values, such as `data: ./data`");
    return;
  }
  auto values_left = kMostValues;
  if (!is_bounded(document, values_left)) {
    problem(
        file, "",
        fmt::format("holds more than {} values, or one deeper than {} levels: an alias (`*name`) "
                    "may stand within what it stands for",
                    kMostValues, kDeepestFile));
    return;
  }
  lay_map(fields_, values_, document, "", place);
}

void SettingDocument::lay_map(const Fields& fields, json::object& into, const YAML::Node& map,
                              const std::string& pointer, const Place& place) {
  std::set<std::string> seen;
  for (const auto& member : map) {
    const auto at = place.at(member.first);
    if (!member.first.IsScalar()) {
      problem(at, pointer, "holds a name that is not text");
      continue;
    }
    const auto& name = member.first.Scalar();
    const auto child = schema::child_pointer(pointer, name);
    if (!seen.insert(name).second) {
      problem(at, child, "is given twice");
      continue;
    }
    if (const auto* field = find_field(fields, name)) {
      lay_field(*field, into, member.second, child, place, at);
    } else {
      into[name] = to_json(Type::Any, member.second);  // the check refuses it and knows the names
      origins_[child] = at;
    }
  }
}

void SettingDocument::lay_field(const Field& field, json::object& into, const YAML::Node& node,
                                const std::string& pointer, const Place& place,
                                const std::string& at) {
  if (is_nested(field)) {
    origins_.emplace(pointer, at);
    if (node.IsNull()) return;
    if (!node.IsMap()) {
      into[field.name] = to_json(field.type, node);
      origins_[pointer] = at;
      return;
    }
    auto& nested = object_in(into, field.name);
    if (field.type == Type::ObjectMap) {
      lay_named_objects(field, nested, node, pointer, place);
    } else {
      lay_map(field.fields, nested, node, pointer, place);
    }
    return;
  }
  if (node.IsNull() && !field.nullable) {
    problem(at, pointer, fmt::format("has no value; it must be {}", allowed_text(field)));
    return;
  }
  into[field.name] = to_json(field.type, node);
  origins_[pointer] = at;
}

void SettingDocument::lay_named_objects(const Field& field, json::object& into,
                                        const YAML::Node& map, const std::string& pointer,
                                        const Place& place) {
  std::set<std::string> seen;
  for (const auto& member : map) {
    const auto at = place.at(member.first);
    const auto name = member.first.IsScalar() ? member.first.Scalar() : std::string("?");
    const auto child = schema::child_pointer(pointer, name);
    if (!seen.insert(name).second) {
      problem(at, child, "is given twice");
      continue;
    }
    origins_.emplace(child, at);
    if (member.second.IsMap()) {
      lay_map(field.fields, object_in(into, name), member.second, child, place);
    } else if (!member.second.IsNull()) {
      into[name] = to_json(Type::Any, member.second);
      origins_[child] = at;
    }
  }
}

SettingDocument::Found SettingDocument::lay_text(const std::vector<std::string>& path,
                                                 const std::string& place,
                                                 const std::string& text) {
  const auto* fields = &fields_;
  auto parents = std::vector<std::string>();  // the objects to walk through once the path is known
  std::string pointer;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto* field = find_field(*fields, path[i]);
    if (field == nullptr) return Found::No;
    pointer = schema::child_pointer(pointer, path[i]);
    const bool names_a_member = field->type == Type::ObjectMap && i + 2 < path.size();
    if (is_nested(*field) && i + 1 < path.size()) {
      parents.push_back(path[i]);
      if (names_a_member) {
        pointer = schema::child_pointer(pointer, path[++i]);
        parents.push_back(path[i]);
      } else if (field->type == Type::ObjectMap) {
        return Found::No;
      }
      fields = &field->fields;
      continue;
    }
    if (i + 1 != path.size()) return Found::No;

    auto* into = &values_;
    std::string on_the_way;
    for (const auto& parent : parents) {
      into = &object_in(*into, parent);
      on_the_way = schema::child_pointer(on_the_way, parent);
      origins_.emplace(on_the_way, place);
    }
    lay_at(*field, *into, text, pointer, {place, false, true});
    return Found::Yes;
  }
  return Found::No;
}

void SettingDocument::lay_at(const Field& field, json::object& into, const std::string& text,
                             const std::string& pointer, const Place& place) {
  const bool is_yaml = is_nested(field) || field.type == Type::TextList ||
                       field.type == Type::IntegerList || field.type == Type::Map ||
                       field.type == Type::Any;
  if (!is_yaml) {
    into[field.name] = scalar(field.type, text, false);
    origins_[pointer] = place.name;
    return;
  }
  try {
    lay_field(field, into, YAML::Load(text), pointer, place, place.name);
  } catch (const YAML::Exception& error) {
    problem(place.name, pointer, fmt::format("is not YAML: {}", error.msg));
  }
}

std::string SettingDocument::nearest_path(const std::vector<std::string>& path) const {
  const auto* fields = &fields_;
  std::string known;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto* field = find_field(*fields, path[i]);
    if (field == nullptr) {
      std::vector<std::string> names;
      for (const auto& each : *fields) names.push_back(each.name);
      const auto meant = schema::nearest(path[i], names);
      return meant ? known + *meant : std::string();
    }
    known += path[i] + ".";
    if (field->type == Type::ObjectMap && i + 1 < path.size()) known += path[++i] + ".";
    fields = &field->fields;
  }
  return {};
}

void SettingDocument::problem(std::string place, const std::string& pointer, std::string detail) {
  problems_.push_back({std::move(place), dotted(pointer), std::move(detail)});
}

}  // namespace sluice::app
