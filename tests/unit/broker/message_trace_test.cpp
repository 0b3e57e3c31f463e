// What happened to a message: who has passed it, and when, if it is traced. Publishing from
// outside.
#include <future>

#include <boost/json/array.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class MessageTrace : public testing::Test {
 protected:
  Outcome<Published> publish(OutsideMessage message) {
    return server.asked([&] { return server.broker.publish_from_outside(message); });
  }

  model::MessagePtr message_of(const Outcome<Published>& published) {
    EXPECT_TRUE(published) << (published ? "" : published.error().detail);
    if (!published) return nullptr;
    auto found = store.message_at(store::Position(published->id.position));
    EXPECT_TRUE(found);
    return found ? *found : nullptr;
  }

  // "client_id or name: state" of each.
  std::vector<std::string> consumers(const model::Message& message) {
    const auto shown = server.asked([&] { return server.broker.consumers_of(message); });
    std::vector<std::string> states;
    for (const auto& session : shown.at("sessions").as_array())
      states.push_back(std::string(session.at("client_id").as_string()) + ": " +
                       std::string(session.at("state").as_string()));
    for (const auto& group : shown.at("groups").as_array())
      states.push_back(std::string(group.at("name").as_string()) + ": " +
                       std::string(group.at("state").as_string()));
    return states;
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
};

TEST_F(MessageTrace, SaysWhoHasPassedAMessageAndWhoHasNot) {
  ScriptedClient client(server);
  client.connect("reader", true, 3600);
  client.subscribe("plant/#", Qos::AtLeastOnce);

  const auto message = message_of(publish({.topic = "plant/1", .payload = "reading"}));
  ASSERT_TRUE(message);
  EXPECT_THAT(consumers(*message), ElementsAre("reader: in_flight"));

  const auto received = client.take<mqtt::Publish>();
  ASSERT_EQ(received.size(), 1U);
  client.ack(PacketType::Puback, received[0].packet_id);
  server.make_durable();
  EXPECT_THAT(consumers(*message), ElementsAre("reader: passed"));
}

TEST_F(MessageTrace, TellsThoseWhoWaitFromThoseWhoCameLater) {
  ScriptedClient away(server);
  away.connect("away", true, 3600);
  away.subscribe("plant/#", Qos::AtLeastOnce);
  away.drop();
  server.turn();

  const auto message = message_of(publish({.topic = "plant/1", .payload = "reading"}));
  ASSERT_TRUE(message);
  ScriptedClient later(server);
  later.connect("later", true, 3600);
  later.subscribe("plant/1", Qos::AtLeastOnce);
  ScriptedClient unkept(server);
  unkept.connect("unkept");
  unkept.subscribe("plant/+", Qos::AtMostOnce);
  server.make_durable();

  EXPECT_THAT(consumers(*message),
              testing::UnorderedElementsAre("away: waiting", "later: later", "unkept: later"));
  const auto next = message_of(publish({.topic = "plant/1", .payload = "next"}));
  ASSERT_TRUE(next);
  EXPECT_THAT(consumers(*next), testing::UnorderedElementsAre("away: waiting", "later: in_flight",
                                                              "unkept: not_kept"));
}

TEST_F(MessageTrace, FollowsAGroup) {
  ScriptedClient member(server);
  member.connect("member", true, 3600);
  member.subscribe("$share/team/plant/#", Qos::AtLeastOnce);

  const auto message = message_of(publish({.topic = "plant/1", .payload = "reading"}));
  ASSERT_TRUE(message);
  EXPECT_THAT(consumers(*message), ElementsAre("team: in_flight"));

  const auto received = member.take<mqtt::Publish>();
  ASSERT_EQ(received.size(), 1U);
  member.ack(PacketType::Puback, received[0].packet_id);
  server.make_durable();
  EXPECT_THAT(consumers(*message), ElementsAre("team: passed"));
}

