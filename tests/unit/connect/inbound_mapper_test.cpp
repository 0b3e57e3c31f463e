#include "connect/inbound_mapper.hpp"

#include <gtest/gtest.h>

#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;
using Pairs = std::vector<std::pair<std::string, std::string>>;

class InboundMapperTest : public testing::Test {
 protected:
  InboundMapperTest() {
    mapping.topic = *Template::compile("in/${key}", TemplateScope::Record);
    mapping.is_of_records = true;
    message.topic = "commands";
    message.client_id = "meter-1";
    message.payload = std::string_view("\x00\xff raw", 6);
  }
  void header(std::string_view name, std::string_view value) {
    mqtt::PropertyWriter(headers).user(name, value);
    message.properties = headers;
  }
  InboundMapper mapper() {
    return {mapping, {.node = "n", .client_id = "c-t-0", .task_id = "T", .maximum_hops = 3}};
  }
  broker::OutsideMessage map() {
    auto made = mapper().map(message, arena);
    EXPECT_TRUE(made) << made.error();
    return made.value_or(broker::OutsideMessage{});
  }
  Pairs user_properties() {
    Pairs found;
    const auto made = map();
    for (const auto& property : mqtt::Properties::from_checked(made.properties)) {
      if (property.id == PropertyId::UserProperty)
        found.emplace_back(std::string(property.name), std::string(property.text));
    }
    return found;
  }

  InboundMapping mapping;
  model::Message message;
  std::string headers;
  Arena arena;
};

// It would not fit behind them as it must, and whoever writes there must not end the server.
TEST_F(InboundMapperTest, RejectsOriginsThatLeaveNoRoomForItsOwn) {
  header("sluice-origins", std::string(65'534, 'x'));
  EXPECT_FALSE(mapper().circles(message));
  const auto made = mapper().map(message, arena);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), "sluice-origins: is too long");

  headers.clear();
  header("sluice-origins", std::string(65'533, 'x'));
  EXPECT_EQ(user_properties(), (Pairs{{"sluice-origins", std::string(65'533, 'x') + ",T"}}));
}

TEST_F(InboundMapperTest, MakesAMessageOfARecord) {
  const auto made = map();

  EXPECT_EQ(made.topic, "in/meter-1");
  EXPECT_EQ(made.payload, message.payload);
  EXPECT_EQ(made.qos, mqtt::Qos::AtLeastOnce);
  EXPECT_FALSE(made.retain);
  EXPECT_EQ(made.client.client_id, "c-t-0");
  EXPECT_FALSE(made.checks_policies);
}

// interface.md §5: the way back takes exactly one `user.` off.
TEST_F(InboundMapperTest, TakesHeadersBackToWhatTheyWereMadeOf) {
  header("mqtt.topic", "was/here");
  header("zone", "1");
  header("user.mqtt.x", "2");
  header("user.user.y", "3");
  header("zone", "4");
  header("mqtt.content_type", "text/plain");
  header("mqtt.content_type", "text/json");
  header("mqtt.message_expiry", "60");
  header("mqtt.payload_format", "1");
  header("mqtt.response_topic", "no/+/topic");

  EXPECT_EQ(user_properties(), (Pairs{{"zone", "1"},
                                      {"mqtt.x", "2"},
                                      {"user.y", "3"},
                                      {"zone", "4"},
                                      {"sluice-origins", "T"}}));
  const auto made = map();
  const auto properties = mqtt::Properties::from_checked(made.properties);
  EXPECT_EQ(properties.text(PropertyId::ContentType), "text/plain");
  EXPECT_EQ(properties.number(PropertyId::MessageExpiryInterval), 60U);
  EXPECT_FALSE(properties.text(PropertyId::ResponseTopic));
  EXPECT_FALSE(properties.number(PropertyId::PayloadFormatIndicator)) << "the payload is no text";
}

TEST_F(InboundMapperTest, SetsTheListedPropertiesInPlaceOfTheHeaders) {
  header("zone", "north");
  mapping.keeps_properties = false;
  mapping.properties.emplace_back("from", *Template::compile("${topic}", TemplateScope::Record));

  EXPECT_EQ(user_properties(), (Pairs{{"from", "commands"}, {"sluice-origins", "T"}}));
}

TEST_F(InboundMapperTest, KeepsWhatAnotherServerSaid) {
  mapping.topic = *Template::compile("${topic}", TemplateScope::Received);
  mapping.is_of_records = false;
  header("mqtt.x", "1");
  header("user.y", "2");
  message.qos = 2;
  message.retain = true;

  const auto made = map();

  EXPECT_EQ(made.qos, mqtt::Qos::ExactlyOnce);
  EXPECT_TRUE(made.retain);
  EXPECT_EQ(user_properties(), (Pairs{{"mqtt.x", "1"}, {"user.y", "2"}, {"sluice-origins", "T"}}));
}

TEST_F(InboundMapperTest, StopsWhatItHasBroughtInBeforeOrOthersTooOften) {
  EXPECT_FALSE(mapper().circles(message));
  header("sluice-origins", "A,B");
  EXPECT_FALSE(mapper().circles(message));
  EXPECT_EQ(user_properties(), (Pairs{{"sluice-origins", "A,B,T"}}));

  headers.clear();
  header("sluice-origins", "A,T");
  EXPECT_TRUE(mapper().circles(message));

  headers.clear();
  header("sluice-origins", "A,B,C");
  EXPECT_TRUE(mapper().circles(message)) << "as often as connect.maximum_hops allows";
}

TEST_F(InboundMapperTest, SaysWhatIsMissing) {
  message.client_id = {};
  EXPECT_EQ(mapper().map(message, arena).error(),
            "topic: ${key} is not in what came and has no default");

  message.client_id = "\xff";
  EXPECT_EQ(mapper().map(message, arena).error(),
            "topic: is not UTF-8 text of at most 65535 bytes");
}

}  // namespace
}  // namespace sluice::connect
