// Messages that are published to `$delayed/{seconds}/{topic}`.
#include "broker/delayed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class DelayedMessagesTest : public testing::Test {
 protected:
  void start(Limits limits = {}) {
    server = std::make_unique<BrokerUnderTest>(store, limits);
    ASSERT_TRUE(server->broker.load());
  }
  void SetUp() override { start(); }
  void crash_and_restart() {
    server.reset();
    store.crash();
    start();
  }
  ReasonCode publish(ScriptedClient& client, std::string_view topic, Qos qos = Qos::AtLeastOnce) {
    client.publish(topic, "x", qos, 7);
    server->make_durable();
    const auto answers = client.take<mqtt::Ack>();
    return answers.empty() ? ReasonCode::UnspecifiedError : answers.front().reason;
  }
  // One whose time has come by the end of the turn.
  void add_due(std::string_view topic, std::string_view payload, std::string username = {}) {
    server->broker.worker(0).delayed().add({.client_id = "publisher",
                                            .due_ms = server->clock.wall_ms() - 1,
                                            .message = {.topic = std::string(topic),
                                                        .payload = std::string(payload),
                                                        .properties = {},
                                                        .qos = Qos::AtLeastOnce,
                                                        .username = username,
                                                        .has_username = !username.empty(),
                                                        .host = {}}});
  }
  void wait_for_timer() {
    server->turn();
    server->await(std::chrono::milliseconds(50));
    server->make_durable();
  }
  std::size_t in_log() {
    const std::vector<std::string> all{"#", "$delayed/#"};
    const auto found = store.scan_log({.filters = all, .after = {}, .before = store.head()});
    return found ? found->entries.size() : 99;
  }
  std::int64_t waiting() {
    return static_cast<std::int64_t>(server->broker.counters().delayed.value());
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server;
};

TEST_F(DelayedMessagesTest, AreToldByTheirTopic) {
  const auto parsed = parse_delayed_topic("$delayed/2592000/a/b");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->seconds, 2'592'000U);
  EXPECT_EQ(parsed->topic, "a/b");
  EXPECT_EQ(parse_delayed_topic("$delayed/1//a")->topic, "/a");
  for (const auto* topic :
       {"$delayed/0/a", "$delayed/2592001/a", "$delayed/-1/a", "$delayed/+1/a", "$delayed/1s/a",
        "$delayed//a", "$delayed/1/", "$delayed/1", "$delayed/", "$delayed", "$delayed/ 1/a",
        "$delayed/18446744073709551617/a", "a/$delayed/1/a"})
    EXPECT_FALSE(parse_delayed_topic(topic)) << topic;
}

TEST_F(DelayedMessagesTest, AreAcknowledgedWhenDurableAndStandInNoLog) {
  ScriptedClient reader(*server);
  reader.connect("reader");
  reader.subscribe("#", Qos::AtLeastOnce);
  ScriptedClient client(*server);
  client.connect("publisher");

  client.publish("$delayed/60/t", "x", Qos::AtLeastOnce, 7);
  server->turn();
  EXPECT_THAT(client.take<mqtt::Ack>(), IsEmpty());
  server->make_durable();

  EXPECT_EQ(client.take<mqtt::Ack>().size(), 1U);
  EXPECT_THAT(reader.take_payloads(), IsEmpty());
  EXPECT_EQ(in_log(), 0U);
  EXPECT_EQ(waiting(), 1);
  crash_and_restart();
  EXPECT_EQ(waiting(), 1);
}

TEST_F(DelayedMessagesTest, AreAnsweredInTheOrderOfAllPublishes) {
  ScriptedClient client(*server);
  client.connect("publisher");

  client.publish("a", "1", Qos::AtLeastOnce, 1);
  client.publish("$delayed/60/a", "2", Qos::AtLeastOnce, 2);
  client.publish("a", "3", Qos::AtLeastOnce, 3);
  server->make_durable();

  std::vector<int> ids;
  for (const auto& ack : client.take<mqtt::Ack>()) ids.push_back(ack.packet_id);
  EXPECT_THAT(ids, ElementsAre(1, 2, 3));  // [MQTT-4.6.0-2]
}

TEST_F(DelayedMessagesTest, ArePublishedOnceWhenTheirTimeHasCome) {
  ScriptedClient reader(*server);
  reader.connect("reader", true, kLong);
  reader.subscribe("t/+", Qos::AtLeastOnce);

  add_due("t/1", "first");
  add_due("t/1", "second");
  wait_for_timer();

  EXPECT_THAT(reader.take_payloads(), ElementsAre("first", "second"));
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(in_log(), 2U);
  crash_and_restart();
  wait_for_timer();
  EXPECT_EQ(in_log(), 2U);
}

