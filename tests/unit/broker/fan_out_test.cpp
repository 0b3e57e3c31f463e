// One message to many clients: encoded once, and yet each gets what is right for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::Version;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class FanOut : public testing::Test {
 protected:
  void publish(ScriptedClient& publisher, std::string_view payload, Qos qos,
               std::string_view properties = {}, bool retain = false) {
    publisher.send(mqtt::Publish{.topic = "plant/1",
                                 .payload = payload,
                                 .qos = qos,
                                 .retain = retain,
                                 .dup = false,
                                 .packet_id = qos == Qos::AtMostOnce ? std::uint16_t{0} : ++id_,
                                 .properties = mqtt::Properties::from_checked(properties)});
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
  std::uint16_t id_ = 0;
};

TEST_F(FanOut, GivesEveryClientItsOwnVersionQosAndPacketId) {
  ScriptedClient publisher(server);
  publisher.connect("publisher");
  ScriptedClient old_one(server, Version::V311);
  ScriptedClient new_one(server);
  ScriptedClient other(server);
  ScriptedClient unacknowledged(server);
  for (auto* client : {&old_one, &new_one, &other, &unacknowledged})
    client->connect("client " + std::to_string(reinterpret_cast<std::uintptr_t>(client)));
  old_one.subscribe("plant/+", Qos::AtLeastOnce);
  new_one.subscribe("plant/+", Qos::AtLeastOnce);
  other.subscribe("plant/+", Qos::AtLeastOnce);
  unacknowledged.subscribe("plant/+", Qos::AtMostOnce);
  std::string properties;
  mqtt::PropertyWriter(properties).user("line", "12");

  publish(publisher, "before", Qos::AtLeastOnce);
  server.turn();
  other.ack(mqtt::PacketType::Puback, 1);
  publish(publisher, "one", Qos::AtLeastOnce, properties);
  publish(publisher, "two", Qos::AtMostOnce);
  publish(publisher, "three", Qos::AtLeastOnce);
  server.turn();

  for (auto* client : {&old_one, &new_one, &other, &unacknowledged}) {
    const auto publishes = client->take<mqtt::Publish>();
    ASSERT_EQ(publishes.size(), 4U);
    const bool acknowledges = client != &unacknowledged;
    const auto qos = acknowledges ? Qos::AtLeastOnce : Qos::AtMostOnce;
    const auto text = client == &old_one ? std::string() : properties;
    EXPECT_EQ(publishes[1].payload, "one");
    EXPECT_EQ(publishes[1].topic, "plant/1");
    EXPECT_EQ(publishes[1].qos, qos);
    EXPECT_EQ(publishes[1].packet_id, acknowledges ? 2 : 0);
    EXPECT_EQ(publishes[1].properties.encoded(), text);
    EXPECT_EQ(publishes[2].payload, "two");
    EXPECT_EQ(publishes[2].qos, Qos::AtMostOnce);
    EXPECT_EQ(publishes[2].packet_id, 0);
    EXPECT_EQ(publishes[3].payload, "three");
    EXPECT_EQ(publishes[3].packet_id, acknowledges ? 3 : 0);
    EXPECT_THAT(publishes[3].properties.encoded(), IsEmpty());
  }
}

TEST_F(FanOut, GivesSubscriptionIdentifiersOnlyToWhoAskedForThem) {
  ScriptedClient publisher(server);
  ScriptedClient plain(server);
  ScriptedClient numbered(server);
  publisher.connect("publisher");
  plain.connect("plain");
  numbered.connect("numbered");
  plain.subscribe("plant/1", Qos::AtMostOnce);
  numbered.subscribe("plant/1", Qos::AtMostOnce, 17);

  publish(publisher, "one", Qos::AtMostOnce);
  server.turn();

  const auto to_plain = plain.take<mqtt::Publish>();
  const auto to_numbered = numbered.take<mqtt::Publish>();
  ASSERT_EQ(to_plain.size(), 1U);
  ASSERT_EQ(to_numbered.size(), 1U);
  EXPECT_TRUE(to_plain[0].properties.empty());
  EXPECT_EQ(to_numbered[0].properties.number(PropertyId::SubscriptionIdentifier), 17U);
}

TEST_F(FanOut, CountsTheExpiryDownForEachClient) {
  ScriptedClient publisher(server);
  ScriptedClient one(server);
  ScriptedClient two(server);
  publisher.connect("publisher");
  one.connect("one");
  two.connect("two");
  one.subscribe("plant/1", Qos::AtLeastOnce);
  two.subscribe("plant/1", Qos::AtLeastOnce);
  std::string properties;
  mqtt::PropertyWriter(properties).number(PropertyId::MessageExpiryInterval, 100);

  publish(publisher, "expires", Qos::AtLeastOnce, properties);
  publish(publisher, "stays", Qos::AtLeastOnce);
  server.turn();

  for (auto* client : {&one, &two}) {
    const auto publishes = client->take<mqtt::Publish>();
    ASSERT_EQ(publishes.size(), 2U);
    EXPECT_LE(publishes[0].properties.number(PropertyId::MessageExpiryInterval), 100U);
    EXPECT_EQ(publishes[1].payload, "stays");
    EXPECT_TRUE(publishes[1].properties.empty());
  }
}

TEST_F(FanOut, DropsForASlowClientAloneAndCountsIt) {
  ScriptedClient publisher(server);
  ScriptedClient slow(server);
  ScriptedClient quick(server);
  publisher.connect("publisher");
  slow.connect("slow");
  quick.connect("quick");
  slow.subscribe("plant/1", Qos::AtMostOnce);
  quick.subscribe("plant/1", Qos::AtMostOnce);
  slow.link->stuck = kOutputHighWater;

  publish(publisher, "one", Qos::AtMostOnce);
  server.turn();

  EXPECT_THAT(slow.take_payloads(), IsEmpty());
  EXPECT_THAT(quick.take_payloads(), ElementsAre("one"));
  EXPECT_EQ(server.broker.counters().dropped_slow_client.value(), 1U);
}

// More than one run, and more than one variant in turn: nothing of an earlier one is left.
TEST_F(FanOut, KeepsTheOrderOverManyMessagesAndTopics) {
  ScriptedClient publisher(server);
  ScriptedClient one(server);
  ScriptedClient two(server);
  publisher.connect("publisher");
  one.connect("one");
  two.connect("two");
  one.subscribe("plant/#", Qos::AtMostOnce);
  two.subscribe("plant/#", Qos::AtMostOnce);
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(std::to_string(i));
    publisher.publish(i % 70 < 35 ? "plant/1" : "plant/2", sent.back(), Qos::AtMostOnce);
  }
  server.turn();

  EXPECT_EQ(one.take_payloads(), sent);
  EXPECT_EQ(two.take_payloads(), sent);
}

}  // namespace
}  // namespace sluice::broker::test
