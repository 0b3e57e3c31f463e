// What a declaration looks like to people and programs: words, a Markdown table, JSON Schema.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

std::string amount(const Field& field, std::int64_t number) {
  if (field.type == Type::Bytes) return bytes_text(number);
  if (field.type == Type::Duration) return duration_text(number);
  return std::to_string(number);
}

// "", " of at least 1", " of 1 to 10": the numbers are those of `field`, the words are given.
std::string range(const Field& field, std::string_view between, std::string_view from,
                  std::string_view to) {
  if (field.minimum && field.maximum) {
    return fmt::format("{} {} to {}", between, amount(field, *field.minimum),
                       amount(field, *field.maximum));
  }
  if (field.minimum) return fmt::format("{} {}", from, amount(field, *field.minimum));
  if (field.maximum) return fmt::format("{} {}", to, amount(field, *field.maximum));
  return {};
}

std::string with_words(const Field& field, std::string text) {
  for (const auto& word : field.choices) text += fmt::format(", or `{}`", word);
  return text;
}

std::string text_words(const Field& field) {
  auto words = field.pattern_help.empty() ? "text" : field.pattern_help;
  if (field.minimum == 1 && !field.maximum) {
    if (field.pattern_help.empty()) words += " that is not empty";
    return words;
  }
  const auto length = range(field, " of", " of at least", " of at most");
  if (!length.empty()) words += length + " characters";
  return words;
}

std::string number_words(const Field& field, std::string_view what, std::string_view examples) {
  auto words = std::string(what) + range(field, " from", " of at least", " of at most");
  words += examples;
  return with_words(field, std::move(words));
}

std::string list_words(const Field& field) {
  std::string words = "a list";
  const auto size = range(field, " of", " of at least", " of at most");
  const auto* member = field.type == Type::TextList ? "texts" : "whole numbers";
  if (!field.choices.empty()) {
    if (!size.empty()) words += size + " values";
    return words + fmt::format(" out of `{}`", fmt::join(field.choices, "`, `"));
  }
  words += size.empty() ? fmt::format(" of {}", member) : fmt::format("{} {}", size, member);
  if (!field.pattern_help.empty()) words += fmt::format(", each {}", field.pattern_help);
  return words;
}

std::string map_words(const Field& field) {
  const auto* member = field.type == Type::Map ? "names to texts" : "names to objects";
  auto words = fmt::format("an object that maps {}", member);
  const auto size = range(field, ", with", ", with at least", ", with at most");
  if (!size.empty()) words += size + " names";
  return words;
}

// A `|` would end the cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void append_rows(std::string& out, const Fields& fields, const std::string& prefix) {
  for (const auto& field : fields) {
    const auto name = prefix + field.name;
    if (field.type == Type::Object) {
      append_rows(out, field.fields, name + ".");
      continue;
    }
    if (field.type == Type::ObjectMap) {
      append_rows(out, field.fields, name + ".NAME.");
      continue;
    }
    std::string help = field.help;
    if (field.secret) help += " Secret: never shown.";
    if (field.reloadable) help += " Can change while running.";
    out += fmt::format("| `{}` | {} | {} | {} |\n", name, cell(fallback_text(field)),
                       cell(allowed_text(field)), cell(help));
  }
}

json::object with_type(std::string_view type, const Field& field) {
  if (!field.nullable) return {{"type", type}};
  return {{"type", json::array{type, "null"}}};
}

void add_bounds(json::object& schema, const Field& field, std::string_view minimum,
                std::string_view maximum) {
  if (field.minimum) schema[minimum] = *field.minimum;
  if (field.maximum) schema[maximum] = *field.maximum;
}

json::array choices_of(const Field& field) {
  json::array choices;
  for (const auto& choice : field.choices) {
    if (field.type == Type::IntegerList) {
      choices.emplace_back(std::int64_t{std::stoll(choice)});
    } else {
      choices.emplace_back(choice);
    }
  }
  if (field.nullable && field.type == Type::Choice) choices.emplace_back(nullptr);
  return choices;
}

