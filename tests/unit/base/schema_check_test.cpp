#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

bool begins_with_slash(std::string_view text) {
  return text.starts_with('/');
}

json::object object(std::string_view text) {
  return json::parse(text).as_object();
}

// One field named `x`.
Checked check_one(Field field, std::string_view document) {
  field.name = "x";
  return check({std::move(field)}, object(document));
}

// The only problem, or what is wrong with that.
std::string problem_of(const Checked& checked) {
  if (checked.problems.size() != 1) {
    return std::to_string(checked.problems.size()) + " problems";
  }
  return checked.problems[0].pointer + " " + checked.problems[0].detail;
}

struct Refused {
  std::string_view rule;
  Field field;
  std::string_view document;
  std::string_view problem;
};

const Refused kRefused[] = {
    {"text is text", {.type = Type::Text}, R"({"x":1})", "/x must be text, not 1"},
    {"a list is no text", {.type = Type::Text}, R"({"x":[1]})", "/x must be text, not a list"},
    {"an object is no text", {.type = Type::Text}, R"({"x":{}})", "/x must be text, not an object"},
    {"text has a least length",
     {.minimum = 2, .maximum = 3},
     R"({"x":"a"})",
     R"(/x must be text of 2 to 3 characters, not "a")"},
    {"text has a largest length",
     {.maximum = 3},
     R"({"x":"abcd"})",
     R"(/x must be text of at most 3 characters, not "abcd")"},
    {"text follows its own rule",
     {.pattern_help = "a path that begins with /", .allowed = begins_with_slash},
     R"({"x":"a"})",
     R"(/x must be a path that begins with /, not "a")"},
    {"text holds no U+0000", {}, "{\"x\":\"a\\u0000\"}", "/x must not contain U+0000"},
    {"a wrong value is quoted on one line",
     {.maximum = 1},
     R"({"x":"a\nb"})",
     R"(/x must be text of at most 1 characters, not "a\nb")"},
    {"integers are whole",
     {.type = Type::Integer},
     R"({"x":1.5})",
     "/x must be a whole number, not 1.5E0"},
    {"integers are numbers",
     {.type = Type::Integer},
     R"({"x":"1"})",
     R"(/x must be a whole number, not "1")"},
    {"integers have a range",
     {.type = Type::Integer, .minimum = 1, .maximum = 65535},
     R"({"x":70000})",
     "/x must be a whole number from 1 to 65535, not 70000"},
    {"integers fit 64 bits",
     {.type = Type::Integer},
     R"({"x":18446744073709551615})",
     "/x must be a whole number, not 18446744073709551615"},
    {"the words of an integer are named",
     {.type = Type::Integer, .choices = {"auto"}, .minimum = 1},
     R"({"x":0})",
     "/x must be a whole number of at least 1, or `auto`, not 0"},
    {"booleans are no numbers",
     {.type = Type::Boolean},
     R"({"x":1})",
     "/x must be true or false, not 1"},
    {"booleans are no text",
     {.type = Type::Boolean},
     R"({"x":"yes"})",
     R"(/x must be true or false, not "yes")"},
    {"sizes have a range in their unit",
     {.type = Type::Bytes, .minimum = 1024, .maximum = 1048576},
     R"({"x":"2MiB"})",
     R"(/x must be a size from 1KiB to 1MiB (bytes, or with KiB, MiB or GiB), not "2MiB")"},
    {"sizes are not negative",
     {.type = Type::Bytes},
     R"({"x":-1})",
     "/x must be a size (bytes, or with KiB, MiB or GiB), not -1"},
    {"durations have units",
     {.type = Type::Duration},
     R"({"x":"1 week"})",
     R"(/x must be a duration (with ms, s, m, h or d), not "1 week")"},
    {"a choice is one of them",
     {.type = Type::Choice, .choices = {"fsync", "os"}},
     R"({"x":"maybe"})",
     R"(/x must be one of `fsync`, `os`, not "maybe")"},
    {"a choice that is nearly right is named",
     {.type = Type::Choice, .choices = {"fsync", "os"}},
     R"({"x":"fsnyc"})",
     R"(/x must be one of `fsync`, `os`, not "fsnyc"; did you mean `fsync`?)"},
    {"lists are lists",
     {.type = Type::TextList},
     R"({"x":"a"})",
     R"(/x must be a list of texts, not "a")"},
    {"lists have a least size",
     {.type = Type::TextList, .minimum = 1},
     R"({"x":[]})",
     "/x must be a list of at least 1 texts, not 0 of them"},
    {"lists have a largest size",
     {.type = Type::IntegerList, .minimum = 1, .maximum = 2},
     R"({"x":[1,2,3]})",
     "/x must be a list of 1 to 2 whole numbers, not 3 of them"},
    {"members of a list are named",
     {.type = Type::TextList},
     R"({"x":["a",7]})",
     "/x/1 must be text, not 7"},
    {"members of a list follow the rule",
     {.type = Type::TextList,
      .pattern_help = "a path that begins with /",
      .allowed = begins_with_slash},
     R"({"x":["/a","b"]})",
     R"(/x/1 must be a path that begins with /, not "b")"},
    {"members of a list are among the choices",
     {.type = Type::IntegerList, .choices = {"0", "1", "2"}},
     R"({"x":[1,3]})",
     "/x/1 must be one of `0`, `1`, `2`, not 3"},
    {"maps hold text", {.type = Type::Map}, R"({"x":{"a/b":1}})", "/x/a~1b must be text, not 1"},
    {"maps have a largest size",
     {.type = Type::Map, .maximum = 1},
     R"({"x":{"a":"1","b":"2"}})",
     "/x must be an object that maps names to texts, with at most 1 names, not 2 of them"},
    {"names of a map follow the rule",
     {.type = Type::Map, .pattern_help = "a path that begins with /", .allowed = begins_with_slash},
     R"({"x":{"a":"1"}})",
     "/x/a the name must be a path that begins with /"},
    {"objects are objects", {.type = Type::Object}, R"({"x":3})", "/x must be an object, not 3"},
    {"required is required", {.required = true}, R"({})", "/x is missing: text"},
    {"null is not a value of what is required",
     {.required = true},
     R"({"x":null})",
     "/x must be text, not null"},
    {"a secret is never repeated",
     {.secret = true, .maximum = 3},
     R"({"x":"hunter2"})",
     "/x must be text of at most 3 characters"},
    {"a mask needs a saved secret",
     {.secret = true},
     R"({"x":"***"})",
     R"(/x is "***", which keeps a saved secret, but none is saved here)"},
    {"a reference is not a secret",
     {.secret = true},
     R"({"x":"file:/etc/shadow"})",
     "/x must be the secret itself: file: and env: work in the settings file only"},
    {"nor is a variable",
     {.secret = true},
     R"({"x":"env:HOME"})",
     "/x must be the secret itself: file: and env: work in the settings file only"},
};

