// `$events/...` and `$SYS/...`: for those who name them, and for nobody else.
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "broker/statistics.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

namespace json = boost::json;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ServersTopics : public testing::Test {
 protected:
  std::vector<std::string> in_log(const std::string& filter) {
    const std::vector<std::string> filters{filter};
    std::vector<std::string> topics;
    const auto log = store.scan_log({.filters = filters, .after = {}, .before = store.durable()});
    for (const auto& entry : log->entries) topics.emplace_back(entry.message->topic);
    return topics;
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
};

TEST_F(ServersTopics, TellNothingWhileNobodyListens) {
  ScriptedClient everything(server);
  everything.connect("everything");
  everything.subscribe("#", Qos::AtMostOnce);
  everything.subscribe("+/client/connected", Qos::AtMostOnce);

  ScriptedClient client(server);
  client.connect("c");
  client.publish("$SYS/x", "", Qos::AtLeastOnce, 1);
  client.drop();
  server.make_durable();

  EXPECT_THAT(everything.take<mqtt::Publish>(), IsEmpty());
  EXPECT_THAT(in_log("$events/#"), IsEmpty());
  EXPECT_THAT(in_log("$SYS/#"), IsEmpty());
}

// Two tasks that carry each other's events and fail at them would go on for ever.
TEST_F(ServersTopics, BoundWhatOneSubjectTellsOfItsState) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$events/task/#", Qos::AtMostOnce);
  for (int i = 0; i < 500; ++i)
    for (const auto* task : {"one", "two"})
      server.broker.tell_event(task, "$events/task/" + std::string(task) + "/waiting", {{"n", i}});
  server.make_durable();
  server.make_durable();

  EXPECT_THAT(watcher.take<mqtt::Publish>(), SizeIs(2 * Events::kStatesAtOnce));
  // The newest of each waits for its time.
  EXPECT_EQ(server.broker.counters().events_dropped.value(), 2 * (500 - Events::kStatesAtOnce - 1));
}

TEST_F(ServersTopics, TellTheLifeOfAClientInOrder) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$events/#", Qos::AtMostOnce);
  (void)watcher.take<mqtt::Publish>();

  ScriptedClient client(server, mqtt::Version::V311);
  client.connect("c", true);
  client.subscribe("a/+", Qos::AtLeastOnce);
  client.drop();
  server.make_durable();

  std::vector<std::string> names;
  json::object left;
  for (const auto& message : watcher.take<mqtt::Publish>()) {
    const auto event = json::parse(message.payload).as_object();
    EXPECT_EQ(event.at("clientid"), "c");
    EXPECT_EQ(event.at("node"), "sluice-1");
    names.emplace_back(message.topic);
    if (message.topic == "$events/client/disconnected") left = event;
    if (message.topic == "$events/session/subscribed") EXPECT_EQ(event.at("topic"), "a/+");
    if (message.topic == "$events/client/connected") EXPECT_EQ(event.at("proto_ver"), 4);
  }
  EXPECT_THAT(names, ElementsAre("$events/session/created", "$events/client/connected",
                                 "$events/session/subscribed", "$events/client/disconnected",
                                 "$events/session/terminated"));
  EXPECT_EQ(left.at("reason"), "connection_lost");
  EXPECT_EQ(left.at("peername"), "192.0.2.1");
}

TEST_F(ServersTopics, TellOfMessagesThatWereGivenUp) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$events/message/+", Qos::AtMostOnce);
  ScriptedClient small(server);
  small.maximum_packet_size = 40;
  small.connect("small");
  small.subscribe("big", Qos::AtMostOnce);
  ScriptedClient publisher(server);
  publisher.connect("publisher");

  publisher.publish("big", std::string(100, 'x'), Qos::AtMostOnce);
  publisher.publish("$SYS/mine", "x", Qos::AtLeastOnce, 1);
  server.make_durable();

  std::map<std::string, json::object> told;
  for (const auto& message : watcher.take<mqtt::Publish>())
    told[std::string(message.topic)] = json::parse(message.payload).as_object();
  ASSERT_THAT(told, SizeIs(2));
  const auto& undelivered = told.at("$events/message/undelivered");
  EXPECT_EQ(undelivered.at("clientid"), "small");
  EXPECT_EQ(undelivered.at("from_clientid"), "publisher");
  EXPECT_EQ(undelivered.at("reason"), "too_large_for_client");
  const auto& dropped = told.at("$events/message/dropped");
  EXPECT_EQ(dropped.at("clientid"), "publisher");
  EXPECT_EQ(dropped.at("reason"), "not_authorized");
}

