#include "connect/processing/schema_nodes.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "connect/processing/schema_references.hpp"

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

// A schema, or a list of schemas, held against the value that their owner is held against.
constexpr auto kSameValue =
    std::to_array<std::string_view>({"allOf", "anyOf", "else", "if", "not", "oneOf", "then"});
// Against what is in that value.
constexpr auto kPartOfValue = std::to_array<std::string_view>(
    {"additionalItems", "additionalProperties", "contains", "items", "propertyNames"});
// An object of schemas.
constexpr auto kNamedSchemas = std::to_array<std::string_view>(
    {"definitions", "dependencies", "patternProperties", "properties"});

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool may_be_schema(const json::value& value) {
  return value.is_object() || value.is_bool();
}

}  // namespace

std::optional<SchemaFault> SchemaNodes::read() {
  static_cast<void>(add(root_, ""));
  for (std::size_t i = 0; i < nodes_.size(); ++i)  // reading adds more
    if (auto fault = read(i)) return fault;
  std::vector<Visit> visits(nodes_.size(), Visit::None);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (auto fault = find_circle(i, visits)) return fault;
  return std::nullopt;
}

std::size_t SchemaNodes::add(const json::value& schema, std::string pointer) {
  const auto [known, is_new] = known_.try_emplace(&schema, nodes_.size());
  if (is_new) nodes_.push_back({.value = &schema, .pointer = std::move(pointer)});
  return known->second;
}

SchemaNodes::Fault SchemaNodes::read(std::size_t index) {
  const auto& value = *nodes_[index].value;
  if (value.is_bool() && draft_ == Draft::Later) return std::nullopt;
  const auto* object = value.if_object();
  if (object == nullptr)
    return SchemaFault{nodes_[index].pointer,
                       "is no schema: that is an object, or since draft 6 true or false"};
  const auto* reference = object->if_contains("$ref");
  for (const auto& member : *object) {
    const std::string_view name = member.key();
    const auto pointer = below(nodes_[index].pointer, name);
    if (auto detail = fault_in_value(name, member.value(), draft_))
      return SchemaFault{pointer, std::move(*detail)};
    if (name == "patternProperties")
      for (const auto& pattern : member.value().get_object())
        if (!is_pattern(pattern.key()))
          return SchemaFault{below(pointer, pattern.key()),
                             "is not a regular expression of ECMAScript"};
    // Beside a reference nothing else counts (drafts 4 to 7).
    const bool is_same_value = name == "dependencies" || is_one_of(name, kSameValue);
    add_below(index, name, member.value(), is_same_value && reference == nullptr);
  }
  return reference != nullptr ? read_reference(index, *reference) : std::nullopt;
}

SchemaNodes::Fault SchemaNodes::read_reference(std::size_t index, const json::value& reference) {
  auto place = below(nodes_[index].pointer, "$ref");
  auto target = follow(root_, reference);
  if (!target) return SchemaFault{std::move(place), std::move(target.error())};
  if (!may_be_schema(*target->value))
    return SchemaFault{std::move(place),
                       "leads to what is no schema: that is an object, or since "
                       "draft 6 true or false"};
  const auto to = add(*target->value, std::move(target->pointer));
  nodes_[index].same_value.push_back({to, std::move(place)});
  return std::nullopt;
}

void SchemaNodes::add_below(std::size_t index, std::string_view keyword, const json::value& value,
                            bool is_same_value) {
  const auto add_one = [&](const json::value& schema, std::string pointer) {
    // `true` and `false` lead no further, nor does a list of names.
    if (!schema.is_object()) return;
    const auto to = add(schema, pointer);
    if (is_same_value) nodes_[index].same_value.push_back({to, std::move(pointer)});
  };
  const auto pointer = below(nodes_[index].pointer, keyword);
  if (is_one_of(keyword, kNamedSchemas)) {
    for (const auto& member : value.get_object())
      add_one(member.value(), below(pointer, member.key()));
  } else if (is_one_of(keyword, kSameValue) || is_one_of(keyword, kPartOfValue)) {
    const auto* list = value.if_array();
    if (list == nullptr) return add_one(value, pointer);
    for (std::size_t i = 0; i < list->size(); ++i)
      add_one((*list)[i], below(pointer, std::to_string(i)));
  }
}

// Held against one and the same value a schema must not come back to itself. Once for each schema;
// as deep as references follow one another, which the stack is made for.
SchemaNodes::Fault SchemaNodes::find_circle(std::size_t from, std::vector<Visit>& visits) const {
  if (visits[from] == Visit::Done) return std::nullopt;
  visits[from] = Visit::Open;
  for (const auto& step : nodes_[from].same_value) {
    if (visits[step.to] == Visit::Open)
      return SchemaFault{step.pointer,
                         "goes round in a circle: it leads back to a schema that it is part of, "
                         "with no step into the payload (as `properties` or `items` are)"};
    if (auto fault = find_circle(step.to, visits)) return fault;
  }
  visits[from] = Visit::Done;
  return std::nullopt;
}

}  // namespace sluice::connect::processing
