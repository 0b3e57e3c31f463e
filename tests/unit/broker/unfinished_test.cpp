// What a subscription has not finished is delivered: before and after the connection ends, and
// after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class UnfinishedSubscriptions : public testing::Test {
 protected:
  void publish(std::string_view topic, int from, int to, bool retain = false) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    for (int i = from; i <= to; ++i) {
      publisher.publish(topic, std::to_string(i), Qos::AtLeastOnce, static_cast<std::uint16_t>(i),
                        retain);
      server->make_durable();
    }
  }
  void retain(std::initializer_list<std::string_view> topics) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    for (const auto topic : topics) {
      publisher.publish(topic, topic, Qos::AtLeastOnce, 1, true);
      server->make_durable();
    }
  }
  void crash_and_restart() {
    server.reset();
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
  }
  // Everything that comes, each acknowledged, until nothing more does. QoS 0 with a star.
  std::vector<std::string> take_all(ScriptedClient& client) {
    std::vector<std::string> all;
    for (int quiet = 0; quiet < 3;) {
      server->make_durable();
      const auto messages = client.take<mqtt::Publish>();
      for (const auto& message : messages) {
        all.push_back(std::string(message.payload) + (message.qos == Qos::AtMostOnce ? "*" : ""));
        if (message.qos != Qos::AtMostOnce) client.ack(PacketType::Puback, message.packet_id);
      }
      if (messages.empty()) {
        server->await(std::chrono::milliseconds(20));  // files are read on a pool
        ++quiet;
      }
    }
    return all;
  }
  // With a window of one: "1" is in flight, the others wait.
  void leave_waiting(ScriptedClient& client, int count) {
    client.connect("meter", true, kLong);
    client.subscribe("t/+", Qos::AtLeastOnce);
    client.drop();
    publish("t/1", 1, count);
  }
  std::size_t queues_read() { return server->broker.filters().holds().size(); }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server = std::make_unique<BrokerUnderTest>(store);
};

// --- QoS is lowered to 0. [MQTT-3.8.4-4]

TEST_F(UnfinishedSubscriptions, DeliverWhatWaitedWhenQosIsLowered) {
  ScriptedClient away(*server);
  leave_waiting(away, 3);
  ScriptedClient client(*server);
  client.connect("meter", false, kLong, 1);
  server->turn();
  const auto first = client.take<mqtt::Publish>();
  ASSERT_EQ(first.size(), 1U);

  client.subscribe("t/+", Qos::AtMostOnce);
  publish("t/1", 4, 4);
  client.ack(PacketType::Puback, first[0].packet_id);

  EXPECT_THAT(take_all(client), ElementsAre("4*", "2", "3"));
  EXPECT_EQ(queues_read(), 0U);  // nobody reads it any more
}

TEST_F(UnfinishedSubscriptions, DeliverItAfterACrashToo) {
  ScriptedClient away(*server);
  leave_waiting(away, 3);
  ScriptedClient client(*server);
  client.connect("meter", false, kLong, 1);
  client.subscribe("t/+", Qos::AtMostOnce);
  server->make_durable();

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("meter", false, kLong, 1);

  EXPECT_THAT(take_all(again), ElementsAre("1", "2", "3"));
  EXPECT_EQ(queues_read(), 0U);
  crash_and_restart();
  ScriptedClient third(*server);
  third.connect("meter", false, kLong, 1);
  EXPECT_THAT(take_all(third), IsEmpty());
  publish("t/1", 4, 4);
  EXPECT_THAT(take_all(third), ElementsAre("4*"));
}

TEST_F(UnfinishedSubscriptions, DeliverOnceWhatIsPublishedInTheTurnOfTheChange) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("t/+", Qos::AtLeastOnce);
  ScriptedClient publisher(*server);
  publisher.connect("publisher");

  publisher.publish("t/1", "before", Qos::AtLeastOnce, 1);
  mqtt::Subscribe change;
  change.packet_id = 2;
  change.subscriptions.push_back({.filter = "t/+", .qos = Qos::AtMostOnce});
  client.send(change);
  publisher.publish("t/1", "behind", Qos::AtLeastOnce, 2);
  server->turn();
  publisher.publish("t/1", "later", Qos::AtLeastOnce, 3);

  auto all = take_all(client);
  std::ranges::sort(all);
  EXPECT_THAT(all, ElementsAre("before", "behind*", "later*"));
  EXPECT_EQ(queues_read(), 0U);
}

