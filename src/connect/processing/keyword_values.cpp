#include "connect/processing/keyword_values.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

// Of later drafts: what is checked elsewhere would not be here. And of draft 3.
constexpr auto kUnknown = std::to_array<std::string_view>(
    {"$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef",
     "dependentRequired", "dependentSchemas", "disallow", "divisibleBy", "extends", "maxContains",
     "minContains", "prefixItems", "unevaluatedItems", "unevaluatedProperties"});
constexpr auto kNotInDraft4 =
    std::to_array<std::string_view>({"else", "if", "propertyNames", "then"});
constexpr auto kTypes = std::to_array<std::string_view>(
    {"array", "boolean", "integer", "null", "number", "object", "string"});

bool is_among(const json::value& value, std::span<const std::string_view> names) {
  return value.is_string() &&
         std::ranges::find(names, std::string_view(value.get_string())) != names.end();
}

bool is_schema(const json::value& value, Draft draft) {
  return value.is_object() || (value.is_bool() && draft == Draft::Later);
}

bool is_list_of(const json::value& value, auto&& is_right) {
  return value.is_array() && std::ranges::all_of(value.get_array(), is_right);
}

bool is_text(const json::value& value) {
  return value.is_string();
}

// Since draft 6 also 2.0.
bool is_count(const json::value& value, Draft draft) {
  if (value.is_int64()) return value.get_int64() >= 0;
  if (!value.is_double() || draft == Draft::Four) return false;
  const double number = value.get_double();
  return number >= 0 && number < 9e15 && std::trunc(number) == number;
}

bool is_above_zero(const json::value& value) {
  return value.is_number() && value.to_number<double>() > 0;
}

bool is_some_list_of_schemas(const json::value& value, Draft draft) {
  return is_list_of(value, [&](const json::value& one) { return is_schema(one, draft); }) &&
         !value.get_array().empty();
}

bool is_type(const json::value& value) {
  return is_among(value, kTypes) ||
         (is_list_of(value, [](const json::value& one) { return is_among(one, kTypes); }) &&
          !value.get_array().empty());
}

bool is_named_schemas(const json::value& value, Draft draft) {
  return value.is_object() &&
         std::ranges::all_of(value.get_object(), [&](const json::key_value_pair& member) {
           return is_schema(member.value(), draft);
         });
}

bool is_dependencies(const json::value& value, Draft draft) {
  return value.is_object() &&
         std::ranges::all_of(value.get_object(), [&](const json::key_value_pair& member) {
           return is_schema(member.value(), draft) || is_list_of(member.value(), is_text);
         });
}

struct Rule {
  std::string_view keyword;
  bool (*is_met)(const json::value&, Draft);
  std::string_view otherwise;
};

constexpr std::string_view kASchema = "must be a schema: an object, or since draft 6 true or false";
constexpr std::string_view kSomeSchemas = "must be a list of one schema or more";
constexpr std::string_view kObjectOfSchemas = "must be an object of schemas";
constexpr std::string_view kACount = "must be a whole number, 0 or more";
constexpr std::string_view kANumber = "must be a number";
constexpr std::string_view kAText = "must be a string";
constexpr std::string_view kExclusive = "must be a number; in draft 4 true or false";

bool is_number(const json::value& value, Draft /*draft*/) {
  return value.is_number();
}
bool is_string(const json::value& value, Draft /*draft*/) {
  return value.is_string();
}
bool is_schema_or_flag(const json::value& value, Draft /*draft*/) {
  return value.is_object() || value.is_bool();
}
bool is_exclusive(const json::value& value, Draft draft) {
  return draft == Draft::Four ? value.is_bool() : value.is_number();
}
bool is_items(const json::value& value, Draft draft) {
  return is_schema(value, draft) ||
         is_list_of(value, [&](const json::value& one) { return is_schema(one, draft); });
}

constexpr auto kRules = std::to_array<Rule>({
    {"additionalItems", is_schema_or_flag, kASchema},
    {"additionalProperties", is_schema_or_flag, kASchema},
    {"allOf", is_some_list_of_schemas, kSomeSchemas},
    {"anyOf", is_some_list_of_schemas, kSomeSchemas},
    {"contains", is_schema, kASchema},
    {"definitions", is_named_schemas, kObjectOfSchemas},
    {"dependencies", is_dependencies, "must be an object of schemas or lists of names"},
    {"description", is_string, kAText},
    {"else", is_schema, kASchema},
    {"enum", [](const json::value& value, Draft) { return value.is_array(); }, "must be a list"},
    {"exclusiveMaximum", is_exclusive, kExclusive},
    {"exclusiveMinimum", is_exclusive, kExclusive},
    {"format", is_string, kAText},
    {"if", is_schema, kASchema},
    {"items", is_items, "must be a schema or a list of schemas"},
    {"maxItems", is_count, kACount},
    {"maxLength", is_count, kACount},
    {"maxProperties", is_count, kACount},
    {"maximum", is_number, kANumber},
    {"minItems", is_count, kACount},
    {"minLength", is_count, kACount},
    {"minProperties", is_count, kACount},
    {"minimum", is_number, kANumber},
    {"multipleOf", [](const json::value& value, Draft) { return is_above_zero(value); },
     "must be a number above 0"},
    {"not", is_schema, kASchema},
    {"oneOf", is_some_list_of_schemas, kSomeSchemas},
    {"pattern", is_string, kAText},
    {"patternProperties", is_named_schemas, kObjectOfSchemas},
    {"properties", is_named_schemas, kObjectOfSchemas},
    {"propertyNames", is_schema, kASchema},
    {"required", [](const json::value& value, Draft) { return is_list_of(value, is_text); },
     "must be a list of names"},
    {"then", is_schema, kASchema},
    {"title", is_string, kAText},
    {"type", [](const json::value& value, Draft) { return is_type(value); },
     "must be array, boolean, integer, null, number, object or string, or a list of these"},
    {"uniqueItems", [](const json::value& value, Draft) { return value.is_bool(); },
     "must be true or false"},
});

std::optional<std::string> fault_in_draft(const json::value& value) {
  const auto text = value.is_string() ? std::string_view(value.get_string()) : "";
  for (const std::string_view known : {"draft-04", "draft-06", "draft-07"})
    if (text.find(known) != std::string_view::npos) return std::nullopt;
  return "must name draft-04, draft-06 or draft-07, or be left out";
}

}  // namespace

bool is_pattern(std::string_view text) {
  try {
    const std::regex pattern(text.begin(), text.end());
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

std::optional<std::string> fault_in_value(std::string_view keyword, const json::value& value,
                                          Draft draft) {
  if (std::ranges::find(kUnknown, keyword) != kUnknown.end())
    return "is not known to draft 7, the newest that can be checked";
  if (draft == Draft::Four && std::ranges::find(kNotInDraft4, keyword) != kNotInDraft4.end())
    return "is not known to draft 4, which `$schema` names";
  if (keyword == "$schema") return fault_in_draft(value);
  const auto* const rule = std::ranges::find(kRules, keyword, &Rule::keyword);
  if (rule == kRules.end()) return std::nullopt;
  if (!rule->is_met(value, draft)) return std::string(rule->otherwise);
  if (keyword == "pattern" && !is_pattern(value.get_string()))
    return "is not a regular expression of ECMAScript";
  return std::nullopt;
}

}  // namespace sluice::connect::processing
