// What a client may send and takes, and how it leaves: the parts of MQTT that each connection
// agrees on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class ClientLimits : public testing::Test {
 protected:
  // Messages of QoS 0 on these topics.
  void publish(std::initializer_list<std::string_view> topics) {
    ScriptedClient publisher(server);
    publisher.connect("publisher");
    for (const auto topic : topics) publisher.publish(topic, "x", Qos::AtMostOnce);
    server.make_durable();
  }
  static std::vector<std::uint32_t> numbers(const mqtt::Publish& publish, PropertyId id) {
    std::vector<std::uint32_t> found;
    for (const auto& property : publish.properties)
      if (property.id == id) found.push_back(property.number);
    return found;
  }
  static mqtt::Will will(std::string_view topic) {
    return {.topic = topic,
            .payload = "gone",
            .qos = Qos::AtLeastOnce,
            .retain = false,
            .properties = {}};
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
};

TEST_F(ClientLimits, SendNoMoreUnacknowledgedThanTheServersOwnBound) {
  Limits limits;
  limits.maximum_inflight = 2;
  BrokerUnderTest strict(store, limits);
  ScriptedClient reader(strict);
  ScriptedClient publisher(strict);
  reader.connect("reader");  // takes 65,535
  publisher.connect("publisher");
  reader.subscribe("a", Qos::AtLeastOnce);
  for (std::uint16_t id = 1; id <= 3; ++id) publisher.publish("a", "x", Qos::AtLeastOnce, id);
  strict.make_durable();

  const auto first = reader.take<mqtt::Publish>();
  ASSERT_EQ(first.size(), 2U);
  reader.ack(PacketType::Puback, first[0].packet_id);
  strict.make_durable();

  EXPECT_EQ(reader.take<mqtt::Publish>().size(), 1U);
}

// What waits for the disk waits in memory.
TEST_F(ClientLimits, RefuseQosZeroFirstWhileTheLogIsBehind) {
  ScriptedClient publisher(server);
  publisher.connect("publisher");
  const std::string payload(1'000'000, 'x');
  for (std::uint16_t id = 1; id <= 60; ++id) {
    publisher.publish("a", payload, Qos::AtLeastOnce, id);
    server.turn();
  }
  const auto dropped = [&] { return server.broker.counters().dropped_log_busy.value(); };

  publisher.publish("a", "not kept", Qos::AtMostOnce);
  server.turn();
  EXPECT_EQ(dropped(), 1U);
  server.make_durable();
  publisher.publish("a", "kept", Qos::AtMostOnce);
  server.turn();

  EXPECT_EQ(dropped(), 1U);
  EXPECT_EQ(publisher.take<mqtt::Ack>().size(), 60U);
}

// Beside the reason that its client is told.
TEST_F(ClientLimits, CountWhomTheyDisconnectByReason) {
  ScriptedClient client(server);
  client.connect("client");

  client.publish(std::string(200, '/'), "x", Qos::AtMostOnce);  // levels
  server.turn();

  EXPECT_TRUE(client.link->closed);
  EXPECT_NE(server.registry.exposition().find(
                "sluice_disconnects_total{reason=\"topic_name_invalid\"} 1"),
            std::string::npos);
}

// The setting maximum_packet_size of a listener.
TEST_F(ClientLimits, OfAListenerArePromisedToItsClientsAlone) {
  BrokerUnderTest with_own(
      store, Limits{}, false, false, 1,
      {{.listener = ListenerName("ws"), .maximum_packet_size = 4096, .messages_per_second = {}}});
  const auto promised = [&](std::string_view listener) {
    ScriptedClient client(with_own, mqtt::Version::V5, listener);
    const auto before = client.connection->maximum_packet_size();
    const auto answer = client.connect(listener);
    EXPECT_EQ(answer.properties.number(PropertyId::MaximumPacketSize),
              client.connection->maximum_packet_size());
    EXPECT_EQ(before,
              std::min<std::size_t>(client.connection->maximum_packet_size(), kMaximumConnectSize));
    return client.connection->maximum_packet_size();
  };

  EXPECT_EQ(promised("tcp"), 1U << 20);
  EXPECT_EQ(promised("ws"), 4096U);
  Limits lower;
  lower.maximum_packet_size = 1024;
  with_own.broker.set_limits(lower);
  EXPECT_EQ(promised("ws"), 1024U);
}

TEST_F(ClientLimits, CountQosTwoUntilItsPubcomp) {
  Limits limits;
  limits.receive_maximum = 2;
  BrokerUnderTest strict(store, limits);
  ScriptedClient client(strict);
  client.connect("publisher");
  const auto exchange = [&](std::uint16_t id) {
    client.publish("a", "x", Qos::ExactlyOnce, id);
    strict.make_durable();
    client.ack(PacketType::Pubrel, id);
    strict.make_durable();
  };

  for (std::uint16_t id = 1; id <= 5; ++id) exchange(id);
  const bool closed_early = client.link->closed;
  for (std::uint16_t id = 1; id <= 3; ++id) {
    client.publish("a", "x", Qos::ExactlyOnce, id);
    strict.make_durable();  // the PUBREC has left
  }

  EXPECT_FALSE(closed_early);
  const auto farewells = client.take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::ReceiveMaximumExceeded);  // [MQTT-3.3.4-7]
}

