// To which member of a shared group a message goes.
#include "broker/group_strategy.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/made_groups.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class GroupStrategies : public testing::Test {
 protected:
  void start(GroupStrategy strategy) {
    Limits limits;
    limits.group_strategy = strategy;
    server = std::make_unique<BrokerUnderTest>(store, limits);
  }
  ScriptedClient& member(std::string_view id, std::uint16_t window = 0) {
    auto& made = *members.emplace_back(std::make_unique<ScriptedClient>(*server));
    made.connect(id, true, kLong, window);
    made.subscribe("$share/g/t/#", Qos::AtLeastOnce);
    return made;
  }
  void publish(std::string_view topic, std::string_view payload, std::string_view client_id = "p") {
    auto& publisher = publishers[std::string(client_id)];
    if (!publisher) {
      publisher = std::make_unique<ScriptedClient>(*server);
      publisher->connect(client_id);
    }
    publisher->publish(topic, payload, Qos::AtLeastOnce, 1);
    server->make_durable();
  }
  // On so many topics, in turn.
  void publish_numbers(int from, int to, int topics) {
    for (int i = from; i <= to; ++i) publish("t/" + std::to_string(i % topics), std::to_string(i));
  }
  // With a strategy and a latency of its own.
  void make_group(int latency) {
    const auto made = server->broker.made_groups().documents().create(
        {{"name", "g"}, {"strategy", "hash_topic"}, {"strategy_latency_seconds", latency}});
    ASSERT_TRUE(made) << made.error().detail;
  }
  void set_latency(int seconds) {
    const auto changed = server->broker.made_groups().documents().replace(
        "g", {{"name", "g"}, {"strategy", "hash_topic"}, {"strategy_latency_seconds", seconds}});
    ASSERT_TRUE(changed) << changed.error().detail;
    server->turn();
  }
  static void acknowledge(ScriptedClient& client, const mqtt::Publish& message) {
    client.ack(PacketType::Puback, message.packet_id);
  }
  std::vector<std::string> take_and_acknowledge(ScriptedClient& client) {
    std::vector<std::string> payloads;
    while (true) {
      server->make_durable();
      const auto messages = client.take<mqtt::Publish>();
      if (messages.empty()) return payloads;
      for (const auto& message : messages) {
        payloads.emplace_back(message.payload);
        acknowledge(client, message);
      }
    }
  }

  MemoryStore store{MemoryStore::Durability::AtOnce};
  std::unique_ptr<BrokerUnderTest> server;
  std::vector<std::unique_ptr<ScriptedClient>> members;
  std::map<std::string, std::unique_ptr<ScriptedClient>> publishers;
};

TEST_F(GroupStrategies, HaveOneNameEach) {
  for (const auto name : kGroupStrategies) EXPECT_EQ(name_of(group_strategy(name).value()), name);
  EXPECT_FALSE(group_strategy("hash"));
}

TEST_F(GroupStrategies, RoundRobinGivesToEachInTurn) {
  start(GroupStrategy::RoundRobin);
  auto& one = member("one");
  auto& two = member("two");

  publish_numbers(1, 4, 1);

  EXPECT_THAT(one.take_payloads(), ElementsAre("1", "3"));
  EXPECT_THAT(two.take_payloads(), ElementsAre("2", "4"));
}

TEST_F(GroupStrategies, RandomGivesToAllInNoOrder) {
  start(GroupStrategy::Random);
  auto& one = member("one");
  auto& two = member("two");

  publish_numbers(1, 200, 1);

  const auto first = one.take_payloads();
  const auto second = two.take_payloads();
  EXPECT_EQ(first.size() + second.size(), 200U);
  EXPECT_GT(first.size(), 60U);
  EXPECT_GT(second.size(), 60U);
  std::size_t after_each_other = 0;
  for (std::size_t i = 1; i < first.size(); ++i)
    after_each_other += std::stoi(first[i]) - std::stoi(first[i - 1]) == 2 ? 1 : 0;
  EXPECT_LT(after_each_other, first.size() - 20);  // not by turns
}

TEST_F(GroupStrategies, StickyStaysWithOneUntilItLeaves) {
  start(GroupStrategy::Sticky);
  auto& one = member("one", 2);
  auto& two = member("two", 10);

  publish_numbers(1, 4, 1);  // more than it has room for: the others wait

  EXPECT_THAT(one.take_payloads(), ElementsAre("1", "2"));
  EXPECT_THAT(two.take_payloads(), IsEmpty());
  one.drop();
  server->make_durable();
  EXPECT_THAT(two.take_payloads(), ElementsAre("1", "2", "3", "4"));  // at once
}

TEST_F(GroupStrategies, HashTopicGivesATopicToOneMemberInOrder) {
  start(GroupStrategy::HashTopic);
  for (const auto* id : {"one", "two", "three"}) member(id);

  publish_numbers(1, 120, 12);

  std::map<std::string, std::set<std::size_t>> members_of_topic;
  std::size_t busy = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::map<int, int> last;
    const auto messages = members[i]->take<mqtt::Publish>();
    busy += messages.empty() ? 0 : 1;
    for (const auto& message : messages) {
      members_of_topic[std::string(message.topic)].insert(i);
      const int number = std::stoi(std::string(message.payload));
      EXPECT_GT(number, std::exchange(last[number % 12], number));
    }
  }
  EXPECT_EQ(members_of_topic.size(), 12U);
  for (const auto& [topic, of] : members_of_topic) EXPECT_EQ(of.size(), 1U) << topic;
  EXPECT_GT(busy, 1U);
}