TEST_F(UnfinishedSubscriptions, DeliverOnceWhenQosIsLoweredAndRaisedAgain) {
  ScriptedClient away(*server);
  leave_waiting(away, 2);
  ScriptedClient client(*server);
  client.connect("meter", false, kLong, 1);
  client.subscribe("t/+", Qos::AtMostOnce);
  publish("t/1", 3, 3);
  client.subscribe("t/+", Qos::AtLeastOnce);
  publish("t/1", 4, 4);
  client.subscribe("t/+", Qos::AtMostOnce);
  publish("t/1", 5, 5);

  auto all = take_all(client);
  std::ranges::sort(all);
  EXPECT_THAT(all, ElementsAre("1", "2", "3*", "4", "5*"));
  EXPECT_EQ(queues_read(), 0U);
}

TEST_F(UnfinishedSubscriptions, DeliverNothingOfItAfterUnsubscribe) {
  ScriptedClient away(*server);
  leave_waiting(away, 3);
  ScriptedClient client(*server);
  client.connect("meter", false, kLong, 1);
  client.subscribe("t/+", Qos::AtMostOnce);
  mqtt::Unsubscribe unsubscribe;
  unsubscribe.packet_id = 9;
  unsubscribe.filters.emplace_back("t/+");
  client.send(unsubscribe);
  server->make_durable();

  EXPECT_THAT(take_all(client), ElementsAre("1"));  // was in flight
  EXPECT_EQ(queues_read(), 0U);
}

// --- retained messages that wait for room

TEST_F(UnfinishedSubscriptions, SendRetainedMessagesOnALaterConnectionOfTheSession) {
  retain({"r/1", "r/2", "r/3", "r/4", "r/5"});
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 2);
  client.subscribe("r/+", Qos::AtLeastOnce);
  server->turn();
  EXPECT_THAT(client.take_payloads(), ElementsAre("r/1", "r/2"));
  client.drop();

  ScriptedClient again(*server);
  again.connect("meter", false, kLong, 2);

  EXPECT_THAT(take_all(again), ElementsAre("r/1", "r/2", "r/3", "r/4", "r/5"));
  ScriptedClient third(*server);
  third.connect("meter", false, kLong, 2);
  EXPECT_THAT(take_all(third), IsEmpty());
}

TEST_F(UnfinishedSubscriptions, SendRetainedMessagesAfterARestart) {
  retain({"r/1", "r/2", "r/3", "r/4", "r/5"});
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 2);
  client.subscribe("r/+", Qos::AtLeastOnce);
  const auto sent = client.take<mqtt::Publish>();
  ASSERT_EQ(sent.size(), 2U);
  for (const auto& message : sent) client.ack(PacketType::Puback, message.packet_id);
  server->turn();
  for (const auto& message : client.take<mqtt::Publish>())
    client.ack(PacketType::Puback, message.packet_id);
  client.drop();  // "r/5" is on its way
  server->make_durable();

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("meter", false, kLong, 2);
  take_all(again);
  crash_and_restart();
  ScriptedClient third(*server);
  third.connect("meter", false, kLong, 2);

  EXPECT_THAT(take_all(third), IsEmpty());  // the record is finished, too
}

TEST_F(UnfinishedSubscriptions, SendRetainedMessagesThatWaitedOverARestart) {
  retain({"r/1", "r/2", "r/3", "r/4", "r/5"});
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 2);
  client.subscribe("r/+", Qos::AtLeastOnce);
  client.drop();
  server->make_durable();

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("meter", false, kLong, 2);

  EXPECT_THAT(take_all(again), ElementsAre("r/3", "r/4", "r/5"));
}

TEST_F(UnfinishedSubscriptions, SendOnceWhatIsRetainedAnewMeanwhile) {
  retain({"r/1", "r/2"});
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 1);
  client.subscribe("r/+", Qos::AtLeastOnce);
  publish("r/2", 7, 7, true);

  EXPECT_THAT(take_all(client), ElementsAre("r/1", "7"));
}

TEST_F(UnfinishedSubscriptions, SendNoRetainedMessagesAfterUnsubscribe) {
  retain({"r/1", "r/2"});
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 1);
  client.subscribe("r/+", Qos::AtLeastOnce);
  mqtt::Unsubscribe unsubscribe;
  unsubscribe.packet_id = 9;
  unsubscribe.filters.emplace_back("r/+");
  client.send(unsubscribe);
  server->make_durable();

  EXPECT_THAT(take_all(client), ElementsAre("r/1"));
}

}  // namespace
}  // namespace sluice::broker::test
