#include <regex>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

std::string schema_of(Field field) {
  field.name = "x";
  const auto schema = to_json_schema({std::move(field)});
  return json::serialize(schema.at("properties").at("x"));
}

TEST(JsonSchema, SaysWhatEachTypeTakes) {
  EXPECT_EQ(schema_of({.help = "Help.", .fallback = "a", .minimum = 1, .maximum = 9}),
            R"({"type":"string","minLength":1,"maxLength":9,"description":"Help.","default":"a"})");
  EXPECT_EQ(schema_of({.type = Type::Integer, .minimum = 0}), R"({"type":"integer","minimum":0})");
  EXPECT_EQ(schema_of({.type = Type::Integer, .nullable = true}),
            R"({"anyOf":[{"type":"integer"},{"type":"null"}]})");
  EXPECT_EQ(schema_of({.type = Type::Boolean}), R"({"type":"boolean"})");
  EXPECT_EQ(schema_of({.type = Type::Choice, .choices = {"a", "b"}}), R"({"enum":["a","b"]})");
  EXPECT_EQ(schema_of({.type = Type::IntegerList, .choices = {"0", "1"}, .maximum = 2}),
            R"({"type":"array","items":{"type":"integer","enum":[0,1]},"maxItems":2})");
  EXPECT_EQ(schema_of({.type = Type::Map, .nullable = true}),
            R"({"type":["object","null"],"additionalProperties":{"type":"string"}})");
  EXPECT_EQ(schema_of({.type = Type::Any}), "{}");
}

TEST(JsonSchema, TakesMeasuresAsNumbersTextOrWords) {
  const auto schema = json::parse(schema_of({.type = Type::Duration, .choices = {"never"}}));

  const auto& forms = schema.at("anyOf").as_array();
  ASSERT_EQ(forms.size(), 3U);
  EXPECT_EQ(forms[0].at("type").as_string(), "integer");
  EXPECT_EQ(forms[1].at("type").as_string(), "string");
  // The same texts as parse_duration_ms(): a number without a unit is none.
  const std::regex pattern(std::string(forms[1].at("pattern").as_string()));
  for (const auto* text : {"0", "30s", "30 d", " 500ms ", "30", "", "s", "1h30m", "1w"}) {
    EXPECT_EQ(std::regex_match(text, pattern), parse_duration_ms(text).has_value()) << text;
  }
  EXPECT_EQ(json::serialize(forms[2]), R"({"enum":["never"]})");
  EXPECT_EQ(schema.at("x-unit").as_string(), "milliseconds");
}

TEST(JsonSchema, MarksSecretsAsWriteOnly) {
  EXPECT_EQ(schema_of({.secret = true}),
            R"({"type":"string","writeOnly":true,"format":"password"})");
}

TEST(JsonSchema, NestsAndClosesObjects) {
  const Fields fields = {
      {.name = "a", .type = Type::Object, .fields = {{.name = "b", .required = true}}},
      {.name = "c", .type = Type::ObjectMap, .fields = {{.name = "d", .type = Type::Boolean}}}};

  EXPECT_EQ(json::serialize(to_json_schema(fields)),
            R"({"type":"object","properties":{)"
            R"("a":{"type":"object","properties":{"b":{"type":"string"}},)"
            R"("required":["b"],"additionalProperties":false},)"
            R"("c":{"type":"object","additionalProperties":{"type":"object",)"
            R"("properties":{"d":{"type":"boolean"}},"additionalProperties":false}}},)"
            R"("additionalProperties":false})");
}

TEST(Markdown, HasALinePerValueWithDottedNames) {
  const Fields fields = {
      {.name = "store",
       .type = Type::Object,
       .fields = {{.name = "cache_bytes",
                   .type = Type::Bytes,
                   .help = "Memory.",
                   .fallback = 268435456,
                   .minimum = 1024},
                  {.name = "mode",
                   .type = Type::Choice,
                   .help = "a|b",
                   .required = true,
                   .choices = {"a"}}}},
      {.name = "listeners",
       .type = Type::ObjectMap,
       .fields = {{.name = "password", .help = "Of it.", .secret = true, .reloadable = true}}}};

  EXPECT_EQ(
      to_markdown(fields, "p."),
      "| Name | Default | Allowed | Meaning |\n|---|---|---|---|\n"
      "| `p.store.cache_bytes` | `256MiB` | a size of at least 1KiB (bytes, or with KiB, MiB "
      "or GiB) | Memory. |\n"
      "| `p.store.mode` | required | `a` | a\\|b |\n"
      "| `p.listeners.NAME.password` |  | text | Of it. Secret: never shown. Can change while "
      "running. |\n");
}

}  // namespace
}  // namespace sluice::schema