TEST_F(GroupStrategies, HashClientIdGivesAPublisherToOneMember) {
  start(GroupStrategy::HashClientId);
  for (const auto* id : {"one", "two", "three"}) member(id);

  for (int i = 0; i < 5; ++i)
    for (int client = 0; client < 10; ++client) {
      const auto name = "p" + std::to_string(client);
      publish("t/" + std::to_string(i), name, name);
    }

  std::map<std::string, std::set<std::size_t>> members_of_client;
  std::size_t count = 0;
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const auto& payload : members[i]->take_payloads()) {
      members_of_client[payload].insert(i);
      ++count;
    }
  EXPECT_EQ(count, 50U);
  for (const auto& [name, of] : members_of_client) EXPECT_EQ(of.size(), 1U) << name;
}

TEST_F(GroupStrategies, AMemberThatIsSlowHoldsUpItsOwnTopicsAlone) {
  start(GroupStrategy::HashTopic);
  auto& one = member("one", 1);
  auto& two = member("two", 1);

  publish_numbers(1, 60, 6);
  const auto of_two = take_and_acknowledge(two);
  const auto stuck = one.take<mqtt::Publish>();

  ASSERT_EQ(stuck.size(), 1U);
  ASSERT_THAT(of_two, testing::Not(IsEmpty()));
  EXPECT_EQ(of_two.size() % 10, 0U);  // all of its topics, to the end
  acknowledge(one, stuck.front());
  auto of_one = take_and_acknowledge(one);
  EXPECT_EQ(of_one.size() + 1 + of_two.size(), 60U);
  std::map<int, int> last;
  for (const auto& payload : of_one) {
    const int number = std::stoi(payload);
    EXPECT_GT(number, std::exchange(last[number % 6], number));
  }
}

TEST_F(GroupStrategies, WhatAMemberDidNotAcknowledgeGoesToTheOthersAtOnce) {
  for (const auto name : kGroupStrategies) {
    SCOPED_TRACE(name);
    members.clear();
    publishers.clear();
    server.reset();
    store.crash();
    start(*group_strategy(name));
    auto& one = member("one-" + std::string(name));
    auto& two = member("two-" + std::string(name));
    publish_numbers(1, 20, 10);
    auto all = take_and_acknowledge(two);

    one.drop();
    for (auto& payload : take_and_acknowledge(two)) all.push_back(std::move(payload));

    EXPECT_EQ(all.size(), 20U);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20U);
  }
}

// --- latency of hash strategies: who comes or goes leaves the shares as they are for a while

TEST_F(GroupStrategies, AMemberThatComesTakesItsShareAfterTheLatency) {
  start(GroupStrategy::RoundRobin);
  make_group(600);
  auto& one = member("one");  // nobody has a share yet
  auto& two = member("two");

  publish_numbers(1, 40, 20);
  EXPECT_THAT(take_and_acknowledge(one), SizeIs(40));
  EXPECT_THAT(take_and_acknowledge(two), IsEmpty());

  set_latency(0);
  publish_numbers(1, 40, 20);
  const auto to_two = take_and_acknowledge(two).size();
  EXPECT_GT(to_two, 0U);
  EXPECT_EQ(take_and_acknowledge(one).size(), 40 - to_two);
}

TEST_F(GroupStrategies, AMemberThatIsBackWithinTheLatencyHasItsShareStill) {
  start(GroupStrategy::RoundRobin);
  make_group(0);
  auto& one = member("one");
  auto& two = member("two");
  publish_numbers(1, 40, 20);
  const auto share = take_and_acknowledge(two);
  const auto other = take_and_acknowledge(one);
  ASSERT_FALSE(share.empty() || other.empty());
  set_latency(600);

  two.drop();
  publish_numbers(1, 40, 20);
  EXPECT_EQ(take_and_acknowledge(one), other);
  ScriptedClient back(*server);
  back.connect("two", false, kLong);
  EXPECT_EQ(take_and_acknowledge(back), share);

  back.drop();
  publish_numbers(1, 40, 20);
  EXPECT_EQ(take_and_acknowledge(one), other);
  set_latency(0);  // it is not waited for any longer
  EXPECT_EQ(take_and_acknowledge(one), share);
}

TEST_F(GroupStrategies, NobodyIsWaitedForWhereNobodyHasAShare) {
  start(GroupStrategy::RoundRobin);
  make_group(600);
  auto& one = member("one");
  auto& two = member("two");

  one.unsubscribe("$share/g/t/#");
  publish_numbers(1, 5, 5);

  EXPECT_THAT(take_and_acknowledge(two), SizeIs(5));
}

TEST_F(GroupStrategies, LeastInFlightGivesToWhoHasFewest) {
  start(GroupStrategy::LeastInFlight);
  auto& one = member("one");
  auto& two = member("two");
  publish_numbers(1, 4, 1);
  for (const auto& message : two.take<mqtt::Publish>()) acknowledge(two, message);
  server->make_durable();

  publish_numbers(5, 6, 1);

  EXPECT_THAT(one.take_payloads(), ElementsAre("1", "3"));
  EXPECT_THAT(two.take_payloads(), ElementsAre("5", "6"));
}

TEST_F(GroupStrategies, ChangeForGroupsThatAreThere) {
  start(GroupStrategy::Sticky);
  auto& one = member("one");
  auto& two = member("two");
  publish_numbers(1, 2, 1);

  auto limits = server->broker.limits();
  limits.group_strategy = GroupStrategy::RoundRobin;
  server->broker.set_limits(limits);
  server->turn();
  publish_numbers(3, 6, 1);

  EXPECT_EQ(one.take_payloads().size(), 4U);
  EXPECT_EQ(two.take_payloads().size(), 2U);
}

}  // namespace
}  // namespace sluice::broker::test
