// Clients that publish for a task without room are read no further. docs/adr/0046.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using sluice::test::MemoryStore;

class Block : public testing::Test {
 protected:
  Block() {
    EXPECT_TRUE(server.broker.filters().acquire("t/#"));
    brake = server.broker.filters().brake("t/#", [this] { ++told; });
    publisher.connect("p");
    other.connect("o");
  }
  // Whether it was acknowledged.
  bool publish(ScriptedClient& client, std::string_view topic) {
    client.publish(topic, "x", Qos::AtLeastOnce, ++packet_id);
    server.make_durable();
    return client.take<mqtt::Ack>().size() == 1;
  }

  MemoryStore store;
  BrokerUnderTest server{store};
  std::unique_ptr<Brake> brake;
  int told = 0;
  ScriptedClient publisher{server}, other{server};
  std::uint16_t packet_id = 0;
};

TEST_F(Block, HoldsBackWhoPublishesWhereThereIsNoRoomAndNobodyElse) {
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_FALSE(publisher.link->held) << "it is off at first";

  brake->hold_at(store.head());
  EXPECT_TRUE(publish(publisher, "t/1")) << "what was taken is acknowledged";
  EXPECT_TRUE(publisher.link->held);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(publish(other, "x/1"));
  EXPECT_FALSE(other.link->held);
  EXPECT_FALSE(publisher.link->closed);

  brake->hold_at(store.head());  // moved, and full again
  server.turn();
  EXPECT_TRUE(publisher.link->held);
  brake->hold_at(store::Position(store.head().get() + 1));
  server.turn();
  EXPECT_FALSE(publisher.link->held);
}

TEST_F(Block, HoldsAtItsLimitNotBefore) {
  brake->hold_at(store::Position(store.head().get() + 1));
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_FALSE(publisher.link->held);
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_TRUE(publisher.link->held);
}

TEST_F(Block, QosZeroIsHeldBackToo) {
  brake->hold_at(store.head());
  publisher.publish("t/1", "x", Qos::AtMostOnce, 0);
  server.turn();
  EXPECT_TRUE(publisher.link->held);
}

TEST_F(Block, EndsWithItsBrake) {
  brake->hold_at(store.head());
  EXPECT_TRUE(publish(publisher, "t/1"));
  ASSERT_TRUE(publisher.link->held);

  brake.reset();
  server.turn();
  EXPECT_FALSE(publisher.link->held);
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_FALSE(publisher.link->held);
}

TEST_F(Block, TheTighterOfTwoHolds) {
  EXPECT_TRUE(server.broker.filters().acquire("t/1"));
  auto second = server.broker.filters().brake("t/1", [] {});
  brake->hold_at(store::Position(store.head().get() + 1'000'000));
  second->hold_at(store.head());
  EXPECT_TRUE(publish(other, "t/2"));
  EXPECT_FALSE(other.link->held);
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_TRUE(publisher.link->held);
  brake->hold_at(store::Position(store.head().get() + 2'000'000));
  server.turn();
  EXPECT_TRUE(publisher.link->held);
  second.reset();
  server.turn();
  EXPECT_FALSE(publisher.link->held);
}

TEST_F(Block, AClientThatIsGoneIsForgotten) {
  auto gone = std::make_unique<ScriptedClient>(server);
  gone->connect("g");
  brake->hold_at(store.head());
  EXPECT_TRUE(publish(*gone, "t/1"));
  ASSERT_TRUE(gone->link->held);
  EXPECT_EQ(server.broker.worker(0).room().size(), 1U);
  gone->connection->on_closed();
  gone.reset();
  server.turn();
  brake.reset();
  server.turn();
  EXPECT_EQ(server.broker.worker(0).room().size(), 0U);
}

// Its DISCONNECT, or its will, does not wait for room.
TEST_F(Block, WhoLeavesIsReadToTheEndAtOnce) {
  brake->hold_at(store.head());
  EXPECT_TRUE(publish(publisher, "t/1"));
  ASSERT_TRUE(publisher.link->held);

  publisher.connection->on_left();
  server.turn();

  EXPECT_FALSE(publisher.link->held);
  EXPECT_EQ(server.broker.worker(0).room().size(), 0U);
  EXPECT_TRUE(publish(publisher, "t/1"));
  EXPECT_FALSE(publisher.link->held);
}

TEST_F(Block, WhatComesByRestOrFromOutsideIsToComeAgain) {
  const auto messages = std::make_shared<std::vector<OutsideMessage>>(2);
  (*messages)[0].topic = "x/1";
  (*messages)[1].topic = "t/1";
  const auto answers = [&] {
    Intake::Answers told;
    server.broker.publish_all(messages, [&](Intake::Answers given) { told = std::move(given); });
    server.await(std::chrono::milliseconds(20));
    server.make_durable();
    return told;
  };
  brake->hold_at(store.head());

  const auto refused = answers();
  brake.reset();
  const auto taken = answers();

  ASSERT_EQ(refused.size(), 2U);
  EXPECT_FALSE(refused[0]);
  ASSERT_TRUE(refused[1]);
  EXPECT_EQ(refused[1]->errc, Errc::Overloaded);
  EXPECT_FALSE(is_for_good(*refused[1]));
  EXPECT_EQ(told, 1);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_FALSE(taken[1]);
}

}  // namespace
}  // namespace sluice::broker::test