TEST(SchemaCheck, RefusesWithPlaceAndWhatIsAllowed) {
  for (const auto& each : kRefused) {
    EXPECT_EQ(problem_of(check_one(each.field, each.document)), each.problem) << each.rule;
  }
}

struct Accepted {
  std::string_view rule;
  Field field;
  std::string_view document;
  std::string_view value;
};

const Accepted kAccepted[] = {
    {"text length counts characters", {.maximum = 2}, R"({"x":"€€"})", R"({"x":"€€"})"},
    {"a whole number may be written as a fraction",
     {.type = Type::Integer},
     R"({"x":5.0})",
     R"({"x":5})"},
    {"an integer may be a word",
     {.type = Type::Integer, .choices = {"auto"}},
     R"({"x":"auto"})",
     R"({"x":"auto"})"},
    {"sizes become bytes", {.type = Type::Bytes}, R"({"x":"2KiB"})", R"({"x":2048})"},
    {"sizes may be numbers", {.type = Type::Bytes}, R"({"x":77})", R"({"x":77})"},
    {"durations become milliseconds", {.type = Type::Duration}, R"({"x":"2s"})", R"({"x":2000})"},
    {"a duration may be a word",
     {.type = Type::Duration, .choices = {"never"}},
     R"({"x":"never"})",
     R"({"x":"never"})"},
    {"a fallback takes units too",
     {.type = Type::Duration, .fallback = "2s"},
     R"({})",
     R"({"x":2000})"},
    {"null is as if left out",
     {.type = Type::Integer, .fallback = 7},
     R"({"x":null})",
     R"({"x":7})"},
    {"null may be a value",
     {.type = Type::Integer, .fallback = 7, .nullable = true},
     R"({"x":null})",
     R"({"x":null})"},
    {"absent and without fallback stays absent", {}, R"({})", R"({})"},
    {"absent and nullable is null", {.nullable = true}, R"({})", R"({"x":null})"},
    {"an absent object is filled in",
     {.type = Type::Object, .fields = {{.name = "y", .type = Type::Integer, .fallback = 1}}},
     R"({})",
     R"({"x":{"y":1}})"},
    {"unless something in it is required",
     {.type = Type::Object, .fields = {{.name = "y", .required = true}}},
     R"({})",
     R"({})"},
    {"an object of its own fallback is complete",
     {.type = Type::Object,
      .fallback = json::object{{"y", 5}},
      .fields = {{.name = "y", .type = Type::Integer},
                 {.name = "z", .type = Type::Integer, .fallback = 2}}},
     R"({})",
     R"({"x":{"y":5,"z":2}})"},
    {"any is kept as it is",
     {.type = Type::Any},
     R"({"x":{"a":[1,null]}})",
     R"({"x":{"a":[1,null]}})"},
    {"free names lead to objects",
     {.type = Type::ObjectMap, .fields = {{.name = "y", .type = Type::Integer, .fallback = 1}}},
     R"({"x":{"a":{},"b":{"y":2}}})",
     R"({"x":{"a":{"y":1},"b":{"y":2}}})"},
};