// An integer, text with a unit, or one of the words.
json::object measure_schema(const Field& field) {
  json::object number = {{"type", "integer"}};
  add_bounds(number, field, "minimum", "maximum");
  json::array forms = {std::move(number)};
  if (field.type == Type::Bytes) {
    forms.push_back({{"type", "string"}, {"pattern", "^ *[0-9]+ *(B|KiB|MiB|GiB)? *$"}});
  }
  if (field.type == Type::Duration) {
    forms.push_back({{"type", "string"}, {"pattern", "^ *(0|[0-9]+ *(ms|s|m|h|d)) *$"}});
  }
  if (!field.choices.empty()) forms.push_back({{"enum", choices_of(field)}});
  if (field.nullable) forms.push_back({{"type", "null"}});
  if (forms.size() == 1) return forms[0].get_object();
  json::object schema = {{"anyOf", std::move(forms)}};
  if (field.type == Type::Bytes) schema["x-unit"] = "bytes";
  if (field.type == Type::Duration) schema["x-unit"] = "milliseconds";
  return schema;
}

json::object list_schema(const Field& field) {
  auto schema = with_type("array", field);
  json::object items = {{"type", field.type == Type::TextList ? "string" : "integer"}};
  if (!field.choices.empty()) items["enum"] = choices_of(field);
  schema["items"] = std::move(items);
  add_bounds(schema, field, "minItems", "maxItems");
  return schema;
}

json::object map_schema(const Field& field) {
  auto schema = with_type("object", field);
  schema["additionalProperties"] =
      field.type == Type::Map ? json::object{{"type", "string"}} : to_json_schema(field.fields);
  add_bounds(schema, field, "minProperties", "maxProperties");
  return schema;
}

json::object value_schema(const Field& field) {
  switch (field.type) {
    case Type::Text: {
      auto schema = with_type("string", field);
      add_bounds(schema, field, "minLength", "maxLength");
      return schema;
    }
    case Type::Boolean:
      return with_type("boolean", field);
    case Type::Choice:
      return {{"enum", choices_of(field)}};
    case Type::Integer:
    case Type::Bytes:
    case Type::Duration:
      return measure_schema(field);
    case Type::TextList:
    case Type::IntegerList:
      return list_schema(field);
    case Type::Map:
    case Type::ObjectMap:
      return map_schema(field);
    case Type::Object: {
      auto schema = to_json_schema(field.fields);
      if (field.nullable) schema["type"] = json::array{"object", "null"};
      return schema;
    }
    case Type::Any:
      return {};
  }
  return {};
}

}  // namespace

std::string fallback_text(const Field& field) {
  if (field.required) return "required";
  if (field.fallback.is_null()) return field.nullable ? "`null`" : "";
  if (const auto* number = field.fallback.if_int64()) {
    return fmt::format("`{}`", amount(field, *number));
  }
  if (const auto* text = field.fallback.if_string()) {
    return text->empty() ? "`\"\"`" : fmt::format("`{}`", std::string_view(*text));
  }
  return fmt::format("`{}`", json::serialize(field.fallback));
}

std::string allowed_text(const Field& field) {
  switch (field.type) {
    case Type::Text:
      return text_words(field);
    case Type::Integer:
      return number_words(field, "a whole number", "");
    case Type::Boolean:
      return "true or false";
    case Type::Bytes:
      return number_words(field, "a size", " (bytes, or with KiB, MiB or GiB)");
    case Type::Duration:
      return number_words(field, "a duration", " (with ms, s, m, h or d)");
    case Type::Choice:
      return fmt::format("{}`{}`", field.choices.size() > 1 ? "one of " : "",
                         fmt::join(field.choices, "`, `"));
    case Type::TextList:
    case Type::IntegerList:
      return list_words(field);
    case Type::Object:
      return "an object";
    case Type::Map:
    case Type::ObjectMap:
      return map_words(field);
    case Type::Any:
      return "any value";
  }
  return "any value";
}

json::object to_json_schema(const Fields& fields) {
  json::object properties;
  json::array required;
  for (const auto& field : fields) {
    auto schema = value_schema(field);
    if (!field.help.empty()) schema["description"] = field.help;
    if (!field.fallback.is_null()) schema["default"] = field.fallback;
    if (field.secret) schema["writeOnly"] = true;
    if (field.secret && field.type == Type::Text) schema["format"] = "password";
    properties[field.name] = std::move(schema);
    if (field.required) required.emplace_back(field.name);
  }
  json::object schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

std::string to_markdown(const Fields& fields, std::string_view prefix) {
  std::string out = "| Name | Default | Allowed | Meaning |\n|---|---|---|---|\n";
  append_rows(out, fields, std::string(prefix));
  return out;
}

}  // namespace sluice::schema
