// What all clients together make the server keep, each kind within its bound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;

class MemoryBoundsTest : public testing::Test {
 protected:
  static mqtt::Will will(std::string_view topic) {
    return {.topic = topic,
            .payload = "gone",
            .qos = Qos::AtLeastOnce,
            .retain = false,
            .properties = {}};
  }

  MemoryStore store{MemoryStore::Durability::Manual};
};

TEST_F(MemoryBoundsTest, RefuseAWillThatAllOfThemHaveNoRoomFor) {
  Limits limits;
  limits.wills_bytes = 10;
  BrokerUnderTest strict(store, limits);
  ScriptedClient first(strict);
  first.will = will("w/1");  // seven bytes with its payload
  ScriptedClient second(strict);
  second.will = will("w/2");
  ASSERT_EQ(first.connect("first").reason, ReasonCode::Success);

  EXPECT_EQ(second.connect("second").reason, ReasonCode::QuotaExceeded);
  EXPECT_EQ(strict.broker.memory().wills->refused(), 1U);
  first.send(mqtt::Disconnect{.reason = ReasonCode::Success, .properties = {}});
  strict.make_durable();
  EXPECT_EQ(strict.broker.memory().wills->bytes(), 0U);
  ScriptedClient third(strict);
  third.will = will("w/3");
  EXPECT_EQ(third.connect("third").reason, ReasonCode::Success);
}

TEST_F(MemoryBoundsTest, RefuseNamesAndFiltersThatAllSessionsHaveNoRoomFor) {
  Limits limits;
  limits.sessions_bytes = 20;
  BrokerUnderTest strict(store, limits);
  ScriptedClient client(strict);
  ASSERT_EQ(client.connect("four").reason, ReasonCode::Success);
  ScriptedClient longer(strict);

  EXPECT_EQ(longer.connect(std::string(17, 'n')).reason, ReasonCode::QuotaExceeded);
  EXPECT_THAT(client.subscribe("ten/letters", Qos::AtMostOnce), ElementsAre(ReasonCode::Success));
  EXPECT_THAT(client.subscribe("others", Qos::AtMostOnce), ElementsAre(ReasonCode::QuotaExceeded));
  EXPECT_THAT(client.subscribe("ten/letters", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));  // the same again takes no more
  client.unsubscribe("ten/letters");
  EXPECT_THAT(client.subscribe("others", Qos::AtMostOnce), ElementsAre(ReasonCode::Success));
  EXPECT_EQ(strict.broker.memory().sessions->refused(), 2U);
  client.drop();
  EXPECT_EQ(strict.broker.memory().sessions->bytes(), 0U);
}

TEST_F(MemoryBoundsTest, EndWhoSendsATopicAliasThatAllOfThemHaveNoRoomFor) {
  Limits limits;
  limits.aliases_bytes = 10;
  BrokerUnderTest strict(store, limits);
  ScriptedClient client(strict);
  client.connect("client");
  const auto publish = [&](std::string_view topic, std::uint32_t alias) {
    std::string properties;
    mqtt::PropertyWriter(properties).number(PropertyId::TopicAlias, alias);
    client.send(mqtt::Publish{
        .topic = topic, .payload = "x", .properties = mqtt::Properties::from_checked(properties)});
    strict.make_durable();
  };
  publish("seven/7", 1);
  publish("seven/8", 1);  // in its place
  publish("a", 2);
  EXPECT_FALSE(client.link->closed);

  publish("bcd", 3);

  const auto farewells = client.take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::QuotaExceeded);
  client.connection.reset();
  EXPECT_EQ(strict.broker.memory().aliases->bytes(), 0U);
}

TEST_F(MemoryBoundsTest, RefuseARetainedMessageThatAllOfThemHaveNoRoomFor) {
  Limits limits;
  limits.retained_bytes = 10;
  BrokerUnderTest strict(store, limits);
  ScriptedClient client(strict);
  client.connect("client");
  std::uint16_t packet_id = 0;
  const auto publish = [&](std::string_view topic, std::string_view payload) {
    client.publish(topic, payload, Qos::AtLeastOnce, ++packet_id, true);
    strict.make_durable();
    return client.take<mqtt::Ack>().at(0).reason;
  };

  EXPECT_EQ(publish("a", "12345678"), ReasonCode::NoMatchingSubscribers);
  EXPECT_EQ(publish("b", "1"), ReasonCode::QuotaExceeded);
  EXPECT_EQ(publish("a", "123456789"), ReasonCode::NoMatchingSubscribers);  // in its place
  EXPECT_EQ(publish("a", "1234567890"), ReasonCode::QuotaExceeded);
  EXPECT_EQ(publish("a", ""), ReasonCode::NoMatchingSubscribers);
  EXPECT_EQ(publish("b", "1"), ReasonCode::NoMatchingSubscribers);
  EXPECT_EQ(strict.broker.retained().memory()->bytes(), 2U);
}

TEST_F(MemoryBoundsTest, SendAWillUnretainedWhereThereIsNoRoom) {
  Limits limits;
  limits.retained_maximum = 1;
  BrokerUnderTest strict(store, limits);
  ScriptedClient reader(strict);
  reader.connect("reader");
  reader.subscribe("w/+", Qos::AtMostOnce);
  for (const auto* topic : {"w/1", "w/2"}) {
    ScriptedClient client(strict);
    client.will = will(topic);
    client.will->retain = true;
    client.connect(topic);
    client.drop();
    strict.make_durable();
  }

  EXPECT_THAT(reader.take_payloads(), ElementsAre("gone", "gone"));
  EXPECT_EQ(strict.broker.retained().size(), 1U);
  EXPECT_EQ(strict.broker.counters().publishes_refused.value(), 1U);
}

}  // namespace
}  // namespace sluice::broker::test
