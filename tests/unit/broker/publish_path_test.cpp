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

class PublishPath : public testing::Test {
 protected:
  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
};

TEST_F(PublishPath, AcknowledgesOnlyWhatIsDurable) {
  ScriptedClient client(server);
  client.connect("publisher");

  client.publish("plant/1", "reading", Qos::AtLeastOnce, 7);
  server.turn();
  const auto before = client.take<mqtt::Ack>();
  server.make_durable();
  const auto after = client.take<mqtt::Ack>();

  EXPECT_THAT(before, IsEmpty());
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].type, PacketType::Puback);
  EXPECT_EQ(after[0].packet_id, 7);
  EXPECT_EQ(after[0].reason, ReasonCode::NoMatchingSubscribers);
}

TEST_F(PublishPath, DeliversQos1AsSoonAsItIsOrdered) {
  ScriptedClient subscriber(server);
  ScriptedClient publisher(server);
  subscriber.connect("subscriber");
  publisher.connect("publisher");
  EXPECT_THAT(subscriber.subscribe("plant/+", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));

  publisher.publish("plant/1", "reading", Qos::AtLeastOnce, 1);
  server.turn();

  EXPECT_THAT(subscriber.take_payloads(), ElementsAre("reading"));
  EXPECT_THAT(publisher.take<mqtt::Ack>(), IsEmpty());
}

TEST_F(PublishPath, DeliversOnlyWhatIsDurableIfToldTo) {
  BrokerUnderTest careful(store, {}, false, true);
  ScriptedClient subscriber(careful);
  ScriptedClient behind(careful);
  ScriptedClient publisher(careful);
  subscriber.connect("subscriber");
  behind.connect("behind", true, 0, 1);
  publisher.connect("publisher");
  subscriber.subscribe("plant/+", Qos::AtMostOnce);
  behind.subscribe("plant/+", Qos::AtLeastOnce);
  publisher.publish("plant/1", "one", Qos::AtLeastOnce, 1);
  publisher.publish("plant/1", "two", Qos::AtLeastOnce, 2);
  careful.turn();
  careful.make_durable();
  EXPECT_THAT(behind.take_payloads(), ElementsAre("one"));
  EXPECT_THAT(subscriber.take_payloads(), ElementsAre("one", "two"));

  publisher.publish("plant/1", "three", Qos::AtLeastOnce, 3);
  careful.turn();
  behind.ack(PacketType::Puback, 1);
  careful.turn();
  const auto early = behind.take_payloads();
  behind.ack(PacketType::Puback, 2);
  careful.turn();

  EXPECT_THAT(early, ElementsAre("two"));
  EXPECT_THAT(behind.take_payloads(), IsEmpty());
  EXPECT_THAT(subscriber.take_payloads(), IsEmpty());
  careful.make_durable();
  EXPECT_THAT(behind.take_payloads(), ElementsAre("three"));
  EXPECT_THAT(subscriber.take_payloads(), ElementsAre("three"));
}

TEST_F(PublishPath, DeliversQos2OnlyWhenItIsDurable) {
  ScriptedClient subscriber(server);
  ScriptedClient publisher(server);
  subscriber.connect("subscriber", true, 3600);
  publisher.connect("publisher");
  subscriber.subscribe("plant/#", Qos::ExactlyOnce);

  publisher.publish("plant/1", "reading", Qos::ExactlyOnce, 1);
  server.turn();
  const auto before = subscriber.take_payloads();
  server.make_durable();

  EXPECT_THAT(before, IsEmpty());
  EXPECT_THAT(subscriber.take_payloads(), ElementsAre("reading"));
}

// A message that was matched before a queue was made does not stand in it, and may come into the
// log after it: who reads the log up to where the queue begins must wait for it.
TEST_F(PublishPath, SettlesWhenAllThatWasMatchedBeforeIsInTheLog) {
  ScriptedClient publisher(server);
  publisher.connect("publisher");
  publisher.publish("plant/1", "matched before", Qos::AtLeastOnce, 1);
  const auto opened = server.broker.filters().acquire("plant/#");
  ASSERT_TRUE(opened);
  const auto head_when_made = store.head();
  std::optional<store::Position> seam;
  server.broker.when_settled([&] { seam = store.head(); });
  publisher.publish("plant/1", "matched with it", Qos::AtLeastOnce, 2);

  server.turn();
  EXPECT_FALSE(seam);
  server.make_durable();

  ASSERT_TRUE(seam);
  EXPECT_GT(*seam, head_when_made);
  const auto in_queue = store.read({.queues = {&opened->id, 1}, .after = {}});
  ASSERT_TRUE(in_queue);
  ASSERT_EQ(in_queue->entries.size(), 1U);
  EXPECT_EQ(in_queue->entries[0].message->payload, "matched with it");
  const std::vector<std::string> filters{"plant/#"};
  const auto in_log = store.scan_log({.filters = filters, .after = {}, .before = *seam});
  ASSERT_TRUE(in_log);
  ASSERT_EQ(in_log->entries.size(), 2U);
  EXPECT_EQ(in_log->entries[0].message->payload, "matched before");
}