// Admits as many as it was given.
class Listener final : public EventListener {
 public:
  explicit Listener(int room) : room_(room) {}
  bool admits(Event) override { return room_-- > 0; }
  void take(Event, json::object shown) override {
    taken.emplace_back(shown.at("event").as_string());
    clients.emplace_back(shown.at("clientid").as_string());
  }
  std::vector<std::string> taken, clients;

 private:
  int room_;
};

TEST_F(ServersTopics, AreToldToAListenerWithoutASubscriberAndWithoutTheLog) {
  Listener listener(3);
  server.broker.event_listener = &listener;

  ScriptedClient client(server);
  client.connect("c");
  client.subscribe("a/#", Qos::AtMostOnce);
  client.drop();  // one too much
  server.make_durable();

  EXPECT_THAT(listener.taken,
              ElementsAre("session.created", "client.connected", "session.subscribed"));
  EXPECT_THAT(listener.clients, ElementsAre("c", "c", "c"));
  EXPECT_THAT(in_log("$events/#"), IsEmpty());
}

TEST_F(ServersTopics, LeaveOutWhatIsTooMuchForOneTurn) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$events/session/#", Qos::AtMostOnce);
  (void)watcher.take<mqtt::Publish>();

  auto& events = server.broker.worker(0).events();
  for (std::size_t i = 0; i < Events::kMaximum + 5; ++i)
    events.add(Event::SessionCreated, {.client_id = "c", .username = {}, .host = {}}, {});
  server.make_durable();

  EXPECT_THAT(watcher.take<mqtt::Publish>(), SizeIs(Events::kMaximum));
  EXPECT_EQ(server.broker.counters().events_dropped.value(), 5U);
}

TEST_F(ServersTopics, ReachASessionThatIsAwayNoMoreThanOtherQosZero) {
  ScriptedClient watcher(server);
  watcher.connect("watcher", true, 3600);
  watcher.subscribe("$events/client/#", Qos::AtLeastOnce);
  watcher.drop();
  ScriptedClient client(server);
  client.connect("c");
  server.make_durable();

  ScriptedClient again(server);
  again.connect("watcher", false, 3600);
  server.make_durable();

  std::vector<std::string> who;
  for (const auto& message : again.take<mqtt::Publish>())
    who.emplace_back(json::parse(message.payload).as_object().at("clientid").as_string());
  EXPECT_THAT(who, ElementsAre("watcher"));
}

TEST_F(ServersTopics, GiveStatisticsToWhoSubscribesAndStopWhenNobodyDoes) {
  ScriptedClient watcher(server);
  watcher.connect("watcher");
  watcher.subscribe("$SYS/broker/clients/+", Qos::AtMostOnce);
  std::map<std::string, std::string> values;
  for (int i = 0; i < 50 && values.size() < 2; ++i) {
    server.await(std::chrono::milliseconds(100));
    server.make_durable();
    for (const auto& message : watcher.take<mqtt::Publish>())
      values[std::string(message.topic)] = std::string(message.payload);
  }

  EXPECT_EQ(values["$SYS/broker/clients/connected"], "1");
  EXPECT_EQ(values["$SYS/broker/clients/total"], "1");
  // Nobody asked for the others.
  EXPECT_THAT(in_log("$SYS/#"), SizeIs(2));
  watcher.drop();
  server.turn();
  EXPECT_FALSE(server.broker.filters().some_dollar_filter());
}

}  // namespace
}  // namespace sluice::broker::test
