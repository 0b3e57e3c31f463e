#include "where/condition.hpp"

#include <gtest/gtest.h>

#include "mqtt/properties.hpp"

namespace sluice::where {
namespace {

struct Given {
  Given() {
    mqtt::PropertyWriter writer(properties);
    writer.user("line", "3");
    writer.user("a.b", "dotted");
    writer.user("flag", "True");
    writer.user("line", "4");
    message.topic = "plant/7/telemetry";
    message.payload =
        R"({"t":21.5,"n":-3,"ok":true,"none":null,"a":{"b":[10,{"c d":"x_y"}]},"s":"20","o":{},)"
        R"("big":9223372036854775807,"huge":18446744073709551615,"word":"Größe"})";
    message.properties = properties;
    message.client_id = "meter-1";
    message.username = "meters";
    message.has_username = true;
    message.qos = 1;
    message.retain = true;
    message.timestamp_ms = 1714564800123;
    message.id = {0x0123456789abcdef, 42};
  }
  std::string evaluate(std::string_view text) {
    const auto condition = Condition::compile(text);
    if (!condition) return condition.error().text();
    payload.use(message.payload);
    const auto truth = condition->evaluate(message, payload);
    return truth ? std::string(name_of(*truth)) : "too much";
  }
  std::string properties;
  model::Message message;
  PayloadJson payload;
};

void expect_all(Given& given, std::string_view truth, std::vector<std::string_view> texts) {
  for (const auto text : texts) EXPECT_EQ(given.evaluate(text), truth) << text;
}

// Its memory starts over with each payload: a block that doubled with each would soon be larger
// than any machine.
// What the parser has of a payload that ends too soon stands in memory that the next one takes.
TEST(PayloadJson, GoesOnAfterPayloadsThatAreNotJson) {
  const std::string good =
      R"({"a":[{"b":"a text that is too long to stand in the value itself"}]})";
  std::string large = "[";
  for (int i = 0; i < 1000; ++i) large += good + ',';
  large += "1]";
  PayloadJson payload;

  for (std::size_t end = 0; end < good.size(); ++end) {
    payload.use(std::string_view(good).substr(0, end));
    EXPECT_EQ(payload.get(), nullptr) << end;
    payload.use(large);
    EXPECT_NE(payload.get(), nullptr);
    payload.use(good);
    EXPECT_NE(payload.get(), nullptr);
  }
}

TEST(PayloadJson, TakesAnyNumberOfPayloadsThatAreLargerThanItsOwnMemory) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) text += "\"member-" + std::to_string(i) + "\":21.5,";
  text += "\"last\":7}";
  PayloadJson payload;
  for (int i = 0; i < 200; ++i) {
    payload.use(text);
    const auto* value = payload.get();
    ASSERT_NE(value, nullptr) << i;
    ASSERT_EQ(value->as_object().at("last").as_int64(), 7);
    payload.use("{\"small\":1}");
    ASSERT_NE(payload.get(), nullptr);
  }
}

// interface.md §6
TEST(Condition, IsTrueOfWhatTheMessageHas) {
  Given given;

  expect_all(given, "true",
             {"$topic = 'plant/7/telemetry'",
              "$qos >= 1 AND payload.t > 20",
              "$QoS = 1",
              "$retain",
              "$retain = TRUE and not $dup",
              "$client_id = 'meter-1'",
              "$username <> 'x'",
              "$host IS NULL",
              "$timestamp = 1714564800123",
              "$message_id = '0123456789abcdef000000000000002a'",
              "line = 4",
              "line = '4'",
              "line + 1 = 5",
              "\"a.b\" = 'dotted'",
              "flag",
              "payload.ok = flag",
              "payload.a.b[0] = 10",
              "payload.a.b[1].'c d' = 'x_y'",
              "payload.a.b[1].\"c d\" = 'x_y'",
              "payload.s > 3",
              "payload.none IS NULL",
              "payload.o IS NOT NULL",
              "payload LIKE '{%}'",
              "LENGTH(payload.word) = 5",
              "UPPER($client_id) = 'METER-1'",
              "lower('ABC') = 'abc'",
              "ABS(payload.n) = 3",
              "COALESCE(payload.nothing, payload.none, 7) = 7"});
}