TEST_F(PublishPath, StoresAQos2PublishOnceHoweverOftenItComes) {
  ScriptedClient subscriber(server);
  ScriptedClient publisher(server);
  subscriber.connect("subscriber");
  publisher.connect("publisher", true, 3600);
  subscriber.subscribe("plant/1", Qos::AtLeastOnce);

  publisher.publish("plant/1", "reading", Qos::ExactlyOnce, 9);
  publisher.publish("plant/1", "reading", Qos::ExactlyOnce, 9);  // [MQTT-4.3.3-10]
  server.make_durable();

  EXPECT_THAT(subscriber.take_payloads(), ElementsAre("reading"));
  EXPECT_EQ(publisher.take<mqtt::Ack>().size(), 2U);
}

TEST_F(PublishPath, SendsPubcompOnceTheReleaseIsDurable) {
  ScriptedClient publisher(server);
  publisher.connect("publisher", true, 3600);
  publisher.publish("plant/1", "reading", Qos::ExactlyOnce, 9);
  server.make_durable();
  publisher.take<mqtt::Ack>();

  publisher.ack(PacketType::Pubrel, 9);
  server.turn();
  const auto before = publisher.take<mqtt::Ack>();
  server.make_durable();
  const auto after = publisher.take<mqtt::Ack>();

  EXPECT_THAT(before, IsEmpty());
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].type, PacketType::Pubcomp);
  EXPECT_EQ(after[0].reason, ReasonCode::Success);
}

TEST_F(PublishPath, TellsNewClientsThatTheLogIsClosed) {
  store.fail_appends(Errc::Closed);
  ScriptedClient modern(server);
  ScriptedClient old(server, mqtt::Version::V311);

  EXPECT_EQ(modern.connect("modern").reason, ReasonCode::ServerUnavailable);
  EXPECT_TRUE(modern.link->closed);
  EXPECT_EQ(old.connect("old").reason, ReasonCode::ServerUnavailable);
}

TEST_F(PublishPath, RefusesAndLosesNothingWhenTheDiskIsFull) {
  ScriptedClient modern(server);
  ScriptedClient old(server, mqtt::Version::V311);
  modern.connect("modern");
  old.connect("old");
  store.fail_appends(Errc::NoSpace);

  modern.publish("plant/1", "reading", Qos::AtLeastOnce, 1);
  old.publish("plant/1", "reading", Qos::AtLeastOnce, 1);
  server.turn();

  const auto answers = modern.take<mqtt::Ack>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].reason, ReasonCode::QuotaExceeded);
  EXPECT_FALSE(modern.link->closed);
  EXPECT_THAT(old.take<mqtt::Ack>(), IsEmpty());
  EXPECT_TRUE(old.link->closed);
}

TEST_F(PublishPath, RefusesQosOneThatWasOnItsWayWhenTheDiskFilledUp) {
  ScriptedClient client(server);
  client.connect("publisher", true, 3600);
  client.publish("plant/1", "first", Qos::AtLeastOnce, 1);
  server.turn();

  store.fail_appends(Errc::NoSpace);  // the batch was ordered, and its write fails
  server.broker.worker(0).wake_durable();
  server.turn();
  const auto refused = client.take<mqtt::Ack>();

  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].reason, ReasonCode::QuotaExceeded);
  EXPECT_FALSE(client.link->closed);
}

// It may be on disk: a refusal would make the client send it again as a new message.
TEST_F(PublishPath, AnswersNothingToQosTwoThatWasOnItsWayWhenTheDiskFilledUp) {
  ScriptedClient client(server);
  client.connect("publisher", true, 3600);
  client.publish("plant/1", "first", Qos::ExactlyOnce, 1);
  server.turn();

  store.fail_appends(Errc::NoSpace);
  server.broker.worker(0).wake_durable();
  server.turn();

  EXPECT_THAT(client.take<mqtt::Ack>(), IsEmpty());
  EXPECT_TRUE(client.link->closed);
}

TEST_F(PublishPath, TakesAPublishAgainWhenThereIsSpaceAgain) {
  ScriptedClient client(server);
  client.connect("publisher", true, 3600);
  store.fail_appends(Errc::NoSpace);
  client.publish("plant/1", "reading", Qos::ExactlyOnce, 1);
  server.turn();
  client.take<mqtt::Ack>();
  store.fail_appends(std::nullopt);

  client.publish("plant/1", "reading", Qos::ExactlyOnce, 1);
  server.make_durable();

  const auto answers = client.take<mqtt::Ack>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].reason, ReasonCode::NoMatchingSubscribers);
}

