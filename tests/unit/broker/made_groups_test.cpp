// Shared subscription groups that an administrator makes, and mqtt.groups_must_exist.
#include "broker/made_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;

class MadeGroupsTest : public testing::Test {
 protected:
  MadeGroupsTest() { only_made_ones(true); }
  void only_made_ones(bool on) {
    Limits limits;
    limits.groups_must_exist = on;
    server.broker.set_limits(limits);
  }
  void make(std::string_view name, std::string_view strategy = "default") {
    ASSERT_TRUE(
        server.broker.made_groups().documents().create({{"name", name}, {"strategy", strategy}}));
  }

  MemoryStore store{MemoryStore::Durability::AtOnce};
  BrokerUnderTest server{store};
};

TEST_F(MadeGroupsTest, AreTheOnlyOnesThatClientsMaySubscribeIn) {
  make("billing");
  ScriptedClient client(server);
  client.connect("worker");

  EXPECT_THAT(client.subscribe("$share/billing/a/#", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));
  EXPECT_THAT(client.subscribe("$share/other/a/#", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::TopicFilterInvalid));
  EXPECT_THAT(client.subscribe("a/#", Qos::AtLeastOnce), ElementsAre(ReasonCode::GrantedQos1));
}

TEST_F(MadeGroupsTest, AreNamedToWhoIsRefused) {
  ScriptedClient client(server);
  client.connect("worker");
  mqtt::Subscribe packet;
  packet.packet_id = 7;
  packet.subscriptions.push_back({.filter = "$share/other/a", .qos = Qos::AtLeastOnce});

  client.send(packet);
  server.make_durable();

  const auto answers = client.take<mqtt::Suback>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].properties.text(mqtt::PropertyId::ReasonString));
}

TEST_F(MadeGroupsTest, NeedNotExistUnlessTheSettingSaysSo) {
  only_made_ones(false);
  ScriptedClient client(server);
  client.connect("worker");

  EXPECT_THAT(client.subscribe("$share/any/a", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));
}

TEST_F(MadeGroupsTest, HaveAStrategyOfTheirOwn) {
  make("one", "sticky");
  make("two");

  EXPECT_EQ(server.broker.group_strategy("one"), GroupStrategy::Sticky);
  EXPECT_EQ(server.broker.group_strategy("two"), GroupStrategy::RoundRobin);
  EXPECT_EQ(server.broker.group_strategy("three"), GroupStrategy::RoundRobin);
}

TEST_F(MadeGroupsTest, HaveNamesThatASharedSubscriptionCanHave) {
  auto& groups = server.broker.made_groups().documents();

  for (const std::string_view name : {"", "a/b", "a+", "#"})
    EXPECT_FALSE(groups.create({{"name", name}})) << name;
  EXPECT_TRUE(groups.create({{"name", "x"}}));
}

TEST_F(MadeGroupsTest, AreThereAfterARestart) {
  make("billing", "random");

  BrokerUnderTest again(store);
  ASSERT_TRUE(again.broker.load());

  EXPECT_TRUE(again.broker.made_groups().contains("billing"));
  EXPECT_EQ(again.broker.group_strategy("billing"), GroupStrategy::Random);
}

}  // namespace
}  // namespace sluice::broker::test
