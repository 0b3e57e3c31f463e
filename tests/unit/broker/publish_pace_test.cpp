// mqtt.messages_per_second_per_client.
#include "broker/publish_pace.hpp"

#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using sluice::test::MemoryStore;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PublishPace::Time kStart{seconds(1000)};

TEST(PublishPace, LetsASecondsWorthThroughAtOnce) {
  PublishPace pace;

  for (int i = 1; i < 100; ++i) EXPECT_EQ(pace.take(100, kStart), PublishPace::Wait::zero()) << i;

  EXPECT_GT(pace.take(100, kStart), PublishPace::Wait::zero());
}

TEST(PublishPace, NeverLetsMoreThroughThanItsRateAndOneBurst) {
  PublishPace pace;
  auto now = kStart;
  std::int64_t published = 0;

  while (now < kStart + seconds(60)) {
    ++published;
    now += pace.take(250, now);
  }

  EXPECT_LE(published, 61 * 250);
  EXPECT_GE(published, 60 * 250);
}

TEST(PublishPace, DoesNotWakeAFastClientForEachMessage) {
  PublishPace pace;
  auto now = kStart;
  int waits = 0;

  while (now < kStart + seconds(2)) {
    const auto wait = pace.take(100'000, now);
    if (wait > PublishPace::Wait::zero()) ++waits;
    now += wait;
  }

  EXPECT_LE(waits, 40);
}

TEST(PublishPace, NeverMakesWaitLongerThanAMessageTakes) {
  PublishPace pace;
  auto now = kStart;

  for (int i = 0; i < 20; ++i) {
    const auto wait = pace.take(1, now);
    EXPECT_LE(wait, seconds(1));
    now += wait;
  }
}

TEST(PublishPace, DoesNotSaveUpWhatASilentClientDidNotUse) {
  PublishPace pace;
  while (pace.take(10, kStart) == PublishPace::Wait::zero()) {
  }

  int more = 0;
  while (pace.take(10, kStart + seconds(3600)) == PublishPace::Wait::zero()) ++more;

  EXPECT_EQ(more, 9);  // and the tenth has to be waited for
}

TEST(PublishPace, CountsNothingThatComesTooEarly) {
  PublishPace pace;
  int taken = 0;
  auto now = kStart;

  for (; now < kStart + seconds(10); now += milliseconds(1))
    if (pace.take_if_due(5, now)) ++taken;

  EXPECT_GE(taken, 5 * 10);
  EXPECT_LE(taken, 5 * 11);
}

class HeldBack : public testing::Test {
 protected:
  static Limits limits() {
    Limits limits;
    limits.messages_per_second = 20;
    return limits;
  }
  void publish_until_held(ScriptedClient& client) {
    for (int i = 0; i < 100 && !client.link->held; ++i) client.publish("a/b", "x", Qos::AtMostOnce);
    ASSERT_TRUE(client.link->held);
  }
  [[nodiscard]] std::string metrics() const { return server.registry.exposition(); }

  MemoryStore store{MemoryStore::Durability::AtOnce};
  BrokerUnderTest server{store, limits()};
};

TEST_F(HeldBack, ClientIsReadAgainByItselfAndKeepsItsConnection) {
  ScriptedClient client(server);
  client.connect("fast");

  publish_until_held(client);
  for (int i = 0; i < 1000 && client.link->held; ++i) server.await(milliseconds(20));

  EXPECT_FALSE(client.link->held);
  EXPECT_FALSE(client.link->closed);
  EXPECT_GT(client.connection->held_back_s(), 0.0F);
  EXPECT_NE(metrics().find("sluice_client_held_back_seconds_count 1"), std::string::npos);
}

TEST_F(HeldBack, ByTheRateOfItsListener) {
  BrokerUnderTest with_own(
      store, limits(), false, false, 1,
      {{.listener = ListenerName("inside"), .maximum_packet_size = {}, .messages_per_second = 0},
       {.listener = ListenerName("slow"), .maximum_packet_size = {}, .messages_per_second = 2}});
  const auto until_held = [&](std::string_view listener) {
    ScriptedClient client(with_own, mqtt::Version::V5, listener);
    client.connect(listener);
    int published = 0;
    for (; published < 100 && !client.link->held; ++published)
      client.publish("a/b", "x", Qos::AtMostOnce);
    return published;
  };

  EXPECT_EQ(until_held("inside"), 100);
  EXPECT_LE(until_held("slow"), 4);
  EXPECT_GE(until_held("tcp"), 19);
  EXPECT_LT(until_held("other"), 100);
}

TEST_F(HeldBack, OneClientAndNoOtherOne) {
  ScriptedClient fast(server);
  ScriptedClient other(server);
  fast.connect("fast");
  other.connect("other");

  publish_until_held(fast);
  other.publish("a/b", "x", Qos::AtMostOnce);

  EXPECT_FALSE(other.link->held);
}

TEST_F(HeldBack, NobodyAnyMoreOnceTheLimitIsGone) {
  ScriptedClient client(server);
  client.connect("fast");
  server.broker.set_limits({});

  for (int i = 0; i < 1000; ++i) client.publish("a/b", "x", Qos::AtMostOnce);

  EXPECT_FALSE(client.link->held);
}

TEST_F(HeldBack, ClientMayLeaveBeforeItIsReadAgain) {
  {
    ScriptedClient client(server);
    client.connect("fast");
    publish_until_held(client);
    client.drop();
  }

  for (int i = 0; i < 10; ++i) server.await(milliseconds(20));

  ScriptedClient next(server);
  EXPECT_EQ(next.connect("fast").reason, mqtt::ReasonCode::Success);
}

}  // namespace
}  // namespace sluice::broker::test
