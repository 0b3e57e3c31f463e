#include "connect/template.hpp"

#include <gtest/gtest.h>

#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

struct Given {
  Given() {
    mqtt::PropertyWriter writer(properties);
    writer.text(mqtt::PropertyId::ContentType, "text/json");
    writer.user("line", "3");
    writer.user("a.b", "dotted");
    writer.user("line", "4");
    message.topic = "plant/7/telemetry";
    message.payload =
        R"({"t":21.5,"n":-3,"ok":true,"none":null,"a":{"b":[10,{"c":"x\"y"}]},"s":""})";
    message.properties = properties;
    message.client_id = "meter-1";
    message.host = "10.1.2.3";
    message.username = "meters";
    message.has_username = true;
    message.qos = 1;
    message.retain = true;
    message.timestamp_ms = 1714564800123;
    message.id = {0x0123456789abcdef, 42};
  }
  std::string evaluate(std::string_view text) {
    const auto compiled = Template::compile(text);
    if (!compiled) return "syntax: " + compiled.error().text();
    MessageFields fields("node-a");
    fields.use(message, arena);
    const auto value = compiled->evaluate(fields);
    return value ? std::string(*value) : "missing: " + std::string(value.error());
  }
  std::string properties;
  model::Message message;
  Arena arena;
};

struct Case {
  std::string_view text, expected;
};

TEST(Template, KnowsTheNamesOfItsScopeAlone) {
  const auto is_known = [](std::string_view text, TemplateScope scope) {
    return Template::compile(text, scope).has_value();
  };

  for (const std::string_view name : {"${key}", "${header.zone}"}) {
    EXPECT_FALSE(is_known(name, TemplateScope::Message)) << name;
    EXPECT_TRUE(is_known(name, TemplateScope::Record)) << name;
    EXPECT_FALSE(is_known(name, TemplateScope::Received)) << name;
  }
  for (const std::string_view name : {"${client_id}", "${host}", "${message_id}"}) {
    EXPECT_TRUE(is_known(name, TemplateScope::Message)) << name;
    EXPECT_FALSE(is_known(name, TemplateScope::Record)) << name;
    EXPECT_FALSE(is_known(name, TemplateScope::Received)) << name;
  }
  EXPECT_FALSE(is_known("${user.zone}", TemplateScope::Record));
  EXPECT_TRUE(is_known("${user.zone}${qos}", TemplateScope::Received));
  const auto refused = Template::compile("a/${client_id}", TemplateScope::Record);
  EXPECT_NE(refused.error().text().find("column 5: expected one of topic, key,"), std::string::npos)
      << refused.error().text();
}

// interface.md §6
TEST(Template, FillsInWhatTheMessageHas) {
  Given given;

  for (const auto& [text, expected] : {
           Case{"", ""},
           Case{"plain", "plain"},
           Case{"${topic}", "plant/7/telemetry"},
           Case{"${topic[0]}", "plant"},
           Case{"${topic[2]}", "telemetry"},
           Case{"${client_id}", "meter-1"},
           Case{"${username}", "meters"},
           Case{"${host}", "10.1.2.3"},
           Case{"${qos}", "1"},
           Case{"${retain}", "true"},
           Case{"${message_id}", "0123456789abcdef000000000000002a"},
           Case{"${timestamp}", "1714564800123"},
           Case{"${payload.t}", "21.5"},
           Case{"${payload.n}", "-3"},
           Case{"${payload.ok}", "true"},
           Case{"${payload.a.b[0]}", "10"},
           Case{"${payload.a.b[1].c}", "x\"y"},
           Case{"${payload.a.b}", R"([10,{"c":"x\"y"}])"},
           Case{"${payload.s}", ""},
           Case{"${user.line}", "4"},
           Case{"${user.a.b}", "dotted"},
           Case{"${user.'a.b'}", "dotted"},
           Case{"${env.node}", "node-a"},
           Case{"a-${topic[1]}.${client_id}-z", "a-7.meter-1-z"},
           Case{"$${topic}", "${topic}"},
           Case{"$ and $$ and }", "$ and $$ and }"},
           Case{"${clientid}", "meter-1"},
           Case{"${pub_props.'User-Property'.line}", "4"},
           Case{"${pub_props.User-Property.line}", "4"},
           Case{"${pub_props.'Content-Type'}", "text/json"},
           Case{"${flags.retain}", "true"},
           Case{"${peerhost}", "10.1.2.3"},
       })
    EXPECT_EQ(given.evaluate(text), expected) << text;
  EXPECT_EQ(given.evaluate("${payload}"), given.message.payload);
}