TEST(Condition, FollowsTheThreeValuedLogicOfSql) {
  Given given;

  expect_all(given, "unknown",
             {"payload.nothing = 1", "payload.none = NULL", "payload.none <> 1", "nobody = 'x'",
              "NOT payload.nothing = 1", "payload.nothing = 1 AND TRUE", "NULL OR FALSE",
              "payload.nothing = 1 OR FALSE", "payload.t = 'warm'", "payload.o = 1",
              "payload.ok = 1", "payload.t IN (1, NULL)", "payload.t NOT IN (1, NULL)",
              "NULL BETWEEN 1 AND 2", "3 BETWEEN 1 AND NULL", "payload.n LIKE '3'",
              "payload.t / 0 = 1", "CASE WHEN FALSE THEN TRUE END"});
  expect_all(given, "false",
             {"payload.nothing = 1 AND FALSE", "3 BETWEEN 4 AND NULL", "NOT $retain",
              "payload.t IN (1, 2)", "$topic LIKE 'plant'", "payload.none IS NOT NULL"});
  expect_all(given, "true",
             {"payload.nothing = 1 OR TRUE", "payload.t IN (NULL, 21.5)", "payload.t NOT IN (1, 2)",
              "3 NOT BETWEEN 4 AND NULL", "FALSE IS NOT NULL", "(1 = NULL) IS NULL"});
}

TEST(Condition, BindsAsSqlDoes) {
  Given given;

  expect_all(given, "true",
             {"TRUE OR FALSE AND FALSE", "NOT FALSE AND TRUE", "NOT 1 = 2", "1 + 2 * 3 = 7",
              "(1 + 2) * 3 = 9", "7 - 2 - 1 = 4", "8 / 2 / 2 = 2", "7 % 4 = 3", "- -3 = 3",
              "1 BETWEEN 0 AND 2 AND TRUE", "2 - -1 = 3",
              "CASE payload.n WHEN 1 THEN FALSE WHEN -3 THEN TRUE ELSE FALSE END",
              "CASE WHEN payload.t > 30 THEN 'hot' WHEN payload.t > 20 THEN 'warm' END = 'warm'"});
}

TEST(Condition, CountsExactlyWhereNumbersAreWhole) {
  Given given;

  expect_all(given, "true",
             {"payload.big = 9223372036854775807", "payload.big - 1 = 9223372036854775806",
              "payload.big < 9223372036854775808.0", "payload.big + 1 > payload.big",
              "payload.huge > payload.big", "9007199254740993 > 9007199254740992.0", "7 / 2 = 3.5",
              "6 / 2 = 3", "-7 % 4 = -3", "7.5 % 2 = 1.5", "1e3 = 1000",
              "-9223372036854775808 < -9223372036854775807", "1e308 * 10 IS NULL"});
}

TEST(Condition, MatchesPatterns) {
  Given given;

  expect_all(given, "true",
             {"$topic LIKE 'plant/%'", "$topic LIKE '%/7/%'", "$topic LIKE 'plant/_/telemetry'",
              "'' LIKE '%'", "'' LIKE ''", "'abc' LIKE '%%c'", "'aXbXc' LIKE 'a%X_'",
              "payload.word LIKE 'Gr__e'", "'50%' LIKE '__!%' ESCAPE '!'", "'it''s' LIKE 'it''_'",
              "$topic NOT LIKE 'plant'", "'aab' LIKE '%ab'"});
  expect_all(given, "false",
             {"'502' LIKE '__!%' ESCAPE '!'", "'abc' LIKE 'ab'", "'ab' LIKE 'ab_'", "'' LIKE '_'",
              "'ABC' LIKE 'abc'"});
}