TEST_F(DelayedMessagesTest, ThatWereDueWhileTheServerWasAwayArePublishedAtOnce) {
  add_due("t/1", "late");
  server->broker.worker(0).end_turn();
  store.make_durable();
  EXPECT_EQ(in_log(), 0U);

  crash_and_restart();
  wait_for_timer();

  EXPECT_EQ(in_log(), 1U);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelayedMessagesTest, WaitForALogThatTakesNothing) {
  add_due("t/1", "x");
  server->broker.worker(0).end_turn();
  store.fail_appends(Errc::NoSpace);
  wait_for_timer();
  EXPECT_EQ(in_log(), 0U);

  store.fail_appends(std::nullopt);
  for (int i = 0; i < 100 && in_log() == 0; ++i) wait_for_timer();

  EXPECT_EQ(in_log(), 1U);
}

TEST_F(DelayedMessagesTest, AreForgottenWhenTheLogRefusesThem) {
  ScriptedClient client(*server);
  client.connect("publisher");
  store.fail_appends(Errc::NoSpace);

  EXPECT_EQ(publish(client, "$delayed/60/t"), ReasonCode::QuotaExceeded);

  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelayedMessagesTest, OfQosTwoAreKeptOnceOverACrash) {
  ScriptedClient client(*server);
  client.connect("publisher", true, kLong);
  client.publish("$delayed/60/t", "x", Qos::ExactlyOnce, 7);
  server->turn();
  store.make_durable();  // its PUBREC has not left

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("publisher", false, kLong);

  EXPECT_EQ(publish(again, "$delayed/60/t", Qos::ExactlyOnce), ReasonCode::Success);
  EXPECT_EQ(waiting(), 1);
}

TEST_F(DelayedMessagesTest, AreRefusedWithTheirReason) {
  Limits limits;
  limits.delayed_maximum = 1;
  start(limits);
  ScriptedClient client(*server);
  client.connect("publisher");

  for (const auto* topic : {"$delayed/0/t", "$delayed/60/$SYS/x", "$delayed/60/$delayed/60/t"})
    EXPECT_EQ(publish(client, topic), ReasonCode::TopicNameInvalid) << topic;
  EXPECT_EQ(publish(client, "$delayedx/60/t"), ReasonCode::NotAuthorized);
  EXPECT_EQ(publish(client, "$delayed/60/t"), ReasonCode::Success);
  EXPECT_EQ(publish(client, "$delayed/60/t"), ReasonCode::QuotaExceeded);
}

TEST_F(DelayedMessagesTest, NeedTheRightToPublishAtBothTimes) {
  MemoryStore durable_at_once;  // making a user waits for it
  server = std::make_unique<BrokerUnderTest>(durable_at_once, Limits(), true);
  ASSERT_TRUE(server->access.load());
  ASSERT_TRUE(server->access.create_user({{"name", "meter"}, {"password", "secret"}}));
  ASSERT_TRUE(server->access.create_policy({{"name", "all"},
                                            {"effect", "allow"},
                                            {"operations", {"connect", "publish"}},
                                            {"resources", {"open/#"}}}));
  ScriptedClient client(*server);
  client.username = "meter";
  client.password = "secret";
  ASSERT_EQ(client.connect("publisher").reason, ReasonCode::Success);

  EXPECT_EQ(publish(client, "$delayed/60/secret/x"), ReasonCode::NotAuthorized);
  EXPECT_EQ(publish(client, "$delayed/60/open/x"), ReasonCode::Success);
  add_due("open/x", "x", "meter");
  server->broker.worker(0).end_turn();
  ASSERT_TRUE(server->access.remove_policy("all"));
  const auto refused = server->broker.counters().publishes_refused.value();
  wait_for_timer();

  EXPECT_EQ(server->broker.counters().publishes_refused.value(), refused + 1);
  const std::vector<std::string> all{"#"};
  const auto found =
      durable_at_once.scan_log({.filters = all, .after = {}, .before = durable_at_once.head()});
  ASSERT_TRUE(found);
  EXPECT_THAT(found->entries, IsEmpty());
  EXPECT_EQ(waiting(), 1);
  server.reset();
}

TEST_F(DelayedMessagesTest, HaveTheirWholeExpiryFromTheRelease) {
  ScriptedClient reader(*server);
  reader.connect("reader");
  reader.subscribe("t", Qos::AtLeastOnce);
  std::string properties;
  mqtt::PropertyWriter(properties).number(mqtt::PropertyId::MessageExpiryInterval, 60);
  server->broker.worker(0).delayed().add({.client_id = "publisher",
                                          .due_ms = server->clock.wall_ms() - 1,
                                          .message = {.topic = "t",
                                                      .payload = "x",
                                                      .properties = properties,
                                                      .qos = Qos::AtLeastOnce,
                                                      .username = {},
                                                      .host = {}}});
  wait_for_timer();

  const auto got = reader.take<mqtt::Publish>();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].properties.number(mqtt::PropertyId::MessageExpiryInterval), 60U);
}

}  // namespace
}  // namespace sluice::broker::test