TEST(Template, TakesTheDefaultOfWhatIsMissingAndElseNamesIt) {
  Given given;

  EXPECT_EQ(given.evaluate("${payload.id:-none}"), "none");
  EXPECT_EQ(given.evaluate("x${payload.none:-}y"), "xy");
  EXPECT_EQ(given.evaluate("${topic[3]:-top}"), "top");
  EXPECT_EQ(given.evaluate("${user.zone:-a:-b}"), "a:-b");
  EXPECT_EQ(given.evaluate("${payload.id}"), "missing: payload.id");
  EXPECT_EQ(given.evaluate("a${payload.a.b[7]}"), "missing: payload.a.b[7]");
  EXPECT_EQ(given.evaluate("${user.zone}"), "missing: user.zone");
  given.message.has_username = false;
  EXPECT_EQ(given.evaluate("${username}"), "missing: username");
}

TEST(Template, TreatsAPayloadThatIsNotJsonAsMissing) {
  Given given;
  std::string deep(100, '[');
  deep += std::string(100, ']');

  for (const std::string_view payload :
       {std::string_view("not json"), std::string_view(deep), std::string_view("{\"a\":\"\xff\"}"),
        std::string_view()}) {
    given.message.payload = payload;
    EXPECT_EQ(given.evaluate("${payload.a}"), "missing: payload.a");
    EXPECT_EQ(given.evaluate("${payload.a:-d}"), "d");
    EXPECT_EQ(given.evaluate("${payload}"), payload);
  }
}

TEST(Template, SaysWhereASyntaxErrorStandsAndWhatWasExpected) {
  Given given;

  for (const auto& [text, expected] : {
           Case{"${", "syntax: line 1, column 3: expected one of topic"},
           Case{"ab${topic", "syntax: line 1, column 10: expected } or :-"},
           Case{"x\ny${nope}", "syntax: line 2, column 4: expected one of topic"},
           Case{"${clinet_id}", "(did you mean client_id?)"},
           Case{"${topic[x]}", "column 9: expected a number from 0 to 127"},
           Case{"${topic[1}", "column 10: expected ]"},
           Case{"${topic[200]}", "column 9: expected a number from 0 to 127"},
           Case{"${payload.}", "column 11: expected a name"},
           Case{"${payload.'a}", "column 14: expected '"},
           Case{"${user}", "column 7: expected . and the name of a user property"},
           Case{"${user.}", "column 8: expected the name of a user property"},
           Case{"${env.path}", "expected .node"},
           Case{"${topic:-abc", "column 13: expected }"},
           Case{"\xc3\xa9${x}", "column 4: expected one of topic"},
       })
    EXPECT_NE(given.evaluate(text).find(expected), std::string::npos)
        << text << " -> " << given.evaluate(text);
}

TEST(Template, CopiesNothingWhenItIsOneName) {
  Given given;
  const auto compiled = Template::compile("${client_id}");
  ASSERT_TRUE(compiled);
  MessageFields fields("node-a");
  fields.use(given.message, given.arena);

  const auto value = compiled->evaluate(fields);

  ASSERT_TRUE(value);
  EXPECT_EQ(value->data(), given.message.client_id.data());
  EXPECT_EQ(given.arena.bytes(), 0U);
}

}  // namespace
}  // namespace sluice::connect