TEST_F(ClientLimits, AssignAClientIdThatLeadsBackToItsSession) {
  BrokerUnderTest two(store, {}, false, false, 2);
  for (int i = 0; i < 20; ++i) {
    ScriptedClient client(two);

    const auto connack = client.connect("");

    const auto assigned = connack.properties.text(PropertyId::AssignedClientIdentifier);
    ASSERT_TRUE(assigned);
    EXPECT_EQ(&two.broker.worker_of(*assigned), &two.broker.worker(0));  // [MQTT-3.1.3-7]
  }
}

TEST_F(ClientLimits, GiveTheFirstTopicsAnAliasIfTheClientAllowsAny) {
  ScriptedClient client(server);
  client.topic_alias_maximum = 1;
  client.connect("subscriber");
  client.subscribe("#", Qos::AtMostOnce);

  publish({"a", "b", "a", "b"});

  std::vector<std::string> topics;
  std::vector<std::size_t> aliases;
  for (const auto& message : client.take<mqtt::Publish>()) {
    topics.emplace_back(message.topic);
    aliases.push_back(numbers(message, PropertyId::TopicAlias).size());
  }
  EXPECT_THAT(topics, ElementsAre("a", "b", "", "b"));
  EXPECT_THAT(aliases, ElementsAre(1, 0, 1, 0));  // [MQTT-3.1.2-26]
}

TEST_F(ClientLimits, GiveNoAliasToAClientThatAllowsNone) {
  ScriptedClient client(server);
  client.connect("subscriber");
  client.subscribe("#", Qos::AtMostOnce);

  publish({"a", "a"});

  for (const auto& message : client.take<mqtt::Publish>()) {
    EXPECT_EQ(message.topic, "a");
    EXPECT_THAT(numbers(message, PropertyId::TopicAlias), IsEmpty());  // [MQTT-3.1.2-27]
  }
}

TEST_F(ClientLimits, DoNotUseAnAliasWhoseFirstMessageWasTooLarge) {
  ScriptedClient client(server);
  client.topic_alias_maximum = 5;
  client.maximum_packet_size = 60;
  client.connect("subscriber");
  client.subscribe("#", Qos::AtMostOnce);
  ScriptedClient publisher(server);
  publisher.connect("publisher");

  publisher.publish("a", std::string(80, 'x'), Qos::AtMostOnce);
  publisher.publish("a", "small", Qos::AtMostOnce);
  server.make_durable();

  const auto received = client.take<mqtt::Publish>();
  ASSERT_EQ(received.size(), 1U);  // [MQTT-3.1.2-25]
  EXPECT_EQ(received[0].topic, "a");
}

TEST_F(ClientLimits, EndAConnectionWhoseAnswerIsLargerThanTheClientTakes) {
  ScriptedClient tiny(server);
  tiny.maximum_packet_size = 5;
  tiny.connect("tiny");
  ScriptedClient small(server);
  small.maximum_packet_size = 60;
  small.connect("small");
  mqtt::Subscribe many;
  many.packet_id = 1;
  for (int i = 0; i < 60; ++i) many.subscriptions.push_back({.filter = "a"});

  small.send(many);
  server.make_durable();

  EXPECT_TRUE(tiny.link->closed);
  EXPECT_THAT(tiny.link->sent, IsEmpty());  // [MQTT-3.1.2-24]
  EXPECT_TRUE(small.link->closed);
  EXPECT_THAT(small.take<mqtt::Suback>(), IsEmpty());
}

TEST_F(ClientLimits, SendTheWillUnlessTheClientLeavesNormally) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  const auto leaves_with = [&](std::string_view topic, ReasonCode reason) {
    ScriptedClient leaving(server);
    leaving.will = will(topic);
    leaving.connect(topic);
    leaving.send(mqtt::Disconnect{.reason = reason, .properties = {}});
    server.make_durable();
  };

  leaves_with("wills/normal", ReasonCode::Success);
  leaves_with("wills/error", ReasonCode::UnspecifiedError);
  leaves_with("wills/asked", ReasonCode::DisconnectWithWill);

  std::vector<std::string> topics;
  for (const auto& message : watcher.take<mqtt::Publish>()) topics.emplace_back(message.topic);
  EXPECT_THAT(topics, ElementsAre("wills/error", "wills/asked"));  // [MQTT-3.1.2-8]
}

TEST_F(ClientLimits, SayNeverThatTheyKeepWhatIsPublishedToTheServersTopics) {
  ScriptedClient client(server, mqtt::Version::V311);
  client.connect("old");

  client.publish("$SYS/other", "x", Qos::AtLeastOnce, 1);
  server.make_durable();

  EXPECT_THAT(client.take<mqtt::Ack>(), IsEmpty());
  EXPECT_TRUE(client.link->closed);  // [MQTT-3.3.5-2] of 3.1.1
  const std::vector<std::string> everything{"$SYS/other"};
  const auto log = store.scan_log({.filters = everything, .after = {}, .before = store.durable()});
  ASSERT_TRUE(log);
  EXPECT_THAT(log->entries, IsEmpty());
}