TEST(Condition, SaysWhereAndWhatWasExpected) {
  Given given;

  EXPECT_EQ(given.evaluate("$qos >="),
            "line 1, column 8: expected a value: a name such as payload.temperature or $topic, a "
            "number, or text in 'quotes'");
  EXPECT_EQ(given.evaluate("$qos = 1\nAND $topc = 'x'"),
            "line 2, column 5: expected one of $topic, $qos, $retain, $dup, $client_id, $username, "
            "$host, $timestamp, $message_id (did you mean $topic?)");
  for (const auto& [text, expected] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"", "column 1: expected a condition, such as $qos >= 1"},
           {"a == 1", "column 4: expected one ="},
           {"a = 1 b = 2", "column 7: expected AND, OR or the end"},
           {"'ü' = 'x", "column 9: expected the closing '"},
           {"a IN ()", "column 7: expected a value"},
           {"a IN (1, 2", "column 11: expected , or )"},
           {"a NOT 1", "column 7: expected IN, BETWEEN or LIKE"},
           {"a IS 1", "column 6: expected NULL or NOT NULL"},
           {"a BETWEEN 1 OR 2", "column 13: expected AND"},
           {"site.name = 'x'", "in double quotes"},
           {"TRIM(a) = 'x'", "column 1: expected UPPER, LOWER"},
           {"UPPER(a, b) = 'x'", "column 6: expected one value"},
           {"a = 3rd", "column 5: expected a number"},
           {"a # b", "column 3: expected a name, a value or an operator"},
           {"1 AND TRUE", "column 1: expected a condition, not a value alone"},
           {"TRUE OR 'x'", "column 9: expected a condition, not a value alone"},
           {"payload.a + 1", "column 1: expected a condition, not a value alone"},
           {"CASE WHEN TRUE THEN 1", "column 22: expected WHEN, ELSE or END"},
           {"payload. = 1", "the name of a member"},
           {"payload.a[x] = 1", "a number from 0"},
           {"a LIKE 'x' ESCAPE 'ab'", "one ASCII character"}}) {
    EXPECT_NE(given.evaluate(text).find(expected), std::string::npos)
        << text << ": " << given.evaluate(text);
  }
}

TEST(Condition, IsBoundedInDepthAndLength) {
  const auto compiles = [](const std::string& text) {
    return Condition::compile(text).has_value();
  };
  const auto repeated = [](std::string_view part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };

  EXPECT_TRUE(compiles(repeated("(", 60) + "a = 1" + repeated(")", 60)));
  EXPECT_FALSE(compiles(repeated("(", 5000) + "a = 1" + repeated(")", 5000)));
  EXPECT_FALSE(compiles(repeated("NOT ", 4000) + "a"));
  EXPECT_FALSE(compiles("a = " + repeated("- ", 4000) + "b"));
  EXPECT_FALSE(compiles("a = 1" + repeated("+ 1", 4000)));
  EXPECT_TRUE(compiles("a = 1" + repeated(" OR a = 1", 500)));
  EXPECT_FALSE(compiles("a = 1" + repeated(" OR a = 1", 1500)));
  EXPECT_FALSE(compiles("a = '" + repeated("x", 17000) + "'"));
}

TEST(Condition, GivesUpOnAPatternThatTakesTooLong) {
  Given given;
  const std::string payload(100'000, 'a');
  given.message.payload = payload;
  std::string pattern = "%";
  for (int i = 0; i < 1000; ++i) pattern += "a_a";

  EXPECT_EQ(given.evaluate("payload LIKE '" + pattern + "b'"), "too much");
  EXPECT_EQ(given.evaluate("payload LIKE '%a%a%a%a%a%b'"), "false");
}

TEST(Condition, NamesWhatTheMessageLacks) {
  Given given;
  given.payload.use("not JSON");
  const auto condition = Condition::compile("payload.t > 20 AND (line = 4 OR zone = 'a')");
  given.message.properties = {};

  std::vector<std::string_view> missing;
  const auto truth = condition->evaluate(given.message, given.payload, &missing);

  EXPECT_EQ(truth, Truth::Unknown);
  EXPECT_EQ(missing, (std::vector<std::string_view>{"payload.t", "line", "zone"}));
}

}  // namespace
}  // namespace sluice::where
