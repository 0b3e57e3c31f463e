// What administrators see of the subscriptions of one client: what its SUBSCRIBE said, what of each
// is in flight, and what waits.
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "broker/session_records.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

namespace json = boost::json;
using mqtt::PacketType;
using mqtt::PropertyId;
using mqtt::Qos;
using sluice::test::MemoryStore;
using testing::ElementsAre;

using UserProperties = std::vector<std::pair<std::string, std::string>>;

class SubscriptionsShown : public testing::Test {
 protected:
  SubscriptionsShown() { start({}); }
  void start(const Limits& limits) {
    server.reset();
    server = std::make_unique<BrokerUnderTest>(store, limits);
    const auto loaded = server->broker.load();
    if (!loaded) ADD_FAILURE() << loaded.error().detail;
  }
  void crash_and_restart() {
    server.reset();
    store.crash();
    start({});
  }

  void subscribe(ScriptedClient& client, std::string_view filter, const UserProperties& user,
                 std::uint32_t identifier = 0, Qos qos = Qos::AtLeastOnce) {
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    for (const auto& [name, value] : user) writer.user(name, value);
    if (identifier > 0) writer.number(PropertyId::SubscriptionIdentifier, identifier);
    EXPECT_EQ(client.subscribe_with(properties, filter, qos).size(), 1U);
  }
  void publish(std::initializer_list<std::string_view> topics, Qos qos = Qos::AtLeastOnce) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    std::uint16_t packet_id = 0;
    for (const auto topic : topics) {
      publisher.publish(topic, topic, qos, ++packet_id);
      server->make_durable();
    }
  }

  // By filter.
  std::map<std::string, json::object> shown(const std::string& client_id = "meter") {
    std::map<std::string, json::object> by_filter;
    const auto all = server->asked([&] { return server->broker.subscriptions_of(client_id); });
    EXPECT_TRUE(all);
    if (all)
      for (const auto& one : *all) by_filter.emplace(one.at("filter").as_string(), one.as_object());
    return by_filter;
  }
  // Filter, in flight, waiting.
  using Counts = std::tuple<std::string, std::int64_t, std::int64_t>;
  std::vector<Counts> counts() {
    std::vector<Counts> all;
    for (const auto& [filter, one] : shown())
      all.emplace_back(filter, one.at("in_flight").to_number<std::int64_t>(),
                       one.at("lag_messages").to_number<std::int64_t>());
    return all;
  }
  static std::string text_of(const json::object& shown, std::string_view name) {
    const auto* value = shown.if_contains(name);
    return value == nullptr ? "" : json::serialize(*value);
  }
  std::size_t kept_bytes() { return server->broker.memory().sessions->bytes(); }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server;
};

// --- SUBSCRIBE properties

TEST_F(SubscriptionsShown, SayWhatTheirSubscribeSaidAlsoAfterARestart) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  subscribe(client, "a/+", {{"for", "billing"}, {"$where", "$qos = 1"}, {"for", "twice"}}, 7);
  subscribe(client, "$share/g/b", {{"for", "group"}});
  client.subscribe("plain", Qos::AtMostOnce);

  for (const auto* when : {"before", "after"}) {
    const auto all = shown();
    EXPECT_EQ(text_of(all.at("a/+"), "user_properties"),
              R"([{"name":"for","value":"billing"},{"name":"for","value":"twice"}])")
        << when;
    EXPECT_EQ(text_of(all.at("a/+"), "identifier"), "7");
    EXPECT_EQ(text_of(all.at("a/+"), "where"), R"("$qos = 1")");
    EXPECT_EQ(text_of(all.at("$share/g/b"), "user_properties"),
              R"([{"name":"for","value":"group"}])");
    EXPECT_FALSE(all.at("plain").contains("user_properties"));
    EXPECT_FALSE(all.at("a/+").contains("user_properties_left_out"));
    if (std::string_view(when) == "before") crash_and_restart();
  }
}