TEST_F(ClientLimits, KeepForNobodyWhatMqtt3PublishesToAnUnusedDollarTopic) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$other/#", Qos::ExactlyOnce);
  ScriptedClient client(server, mqtt::Version::V311);
  client.connect("old");

  client.publish("$other/a", "x", Qos::AtLeastOnce, 1, true);
  client.publish("$other/b", "y", Qos::ExactlyOnce, 2);
  server.turn();
  EXPECT_THAT(client.take<mqtt::Ack>(), IsEmpty());  // not before it is durable
  server.make_durable();

  EXPECT_EQ(client.take<mqtt::Ack>().size(), 2U);
  const std::vector<std::string> theirs{"$other/#"};
  const auto log = store.scan_log({.filters = theirs, .after = {}, .before = store.durable()});
  ASSERT_TRUE(log);
  EXPECT_EQ(log->entries.size(), 2U);
  EXPECT_THAT(watcher.take<mqtt::Publish>(), IsEmpty());
  ScriptedClient later(server);
  later.connect("later");
  later.subscribe("$other/a", Qos::ExactlyOnce);
  EXPECT_THAT(later.take<mqtt::Publish>(), IsEmpty());  // it is not retained
  EXPECT_EQ(server.broker.counters().delivered_to_nobody.value(), 2U);
}

TEST_F(ClientLimits, RefuseAnUnusedDollarTopicInOneWordOfMqtt5) {
  ScriptedClient client(server);
  client.connect("new");

  client.publish("$other", "x", Qos::AtLeastOnce, 1);
  server.make_durable();

  const auto answers = client.take<mqtt::Ack>();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].reason, ReasonCode::NotAuthorized);
  EXPECT_TRUE(answers[0].properties.empty());
}

TEST_F(ClientLimits, SayWhyTheServersTopicsTakeNothingUnlessTheClientWantsNoWords) {
  for (const bool wants_words : {true, false}) {
    ScriptedClient client(server);
    client.wants_problem_information = wants_words;
    client.connect("new");

    client.publish("$SYS/other", "x", Qos::AtLeastOnce, 1);
    server.make_durable();

    const auto answers = client.take<mqtt::Ack>();
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].reason, ReasonCode::NotAuthorized);
    EXPECT_EQ(answers[0].properties.text(PropertyId::ReasonString).has_value(),
              wants_words);  // [MQTT-3.1.2-29]
  }
}

TEST_F(ClientLimits, RefuseOneSessionMoreThanAUserMayHave) {
  Limits limits;
  limits.sessions_per_user = 2;
  BrokerUnderTest small(store, limits);
  ScriptedClient first(small);
  first.connect("first", true, 3600);
  first.drop();  // away, but there
  ScriptedClient second(small);
  second.connect("second");

  ScriptedClient third(small);
  const auto refused = third.connect("third");
  ScriptedClient old(small, mqtt::Version::V311);
  const auto refused_old = old.connect("old");
  ScriptedClient anew(small);
  const auto replaced = anew.connect("first", true);  // begins anew: none more
  second.drop();                                      // ends with its connection
  ScriptedClient fourth(small);
  const auto admitted = fourth.connect("fourth");

  EXPECT_EQ(refused.reason, ReasonCode::QuotaExceeded);
  EXPECT_THAT(std::string(refused.properties.text(PropertyId::ReasonString).value_or("")),
              testing::HasSubstr("as many sessions as the server allows: 2"));
  EXPECT_TRUE(third.link->closed);
  EXPECT_EQ(refused_old.reason, ReasonCode::ServerUnavailable);
  EXPECT_EQ(replaced.reason, ReasonCode::Success);
  EXPECT_EQ(admitted.reason, ReasonCode::Success);
  EXPECT_EQ(small.broker.counters().sessions_refused.value(), 2U);
}

TEST_F(ClientLimits, OwnMessagesComeByTheSubscriptionsThatWantThem) {
  ScriptedClient client(server);
  client.connect("client");
  mqtt::Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.subscriptions.push_back(
      {.filter = "a/#", .qos = Qos::ExactlyOnce, .no_local = true, .retain_as_published = true});
  subscribe.subscriptions.push_back({.filter = "a/+", .qos = Qos::AtMostOnce});
  client.send(subscribe);
  server.make_durable();

  client.publish("a/b", "both", Qos::ExactlyOnce, 1);
  client.publish("a/b/c", "no local", Qos::AtMostOnce);
  server.make_durable();

  const auto received = client.take<mqtt::Publish>();
  ASSERT_EQ(received.size(), 1U);  // [MQTT-3.8.3-3]
  EXPECT_EQ(received[0].payload, "both");
  EXPECT_EQ(received[0].qos, Qos::AtMostOnce);
}

}  // namespace
}  // namespace sluice::broker::test