TEST_F(PublishPath, KeepsThePublishesOfABehindLogUntilItTakesThem) {
  ScriptedClient client(server);
  client.connect("publisher");
  store.fail_appends(Errc::Overloaded);
  client.publish("plant/1", "reading", Qos::AtLeastOnce, 1);
  server.turn();
  const auto stalled = server.broker.worker(0).stalled();
  store.fail_appends(std::nullopt);

  server.make_durable();

  EXPECT_TRUE(stalled);
  EXPECT_FALSE(server.broker.worker(0).stalled());
  EXPECT_EQ(client.take<mqtt::Ack>().size(), 1U);
}

TEST_F(PublishPath, RefusesTopicsOfTheServer) {
  ScriptedClient client(server);
  client.connect("publisher");

  client.publish("$SYS/uptime", "1", Qos::AtLeastOnce, 1);
  server.make_durable();

  const auto answers = client.take<mqtt::Ack>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].reason, ReasonCode::NotAuthorized);
}

TEST_F(PublishPath, ClosesAClientThatSendsMoreThanItMay) {
  Limits limits;
  limits.receive_maximum = 2;
  MemoryStore slow(MemoryStore::Durability::Manual);
  BrokerUnderTest strict(slow, limits);
  ScriptedClient client(strict);
  client.connect("publisher");

  for (std::uint16_t id = 1; id <= 3; ++id) client.publish("a", "x", Qos::AtLeastOnce, id);
  strict.turn();

  const auto farewells = client.take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::ReceiveMaximumExceeded);  // [MQTT-3.3.4-9]
}

TEST_F(PublishPath, TakesWhatAnOldClientSendsWithoutWaiting) {
  Limits limits;
  limits.receive_maximum = 2;
  MemoryStore slow(MemoryStore::Durability::Manual);
  BrokerUnderTest strict(slow, limits);
  ScriptedClient client(strict, mqtt::Version::V311);
  client.connect("publisher");

  for (std::uint16_t id = 1; id <= 5; ++id) client.publish("a", "x", Qos::AtLeastOnce, id);
  strict.make_durable();

  EXPECT_EQ(client.take<mqtt::Ack>().size(), 5U);
  EXPECT_FALSE(client.link->closed);
}

TEST_F(PublishPath, KeepsTheLastRetainedMessageForNewSubscribers) {
  ScriptedClient publisher(server);
  publisher.connect("publisher");
  publisher.publish("plant/1", "old", Qos::AtLeastOnce, 1, true);
  publisher.publish("plant/1", "new", Qos::AtLeastOnce, 2, true);
  publisher.publish("plant/2", "gone", Qos::AtLeastOnce, 3, true);
  publisher.publish("plant/2", "", Qos::AtLeastOnce, 4, true);
  server.make_durable();

  ScriptedClient subscriber(server);
  subscriber.connect("subscriber");
  subscriber.subscribe("plant/+", Qos::AtLeastOnce);
  const auto received = subscriber.take<mqtt::Publish>();

  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].payload, "new");
  EXPECT_TRUE(received[0].retain);
}

TEST_F(PublishPath, SendsARetainedMessageOfQosTwoThoughNothingElseHappens) {
  MemoryStore fast(MemoryStore::Durability::AtOnce);
  BrokerUnderTest quiet(fast);
  ScriptedClient publisher(quiet);
  publisher.connect("publisher");
  publisher.publish("plant/1", "kept", Qos::ExactlyOnce, 1, true);
  quiet.turn();
  ScriptedClient subscriber(quiet);
  subscriber.connect("subscriber");
  mqtt::Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.subscriptions.push_back({.filter = "plant/+", .qos = Qos::ExactlyOnce});

  subscriber.send(subscribe);
  quiet.broker.worker(0).end_turn();  // one turn, and no other comes by itself

  EXPECT_THAT(subscriber.take_payloads(), testing::ElementsAre("kept"));
}

TEST_F(PublishPath, SendsOneCopyWithEveryIdentifierForOverlappingFilters) {
  ScriptedClient subscriber(server);
  ScriptedClient publisher(server);
  subscriber.connect("subscriber");
  publisher.connect("publisher");
  subscriber.subscribe("plant/#", Qos::AtMostOnce, 5);
  subscriber.subscribe("plant/+", Qos::AtLeastOnce, 6);

  publisher.publish("plant/1", "reading", Qos::AtLeastOnce, 1);
  server.turn();
  const auto received = subscriber.take<mqtt::Publish>();

  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].qos, Qos::AtLeastOnce);
  std::vector<std::uint32_t> identifiers;
  for (const auto& property : received[0].properties)
    if (property.id == mqtt::PropertyId::SubscriptionIdentifier)
      identifiers.push_back(property.number);
  EXPECT_THAT(identifiers, testing::UnorderedElementsAre(5, 6));
}

}  // namespace
}  // namespace sluice::broker::test