TEST_F(SubscriptionsShown, KeepWhatTheNewestSubscribeSaidAndNothingOfOneThatEnded) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  subscribe(client, "a", {{"for", "billing"}});
  const auto with_properties = kept_bytes();

  subscribe(client, "a", {{"for", "alarms"}});
  EXPECT_EQ(text_of(shown().at("a"), "user_properties"), R"([{"name":"for","value":"alarms"}])");
  subscribe(client, "a", {});
  EXPECT_FALSE(shown().at("a").contains("user_properties"));
  EXPECT_LT(kept_bytes(), with_properties);
  subscribe(client, "a", {{"for", "billing"}});
  EXPECT_EQ(kept_bytes(), with_properties);
  client.unsubscribe("a");
  client.subscribe("a", Qos::AtMostOnce);
  EXPECT_FALSE(shown().at("a").contains("user_properties"));
  crash_and_restart();
  EXPECT_FALSE(shown().at("a").contains("user_properties"));
}

TEST_F(SubscriptionsShown, KeepTheFirstPropertiesThatFitAndSayThatOthersWereLeftOut) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  subscribe(client, "a",
            {{"one", "1"}, {"large", std::string(kSubscribePropertyBytes, 'x')}, {"two", "2"}});

  for (int round = 0; round < 2; ++round) {
    const auto one = shown().at("a");
    EXPECT_EQ(text_of(one, "user_properties"), R"([{"name":"one","value":"1"}])");
    EXPECT_EQ(text_of(one, "user_properties_left_out"), "true");
    crash_and_restart();
  }
}

TEST_F(SubscriptionsShown, AreGrantedWhereASessionHasNoRoomForMoreProperties) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  const UserProperties large = {{"n", std::string(kSubscribePropertyBytes - 8, 'x')}};
  const std::size_t most = kSessionPropertyBytes / (kSubscribePropertyBytes + 3);
  for (std::size_t i = 0; i <= most; ++i)
    subscribe(client, "f/" + std::to_string(i), large, 0, Qos::AtMostOnce);

  std::size_t lacking = 0;
  for (const auto& [filter, one] : shown()) lacking += one.contains("user_properties_left_out");
  EXPECT_THAT(shown(), testing::SizeIs(most + 1));
  EXPECT_GE(lacking, 1U);
  EXPECT_LE(lacking, 3U);
  subscribe(client, "f/0", large, 0, Qos::AtMostOnce);  // the same again takes no more
  EXPECT_FALSE(shown().at("f/0").contains("user_properties_left_out"));
}

TEST_F(SubscriptionsShown, AreGrantedWhereAllSessionsHaveNoRoomForMoreProperties) {
  Limits limits;
  limits.sessions_bytes = 40;
  start(limits);
  ScriptedClient client(*server);
  client.connect("meter");
  subscribe(client, "a", {{"n", std::string(40, 'x')}});
  EXPECT_TRUE(shown().at("a").contains("user_properties_left_out"));
  subscribe(client, "a", {{"n", "x"}});
  EXPECT_FALSE(shown().at("a").contains("user_properties_left_out"));
  client.drop();
  EXPECT_EQ(kept_bytes(), 0U);
}

TEST(SubscriptionRecord, HasUserPropertiesBehindWhatItHadBefore) {
  Subscription subscription{.name = "a/+", .options = {.qos = Qos::AtLeastOnce}, .since = {}};
  Conditions conditions;
  const auto condition = conditions.compile("$qos = 1", SIZE_MAX).value();
  std::string user;
  mqtt::PropertyWriter(user).user("for", "billing");

  const auto with_both =
      decode_subscription("a/+", encode(subscription, {}, condition.get(), user));
  EXPECT_EQ(*with_both.value().user_properties, user);
  EXPECT_EQ(with_both.value().condition, "$qos = 1");
  const auto alone = decode_subscription("a/+", encode(subscription, {}, nullptr, user));
  EXPECT_EQ(*alone.value().user_properties, user);
  EXPECT_EQ(alone.value().condition, "");
  // A record of today's programs: nothing changes for who has none.
  EXPECT_EQ(encode(subscription, {}).front(), 1);
  EXPECT_EQ(decode_subscription("a/+", encode(subscription, {})).value().user_properties, nullptr);
  auto cut = encode(subscription, {}, nullptr, user);
  cut.pop_back();
  EXPECT_FALSE(decode_subscription("a/+", cut));
  subscription.options.lacks_properties = true;
  const auto lacking = decode_subscription("a/+", encode(subscription, {})).value().subscription;
  EXPECT_TRUE(lacking.options.lacks_properties);
  EXPECT_EQ(lacking.options.retain_handling, 0);
}