TEST(SchemaCheck, AcceptsAndCompletes) {
  for (const auto& each : kAccepted) {
    const auto checked = check_one(each.field, each.document);
    EXPECT_TRUE(checked.problems.empty()) << each.rule << ": " << problem_of(checked);
    EXPECT_EQ(json::serialize(checked.value), each.value) << each.rule;
  }
}

const Fields kNested = {
    {.name = "settings",
     .type = Type::Object,
     .fields = {{.name = "bootstrap_servers", .required = true},
                {.name = "retry",
                 .type = Type::Object,
                 .fields = {{.name = "initial", .type = Type::Duration, .fallback = "200ms"}}}}}};

TEST(SchemaCheck, NamesTheNearestKnownNameAtEveryDepth) {
  const auto checked = check(
      kNested, object(R"({"settings":{"bootstrap_server":"a","retry":{"inital":"1s"}}})"), "/doc");

  ASSERT_EQ(checked.problems.size(), 3U);
  EXPECT_EQ(checked.problems[0].pointer, "/doc/settings/bootstrap_server");
  EXPECT_EQ(checked.problems[0].detail, "is not known here; did you mean `bootstrap_servers`?");
  EXPECT_EQ(checked.problems[1].pointer, "/doc/settings/bootstrap_servers");
  EXPECT_EQ(checked.problems[2].pointer, "/doc/settings/retry/inital");
  EXPECT_EQ(checked.problems[2].detail, "is not known here; did you mean `initial`?");
}

TEST(SchemaCheck, ListsTheKnownNamesWhenNoneIsNear) {
  const auto checked = check(kNested, object(R"({"settings":{"zzz":1,"bootstrap_servers":"a"}})"));

  EXPECT_EQ(problem_of(checked),
            "/settings/zzz is not known here; known are `bootstrap_servers`, `retry`");
}

TEST(SchemaCheck, FillsInWhatIsNested) {
  const auto checked = check(kNested, object(R"({"settings":{"bootstrap_servers":"a"}})"));

  EXPECT_EQ(json::serialize(checked.value),
            R"({"settings":{"bootstrap_servers":"a","retry":{"initial":200}}})");
}

}  // namespace
}  // namespace sluice::schema