TEST_F(MessageTrace, KeepsTimesOfTracedMessagesAlone) {
  ScriptedClient client(server);
  client.connect("reader", true, 3600);
  client.subscribe("#", Qos::AtLeastOnce);
  server.broker.tracer().set_rules({.filters = {"plant/+"}, .client_ids = {}, .one_in = 0});

  const auto traced = message_of(publish({.topic = "plant/1", .payload = "traced"}));
  const auto other = message_of(publish({.topic = "other", .payload = "not"}));
  ASSERT_TRUE(traced && other);
  for (const auto& publish : client.take<mqtt::Publish>())
    client.ack(PacketType::Puback, publish.packet_id);
  server.make_durable();

  const auto events = server.broker.tracer().events_of(traced->position());
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].what, Tracer::What::Sent);
  EXPECT_EQ(events[0].client_id, "reader");
  EXPECT_EQ(events[1].what, Tracer::What::Acknowledged);
  EXPECT_THAT(server.broker.tracer().events_of(other->position()), IsEmpty());
}

TEST_F(MessageTrace, KeepsWhatAClientPublishedAndWasSent) {
  ScriptedClient client(server);
  client.connect("meter", true, 3600);
  client.subscribe("to", Qos::AtLeastOnce);
  auto& tracer = server.broker.tracer();
  client.publish("before", "x", Qos::AtLeastOnce, 1);
  server.make_durable();
  tracer.set_rules({.filters = {}, .client_ids = {"meter"}, .one_in = 0});
  client.publish("from", "x", Qos::AtLeastOnce, 2);
  server.make_durable();
  const auto sent = message_of(publish({.topic = "to", .payload = "x"}));
  message_of(publish({.topic = "elsewhere", .payload = "x"}));
  for (const auto& publish : client.take<mqtt::Publish>())
    client.ack(PacketType::Puback, publish.packet_id);
  server.make_durable();

  const auto events = tracer.events_of_client("meter", UINT64_MAX, 10);
  ASSERT_EQ(events.size(), 3U);  // newest first
  EXPECT_EQ(events[0].what, Tracer::What::Acknowledged);
  EXPECT_EQ(events[1].what, Tracer::What::Sent);
  EXPECT_EQ(events[1].message, sent->id);
  EXPECT_EQ(events[2].what, Tracer::What::Received);
  EXPECT_EQ(store.message_at(store::Position(events[2].message.position)).value()->topic, "from");
  const auto page = tracer.events_of_client("meter", events[1].number, 1);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].number, events[2].number);
  EXPECT_THAT(tracer.events_of_client("meter", events[2].number, 10), IsEmpty());
  EXPECT_THAT(tracer.events_of_client("nobody", UINT64_MAX, 10), IsEmpty());
}

// What goes to many clients as one piece otherwise.
TEST_F(MessageTrace, KeepsTheTimesOfEachClientThatIsSentQosZero) {
  ScriptedClient one(server);
  ScriptedClient two(server);
  one.connect("one");
  two.connect("two");
  one.subscribe("#", Qos::AtMostOnce);
  two.subscribe("#", Qos::AtMostOnce);
  server.broker.tracer().set_rules({.filters = {"plant/+"}, .client_ids = {}, .one_in = 0});

  const auto traced = message_of(publish({.topic = "plant/1", .payload = "traced"}));
  ASSERT_TRUE(traced);

  EXPECT_EQ(server.broker.tracer().events_of(traced->position()).size(), 2U);
}

TEST_F(MessageTrace, TracesAClientOrOneMessageInSoMany) {
  auto& tracer = server.broker.tracer();
  EXPECT_FALSE(tracer.is_on());
  model::Message message;
  message.topic = "a";
  message.client_id = "publisher";
  tracer.set_rules({.filters = {}, .client_ids = {"publisher"}, .one_in = 0});
  EXPECT_TRUE(tracer.is_on());
  EXPECT_TRUE(tracer.is_traced(message, "anybody"));
  tracer.set_rules({.filters = {}, .client_ids = {"reader"}, .one_in = 0});
  EXPECT_TRUE(tracer.is_traced(message, "reader"));
  EXPECT_FALSE(tracer.is_traced(message, "anybody"));
  tracer.set_rules({.filters = {}, .client_ids = {}, .one_in = 10});
  int sampled = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    message.id.position = 4096 + i * 173;
    sampled += tracer.is_traced(message, "anybody") ? 1 : 0;
  }
  EXPECT_GT(sampled, 700);
  EXPECT_LT(sampled, 1300);
  tracer.set_rules({});
  EXPECT_FALSE(tracer.is_on());
}