// --- in flight, and waiting

TEST_F(SubscriptionsShown, CountWhatIsInFlightAndWhatWaitsByFilter) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 3);
  for (const auto* filter : {"a/+", "a/1", "b"}) client.subscribe(filter, Qos::AtLeastOnce);
  client.subscribe("#", Qos::AtMostOnce);
  publish({"a/1", "a/2", "b", "b", "a/1"});  // three fit
  const auto sent = client.take<mqtt::Publish>();
  ASSERT_EQ(sent.size(), 3U);

  EXPECT_THAT(counts(), ElementsAre(Counts("#", 0, 0), Counts("a/+", 2, 1), Counts("a/1", 1, 1),
                                    Counts("b", 1, 1)));
  EXPECT_FALSE(shown().at("b").contains("lag_at_least"));
  client.ack(PacketType::Puback, sent[0].packet_id);
  server->make_durable();
  EXPECT_THAT(counts(), ElementsAre(Counts("#", 0, 0), Counts("a/+", 1, 1), Counts("a/1", 0, 1),
                                    Counts("b", 2, 0)));
}

TEST_F(SubscriptionsShown, CountWhatIsInFlightOfAClientThatIsAway) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("a/+", Qos::AtLeastOnce);
  client.subscribe("b", Qos::ExactlyOnce);
  publish({"a/1", "a/2", "b"}, Qos::ExactlyOnce);
  const auto sent = client.take<mqtt::Publish>();
  ASSERT_EQ(sent.size(), 3U);
  client.ack(PacketType::Pubrec, sent[2].packet_id);  // its PUBREL leaves: not done yet
  server->make_durable();
  client.drop();
  publish({"a/3"});

  EXPECT_THAT(counts(), ElementsAre(Counts("a/+", 2, 1), Counts("b", 1, 0)));
  crash_and_restart();
  // What of QoS 1 was in flight waits again. QoS 2 is known by its packet id; behind the cursor it
  // stands in its queue, too.
  EXPECT_THAT(counts(), ElementsAre(Counts("a/+", 0, 3), Counts("b", 1, 1)));
}

TEST_F(SubscriptionsShown, CountForASharedOneWhatTheClientHasAndWhatWaitsForAll) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 2);
  client.subscribe("$share/g/a/+", Qos::AtLeastOnce);
  client.subscribe("b", Qos::AtLeastOnce);
  publish({"a/1", "a/2", "a/3", "a/4", "a/5"});

  EXPECT_THAT(counts(), ElementsAre(Counts("$share/g/a/+", 2, 3), Counts("b", 0, 0)));
}

TEST_F(SubscriptionsShown, LeaveOutWhatASubscriptionDidNotAskFor) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("a/+", Qos::AtLeastOnce);
  publish({"a/1"});
  client.subscribe("a/1", Qos::AtLeastOnce);  // later
  subscribe(client, "#", {{"$where", "payload.t > 20"}});
  publish({"a/1"});

  EXPECT_THAT(counts(), ElementsAre(Counts("#", 0, 0), Counts("a/+", 2, 0), Counts("a/1", 1, 0)));
}

TEST_F(SubscriptionsShown, CountWhatWaitedBeforeQosWasLowered) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 1);
  client.subscribe("a", Qos::AtLeastOnce);
  publish({"a", "a", "a"});
  client.subscribe("a", Qos::AtMostOnce);
  publish({"a"});

  EXPECT_THAT(counts(), ElementsAre(Counts("a", 1, 2)));
}

}  // namespace
}  // namespace sluice::broker::test
