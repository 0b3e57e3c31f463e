// What the simulation found, each as short as it can be told: docs/design/simulation.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class ExactlyOnce : public testing::Test {
 protected:
  void publish(std::string_view topic, std::string_view payload, Qos qos) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    publisher.publish(topic, payload, qos, qos == Qos::AtMostOnce ? 0 : 1);
    server->make_durable();
  }
  // What a new process finds after kill -9.
  void crash_and_restart() {
    server.reset();
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
  }
  // What other threads read for the worker arrives, and what is due in so much time.
  void pass(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      server->await(std::chrono::milliseconds(5));
      server->make_durable();
    }
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server = std::make_unique<BrokerUnderTest>(store);
};

// The client sends it again under its packet id, which is known: nothing would be stored any more.
// Found by reading; the simulation looks for it too.
TEST_F(ExactlyOnce, ARetainedMessageIsRetainedWhereverTheCrashComes) {
  bool was_all = false;
  for (std::uint64_t kept = 0; !was_all; ++kept) {
    SCOPED_TRACE(kept);
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
    const auto topic = "r/" + std::to_string(kept);
    ScriptedClient client(*server);
    client.connect("meter", false, kLong);
    const auto before = store.durable();
    client.publish(topic, "now", Qos::ExactlyOnce, 7, true);
    server->turn();
    was_all = before.get() + kept >= store.head().get();
    store.make_durable(std::min(store::Position(before.get() + kept), store.head()));

    crash_and_restart();
    ScriptedClient again(*server);
    again.connect("meter", false, kLong);
    again.publish(topic, "now", Qos::ExactlyOnce, 7, true);
    server->make_durable();
    ASSERT_EQ(again.take<mqtt::Ack>().size(), 1U);
    again.ack(PacketType::Pubrel, 7);
    server->make_durable();

    const auto retained = server->broker.retained().match(topic);
    ASSERT_EQ(retained.size(), 1U);
    EXPECT_EQ(retained.front()->payload, "now");
    EXPECT_TRUE(store.message_at(retained.front()->position()));
  }
}

// [MQTT-4.8.2-4]: once its PUBLISH has left it stays with the session, whatever the window is.
TEST_F(ExactlyOnce, AGroupsMessageStaysWithTheMemberWhoseWindowShrank) {
  ScriptedClient member(*server);
  member.connect("one", true, kLong, 4);
  member.subscribe("$share/g/jobs/+", Qos::ExactlyOnce);
  publish("jobs/1", "a", Qos::ExactlyOnce);
  publish("jobs/1", "b", Qos::ExactlyOnce);
  ASSERT_THAT(member.take_payloads(), ElementsAre("a", "b"));
  member.drop();
  ScriptedClient narrow(*server);
  narrow.connect("one", false, kLong, 1);
  pass(std::chrono::milliseconds(50));
  narrow.drop();
  ScriptedClient other(*server);
  other.connect("two", true, kLong);

  other.subscribe("$share/g/jobs/+", Qos::ExactlyOnce);
  pass(std::chrono::milliseconds(50));

  EXPECT_THAT(other.take_payloads(), IsEmpty());
}

// Seed 101: nobody asked for the rest any more, and the session stood still for ever.
TEST_F(ExactlyOnce, EveryPubrelIsSentAgainHoweverSmallTheWindowHasBecome) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 4);
  client.subscribe("a", Qos::ExactlyOnce);
  publish("a", "1", Qos::ExactlyOnce);
  publish("a", "2", Qos::ExactlyOnce);
  for (const auto& received : client.take<mqtt::Publish>())
    client.ack(PacketType::Pubrec, received.packet_id);
  server->make_durable();
  ASSERT_EQ(client.take<mqtt::Ack>().size(), 2U);
  client.drop();

  ScriptedClient narrow(*server);
  narrow.connect("meter", false, kLong, 1);
  server->make_durable();

  EXPECT_EQ(narrow.take<mqtt::Ack>().size(), 2U);
}

TEST_F(ExactlyOnce, WhatIsStillSubscribedToComesAfterAnUnsubscribe) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("a", Qos::AtLeastOnce);
  client.subscribe("b", Qos::AtLeastOnce);
  mqtt::Unsubscribe packet;
  packet.packet_id = 2;
  packet.filters.push_back("b");
  client.send(packet);
  server->make_durable();

  publish("a", "1", Qos::AtLeastOnce);

  EXPECT_THAT(client.take_payloads(), ElementsAre("1"));
}

// A disk that is away for a moment, or no file descriptor that is free.
TEST_F(ExactlyOnce, AReadThatFailsIsTriedAgain) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("a", Qos::AtLeastOnce);
  client.drop();
  publish("a", "1", Qos::AtLeastOnce);
  store.fail_reads(Errc::IoFailed);
  ScriptedClient again(*server);
  again.connect("meter", false, kLong);
  pass(std::chrono::milliseconds(20));
  ASSERT_THAT(again.take_payloads(), IsEmpty());

  store.fail_reads(std::nullopt);
  auto payloads = again.take_payloads();
  for (int i = 0; i < 200 && payloads.empty(); ++i) {  // tried again after a second
    pass(std::chrono::milliseconds(100));
    payloads = again.take_payloads();
  }
  EXPECT_THAT(payloads, ElementsAre("1"));
}

TEST_F(ExactlyOnce, WhatIsInFlightIsNotLostWhenAReadFails) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("a", Qos::ExactlyOnce);
  publish("a", "1", Qos::ExactlyOnce);
  ASSERT_THAT(client.take_payloads(), ElementsAre("1"));
  client.drop();
  store.fail_reads(Errc::IoFailed);
  ScriptedClient again(*server);
  again.connect("meter", false, kLong);
  pass(std::chrono::milliseconds(20));

  store.fail_reads(std::nullopt);
  auto payloads = again.take_payloads();
  for (int i = 0; i < 200 && payloads.empty(); ++i) {  // tried again after a second
    pass(std::chrono::milliseconds(100));
    payloads = again.take_payloads();
  }
  EXPECT_THAT(payloads, ElementsAre("1"));
  EXPECT_EQ(server->broker.counters().lost_to_retention.value(), 0U);
}

// Its packet id is not on disk yet: nothing has left that the client could have received.
// [MQTT-4.3.3-1]
TEST_F(ExactlyOnce, APubrecForWhatHasNotLeftTakesNothingAway) {
  ScriptedClient client(*server);
  client.connect("reader", false, kLong);
  client.subscribe("t", Qos::ExactlyOnce);
  ScriptedClient publisher(*server);
  publisher.connect("publisher");
  publisher.publish("t", "x", Qos::ExactlyOnce, 1);
  server->turn();
  ASSERT_EQ(server->broker.worker(0).find_session("reader")->delivery().in_flight(), 1U);
  ASSERT_THAT(client.take_payloads(), IsEmpty());

  client.ack(PacketType::Pubrec, 1);
  server->turn();
  const auto answers = client.take<mqtt::Ack>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].type, PacketType::Pubrel);
  EXPECT_EQ(answers[0].reason, mqtt::ReasonCode::PacketIdentifierNotFound);

  server->make_durable();
  EXPECT_THAT(client.take_payloads(), ElementsAre("x"));
}

}  // namespace
}  // namespace sluice::broker::test