TEST_F(MessageTrace, KeepsABoundedNumberOfEvents) {
  auto& tracer = server.broker.tracer();
  tracer.set_rules({.filters = {"#"}, .client_ids = {}, .one_in = 0});
  model::Message message;
  message.topic = "a";
  for (std::size_t i = 0; i < Tracer::kMostEvents + 10; ++i) {
    message.id.position = i + 1;
    tracer.note(Tracer::What::Sent, message, std::string(1000, 'c'), 1);
  }
  EXPECT_EQ(tracer.kept().events, Tracer::kMostEvents);
  EXPECT_THAT(tracer.events_of(model::Position(10)), IsEmpty());
  EXPECT_EQ(tracer.events_of_client(std::string(1000, 'c'), UINT64_MAX, SIZE_MAX).size(),
            Tracer::kMostEvents);
  const auto newest = tracer.events_of(model::Position(Tracer::kMostEvents + 10));
  ASSERT_EQ(newest.size(), 1U);
  EXPECT_EQ(newest[0].client_id.size(), Tracer::kMostNameBytes);
}

TEST_F(MessageTrace, PublishingFromOutsideIsRefusedWhereAClientWouldBe) {
  const auto system = publish({.topic = "$SYS/x", .payload = ""});
  ASSERT_FALSE(system);
  EXPECT_EQ(system.error().code, "not_allowed");
  const auto wild = publish({.topic = "a/+", .payload = ""});
  ASSERT_FALSE(wild);
  EXPECT_EQ(wild.error().code, "invalid_document");
  const auto large = publish({.topic = "a", .payload = std::string(2 << 20, 'x')});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, "invalid_document");
  store.fail_appends(Errc::NoSpace);
  const auto full = publish({.topic = "a", .payload = "1"});
  ASSERT_FALSE(full);
  store.fail_appends(std::nullopt);
  EXPECT_TRUE(publish({.topic = "a", .payload = "1", .retain = true}));
  EXPECT_TRUE(server.broker.retained().find("a"));
}

TEST(OutsidePublish, AsksThePoliciesOfItsUser) {
  MemoryStore store;
  BrokerUnderTest server(store, {}, true);
  ASSERT_TRUE(server.access.load());
  ASSERT_TRUE(server.access.create_user({{"name", "meter"}, {"password", "secret-1"}}));
  ASSERT_TRUE(server.access.create_policy({{"name", "meters-out"},
                                           {"effect", "allow"},
                                           {"operations", boost::json::array{"publish"}},
                                           {"resources", boost::json::array{"meters/#"}},
                                           {"users", boost::json::array{"meter"}}}));
  const auto publish = [&](std::string topic, std::string username) {
    OutsideMessage message{.topic = std::move(topic), .payload = "1"};
    message.client = {.client_id = "administration",
                      .username = username,
                      .has_username = !username.empty(),
                      .host = "127.0.0.1"};
    message.checks_policies = !username.empty();
    auto answer =
        std::async(std::launch::async, [&] { return server.broker.publish_from_outside(message); });
    while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      server.await(std::chrono::milliseconds(20));
      server.turn();
    }
    const auto outcome = answer.get();
    return outcome ? std::string("stored") : outcome.error().code;
  };

  EXPECT_EQ(publish("meters/1", "meter"), "stored");
  EXPECT_EQ(publish("other/1", "meter"), "not_allowed");
  EXPECT_EQ(publish("meters/1", "nobody"), "invalid_document");
  EXPECT_EQ(publish("other/1", ""), "stored");
}

// As 0x10 does in MQTT 5.
TEST_F(MessageTrace, AnOutsideMessageThatReachesNobodySaysSo) {
  ScriptedClient reader(server);
  reader.connect("reader");
  reader.subscribe("plant/+", Qos::AtMostOnce);

  const auto read = publish({.topic = "plant/1", .payload = "reading"});
  const auto unread = publish({.topic = "other", .payload = "reading"});

  ASSERT_TRUE(read && unread);
  EXPECT_TRUE(read->reaches_somebody);
  EXPECT_FALSE(unread->reaches_somebody);
}

}  // namespace
}  // namespace sluice::broker::test
