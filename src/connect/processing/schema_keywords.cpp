#include "connect/processing/schema_keywords.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <span>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

// Their value is a schema, or a list of schemas.
constexpr auto kHoldsSchemas = std::to_array<std::string_view>(
    {"additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items",
     "not", "oneOf", "propertyNames", "then"});
// Their value is an object of schemas.
constexpr auto kHoldsNamedSchemas = std::to_array<std::string_view>(
    {"definitions", "dependencies", "patternProperties", "properties"});
// Of later drafts: what is checked elsewhere would not be here.
constexpr auto kUnknown = std::to_array<std::string_view>(
    {"$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef",
     "dependentRequired", "dependentSchemas", "maxContains", "minContains", "prefixItems",
     "unevaluatedItems", "unevaluatedProperties"});

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

std::string below(const std::string& pointer, std::string_view name) {
  auto path = pointer + '/';
  for (const char c : name) path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return path;
}

bool is_pattern(std::string_view text) {
  try {
    const std::regex pattern(text.begin(), text.end());
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

using Fault = std::optional<SchemaFault>;

class KeywordReader {
 public:
  Fault schema(const json::value& value, const std::string& pointer) {
    const auto* object = value.if_object();
    if (object == nullptr) return std::nullopt;  // true, false, or what the library refuses
    for (const auto& member : *object) {
      const auto fault = keyword(member.key(), member.value(), below(pointer, member.key()));
      if (fault) return fault;
    }
    return std::nullopt;
  }

 private:
  Fault keyword(std::string_view name, const json::value& value, const std::string& pointer) {
    if (is_among(name, kUnknown))
      return SchemaFault{pointer, "is not known to draft 7, the newest that can be checked"};
    if (name == "$schema") return draft(value, pointer);
    if (name == "$ref") return reference(value, pointer);
    if (name == "pattern" && value.is_string() && !is_pattern(value.get_string()))
      return SchemaFault{pointer, "is not a regular expression of ECMAScript"};
    if (is_among(name, kHoldsSchemas)) return schemas(value, pointer);
    if (is_among(name, kHoldsNamedSchemas)) return named(name, value, pointer);
    return std::nullopt;
  }

  static Fault draft(const json::value& value, const std::string& pointer) {
    const auto text = value.is_string() ? std::string_view(value.get_string()) : "";
    if (text.find("draft-04") != std::string_view::npos ||
        text.find("draft-06") != std::string_view::npos ||
        text.find("draft-07") != std::string_view::npos)
      return std::nullopt;
    return SchemaFault{pointer, "must name draft-04, draft-06 or draft-07, or be left out"};
  }

  static Fault reference(const json::value& value, const std::string& pointer) {
    if (value.is_string() && std::string_view(value.get_string()).starts_with('#'))
      return std::nullopt;
    return SchemaFault{pointer,
                       "must lead into this schema, as `#/definitions/name` does: no "
                       "other document is fetched"};
  }

  Fault schemas(const json::value& value, const std::string& pointer) {
    const auto* list = value.if_array();
    if (list == nullptr) return schema(value, pointer);
    for (std::size_t i = 0; i < list->size(); ++i)
      if (auto fault = schema((*list)[i], below(pointer, std::to_string(i)))) return fault;
    return std::nullopt;
  }

  Fault named(std::string_view keyword, const json::value& value, const std::string& pointer) {
    const auto* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    for (const auto& member : *object) {
      const auto place = below(pointer, member.key());
      if (keyword == "patternProperties" && !is_pattern(member.key()))
        return SchemaFault{place, "is not a regular expression of ECMAScript"};
      if (auto fault = schema(member.value(), place)) return fault;
    }
    return std::nullopt;
  }
};

}  // namespace

std::optional<SchemaFault> fault_in_keywords(const json::value& schema) {
  return KeywordReader().schema(schema, "");
}

}  // namespace sluice::connect::processing
