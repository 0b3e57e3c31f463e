// Rules of the administration: who is kept out, who is subscribed to what, point to point.
#include <functional>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/wildcard.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

namespace json = boost::json;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

json::object json_of(std::string_view text) {
  return json::parse(text).as_object();
}

Client client_named(std::string id) {
  return {.client_id = std::move(id), .username = {}, .host = "192.0.2.1"};
}

Client client_at(std::string host) {
  return {.client_id = "c", .username = {}, .host = std::move(host)};
}

TEST(Wildcards, StandForAnyCharactersAndForOne) {
  EXPECT_TRUE(matches_wildcard("", ""));
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*c*e", "abcde"));
  EXPECT_TRUE(matches_wildcard("*aab", "aaaaab"));
  EXPECT_TRUE(matches_wildcard("m?ter-*", "meter-7"));
  EXPECT_FALSE(matches_wildcard("m?ter-*", "mter-7"));
  EXPECT_FALSE(matches_wildcard("?", ""));
  EXPECT_FALSE(matches_wildcard("a*b", "abc"));
  EXPECT_FALSE(matches_wildcard("", "a"));
}

TEST(Wildcards, AreFoundWhereverTheyStandInALongText) {
  const std::string long_text(5000, 'a');
  const std::string long_piece(100, 'a');
  EXPECT_FALSE(matches_wildcard("*" + long_piece + "?b*", long_text));
  EXPECT_TRUE(matches_wildcard("*" + long_piece + "?b*", long_text + "xb" + long_text));
  EXPECT_TRUE(matches_wildcard("*" + long_piece + "b", long_text + "b"));
  EXPECT_FALSE(matches_wildcard("*" + long_piece + "b", long_text));
  EXPECT_TRUE(matches_wildcard("*?*" + long_piece + "?*", std::string(102, 'a')));
  EXPECT_FALSE(matches_wildcard("*?*" + long_piece + "?*", std::string(101, 'a')));
}

// Against what the words say, for all short ones of two letters.
TEST(Wildcards, MatchWhatATrialOfAllWaysMatches) {
  const std::function<bool(std::string_view, std::string_view)> tried =
      [&](std::string_view pattern, std::string_view text) {
        if (pattern.empty()) return text.empty();
        if (pattern[0] != '*')
          return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
                 tried(pattern.substr(1), text.substr(1));
        for (std::size_t skipped = 0; skipped <= text.size(); ++skipped)
          if (tried(pattern.substr(1), text.substr(skipped))) return true;
        return false;
      };
  const auto word = [](std::size_t number, std::string_view letters) {
    std::string text;
    for (; number > 0; number /= letters.size() + 1)
      if (const auto digit = number % (letters.size() + 1); digit > 0) text += letters[digit - 1];
    return text;
  };
  for (std::size_t pattern = 0; pattern < 3125; ++pattern)  // up to five of four
    for (std::size_t text = 0; text < 243; ++text)          // up to five of two
      ASSERT_EQ(matches_wildcard(word(pattern, "ab?*"), word(text, "ab")),
                tried(word(pattern, "ab?*"), word(text, "ab")))
          << word(pattern, "ab?*") << " on " << word(text, "ab");
}

TEST(PointToPoint, AddressesOneClientBySecondLevelAndNoOther) {
  EXPECT_EQ(addressee_of("a/p2p/c 1"), "c 1");
  EXPECT_EQ(addressee_of("/p2p/c"), "c");
  for (const auto* topic : {"a/p2p/", "a/p2p/c/d", "p2p/c", "a/b/p2p/c", "a/p2px/c", "$a/p2p/c"})
    EXPECT_FALSE(addressee_of(topic)) << topic;
  EXPECT_EQ(mail_filter_of("c"), "+/p2p/c");
  for (const auto* id : {"", "a/b", "a+", "#"}) EXPECT_FALSE(mail_filter_of(id)) << id;
  EXPECT_EQ(owner_of_mail_filter("+/p2p/c"), "c");
  EXPECT_FALSE(owner_of_mail_filter("+/p2p/#"));
  EXPECT_FALSE(owner_of_mail_filter("a/p2p/c"));
}

class ClientRules : public testing::Test {
 protected:
  ReasonCode connect(std::string_view id, mqtt::Version version = mqtt::Version::V5) {
    ScriptedClient client(server, version);
    return client.connect(id).reason;
  }
  void block(std::string_view text) {
    const auto made = server.broker.block_rules().documents().create(json_of(text));
    ASSERT_TRUE(made) << made.error().detail;
    server.turn();
  }
  void switch_point_to_point_on() {
    Limits limits;
    limits.point_to_point = true;
    server.broker.set_limits(limits);
  }

  MemoryStore store{MemoryStore::Durability::AtOnce};
  BrokerUnderTest server{store};
};

TEST_F(ClientRules, KeepOutByIdUserAndAddressButForExceptions) {
  block(R"({"name":"ids","type":"client_id","value":"bad-*","except":["bad-but-*"]})");
  EXPECT_EQ(connect("bad-1"), ReasonCode::Banned);
  EXPECT_EQ(connect("bad-but-good"), ReasonCode::Success);
  EXPECT_EQ(connect("good"), ReasonCode::Success);
  EXPECT_EQ(server.broker.counters().clients_blocked.value(), 1U);

  block(R"({"name":"users","type":"user","value":"mallory"})");
  ScriptedClient mallory(server);
  mallory.username = "mallory";
  EXPECT_EQ(mallory.connect("good").reason, ReasonCode::Banned);

  block(R"({"name":"addresses","type":"address","value":"192.0.2.0/24","except":["192.0.2.9"]})");
  EXPECT_EQ(connect("good"), ReasonCode::Banned);
  EXPECT_FALSE(server.broker.block_rules().blocking(client_at("192.0.2.9")));
  EXPECT_TRUE(server.broker.block_rules().blocking(client_at("::ffff:192.0.2.1")));
}

TEST_F(ClientRules, EndTheConnectionOfWhoIsBlockedNowAndKeepItsSession) {
  ScriptedClient client(server);
  client.connect("c", true, 3600);

  block(R"({"name":"rule","type":"client_id","value":"c"})");

  const auto farewells = client.take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::AdministrativeAction);
  EXPECT_TRUE(client.link->closed);
  EXPECT_EQ(server.broker.worker(0).sessions().size(), 1U);
}

TEST_F(ClientRules, EndWhenTheirTimeIsOver) {
  block(R"({"name":"over","type":"client_id","value":"*","until":"2020-01-01T00:00:00Z"})");
  EXPECT_EQ(connect("c"), ReasonCode::Success);
  block(R"({"name":"now","type":"client_id","value":"*","until":"2999-01-01T00:00:00.5Z"})");
  EXPECT_EQ(connect("c"), ReasonCode::Banned);
}

TEST_F(ClientRules, AreRefusedWithTheFieldThatIsWrong) {
  auto& rules = server.broker.block_rules().documents();
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"name":"abc","type":"address","value":"here"})", "/value"},
      {R"({"name":"abc","type":"address","value":"::1","except":["x"]})", "/except/0"},
      {R"({"name":"abc","type":"user","value":"x","until":"tomorrow"})", "/until"},
      {R"({"name":"abc","type":"user","value":"x","until":"2026-04-31T00:00:00Z"})", "/until"},
      {R"({"name":"a b","type":"user","value":"x"})", "/name"}};
  for (const auto& [text, pointer] : wrong) {
    const auto made = rules.create(json_of(text));
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().fields.front().pointer, pointer) << text;
  }
  auto& autos = server.broker.auto_subscriptions().documents();
  for (const auto* filter :
       {"a/#/b", "$share//x", "$share/g", "$share/g/", "$share/g+/x", "$share/g/$share/h/x",
        "$share/${client_id}/x", "$share/%c/x", "${nonsense}/a"}) {
    const auto made = autos.create({{"name", "abc"}, {"filters", json::array{filter}}});
    ASSERT_FALSE(made) << filter;
    EXPECT_EQ(made.error().fields.front().pointer, "/filters/0");
  }
}

TEST_F(ClientRules, AreThereAfterARestartUnderTheirIdAndNewName) {
  auto& rules = server.broker.block_rules().documents();
  auto made = *rules.create(json_of(R"({"name":"old","type":"client_id","value":"c"})"));
  ASSERT_TRUE(rules.create(json_of(R"({"name":"other","type":"client_id","value":"d"})")));
  made["name"] = "new";
  made["value"] = "e";
  ASSERT_TRUE(rules.replace("old", made));
  made["name"] = "other";
  EXPECT_EQ(rules.replace("new", made).error().code, "name_taken");
  ASSERT_TRUE(rules.remove("other"));

  BrokerUnderTest again(store);
  ASSERT_TRUE(again.broker.load());

  const auto all = again.broker.block_rules().documents().all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("name"), "new");
  EXPECT_EQ(all[0].at("id"), made.at("id"));
  EXPECT_EQ(again.broker.block_rules().blocking(client_named("e")), "new");
}

TEST_F(ClientRules, CalledLikeAnothersIdAreToldApart) {
  auto& rules = server.broker.block_rules().documents();
  const auto first = *rules.create(json_of(R"({"name":"zzz","type":"client_id","value":"a"})"));
  const std::string id(first.at("id").as_string());
  ASSERT_TRUE(rules.create({{"name", id}, {"type", "client_id"}, {"value", "b"}}));

  ASSERT_TRUE(rules.remove(id));  // the id goes before the name
  EXPECT_EQ(connect("a"), ReasonCode::Success);
  EXPECT_EQ(connect("b"), ReasonCode::Banned);
  ASSERT_TRUE(rules.remove(id));

  BrokerUnderTest again(store);
  ASSERT_TRUE(again.broker.load());
  EXPECT_TRUE(again.broker.block_rules().documents().all().empty());
}

TEST_F(ClientRules, SubscribeWhoConnectsWithoutDoingItTwice) {
  auto& rules = server.broker.auto_subscriptions().documents();
  ASSERT_TRUE(rules.create(json_of(
      R"({"name":"own","filters":["to/${client_id}","all/#"],"qos":2,"client_ids":["meter-*"]})")));
  ASSERT_TRUE(rules.create(json_of(R"({"name":"then","filters":["all/#"],"qos":1})")));
  ScriptedClient publisher(server);
  publisher.connect("p");
  publisher.publish("to/meter-1", "kept", Qos::AtLeastOnce, 1, true);
  server.turn();

  ScriptedClient meter(server);
  meter.connect("meter-1", true, 3600);
  server.turn();

  const auto kept = meter.take<mqtt::Publish>();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].payload, "kept");
  meter.ack(mqtt::PacketType::Puback, kept[0].packet_id);
  const auto session = server.broker.worker(0).find_session("meter-1");
  ASSERT_EQ(session->subscriptions().size(), 2U);
  EXPECT_EQ(session->find_subscription("to/meter-1")->options.qos, Qos::ExactlyOnce);
  EXPECT_EQ(session->find_subscription("all/#")->options.qos, Qos::AtLeastOnce);
  const auto other = server.broker.worker(0).find_session("p");
  ASSERT_EQ(other->subscriptions().size(), 1U);

  const auto since = session->find_subscription("to/meter-1")->since;
  meter.drop();
  publisher.publish("to/meter-1", "while away", Qos::AtLeastOnce, 2);
  ScriptedClient again(server);
  again.connect("meter-1", false, 3600);
  server.turn();
  EXPECT_EQ(session->find_subscription("to/meter-1")->since, since);
  EXPECT_THAT(again.take_payloads(), ElementsAre("while away"));
}

TEST_F(ClientRules, MailGoesToItsAddresseeAlone) {
  switch_point_to_point_on();
  ScriptedClient everything(server);
  everything.connect("everything");
  everything.subscribe("#", Qos::AtLeastOnce);
  everything.subscribe("x/p2p/+", Qos::AtLeastOnce);
  EXPECT_THAT(everything.subscribe("+/p2p/c", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::NotAuthorized));
  ScriptedClient client(server);
  client.connect("c", true, 3600);
  client.drop();

  ScriptedClient publisher(server);
  publisher.connect("p");
  publisher.publish("x/p2p/c", "while away", Qos::ExactlyOnce, 1, true);
  publisher.publish("x/p2p/nobody", "lost", Qos::AtLeastOnce, 2);
  server.turn();

  std::map<std::uint16_t, ReasonCode> answers;
  for (const auto& ack : publisher.take<mqtt::Ack>()) answers[ack.packet_id] = ack.reason;
  EXPECT_EQ(answers[1], ReasonCode::Success);
  EXPECT_EQ(answers[2], ReasonCode::NoMatchingSubscribers);
  EXPECT_THAT(everything.take<mqtt::Publish>(), IsEmpty());
  ScriptedClient again(server);
  again.connect("c", false, 3600);
  server.turn();
  EXPECT_THAT(again.take_payloads(), ElementsAre("while away"));
  ScriptedClient late(server);
  late.connect("late");
  late.subscribe("x/#", Qos::AtMostOnce);
  EXPECT_THAT(late.take<mqtt::Publish>(), IsEmpty());  // it is not retained

  server.broker.set_limits({});  // an ordinary topic again
  publisher.publish("x/p2p/c", "for all", Qos::AtMostOnce);
  server.turn();
  EXPECT_THAT(late.take_payloads(), ElementsAre("for all"));
}

// [MQTT-3.3.4-3]: what comes by it is to be told by its identifier.
TEST_F(ClientRules, LeaveTheSubscriptionIdentifierOfTheClientsOwnSubscription) {
  ScriptedClient client(server);
  client.connect("c", true, kLong);
  client.subscribe("all/#", Qos::ExactlyOnce, 7);
  client.drop();
  auto& rules = server.broker.auto_subscriptions().documents();
  ASSERT_TRUE(rules.create(json_of(R"({"name":"all","filters":["all/#"],"qos":1})")));

  ScriptedClient again(server);
  again.connect("c", false, kLong);
  ScriptedClient publisher(server);
  publisher.connect("p");
  publisher.publish("all/1", "x", Qos::ExactlyOnce, 1);
  server.turn();

  const auto got = again.take<mqtt::Publish>();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].qos, Qos::AtLeastOnce);  // as the rule says
  EXPECT_EQ(got[0].properties.number(mqtt::PropertyId::SubscriptionIdentifier), 7U);
}

// It is an ordinary topic then, and the client asked for nothing.
TEST_F(ClientRules, TakeTheMailFilterAwayOnceItIsSwitchedOffAndEmpty) {
  const auto connect_again = [this] {
    ScriptedClient client(server);
    client.connect("c", false, kLong);
    server.turn();
    auto got = client.take<mqtt::Publish>();
    for (const auto& message : got) client.ack(mqtt::PacketType::Puback, message.packet_id);
    client.drop();
    return got.size();
  };
  switch_point_to_point_on();
  connect_again();
  ScriptedClient publisher(server);
  publisher.connect("p");
  publisher.publish("x/p2p/c", "mail", Qos::AtLeastOnce, 1);
  server.turn();
  server.broker.set_limits({});

  EXPECT_EQ(connect_again(), 1U);  // what waited
  const auto session = server.broker.worker(0).find_session("c");
  ASSERT_NE(session->find_subscription("+/p2p/c"), nullptr);
  EXPECT_EQ(connect_again(), 0U);
  EXPECT_EQ(session->find_subscription("+/p2p/c"), nullptr);
}

TEST_F(ClientRules, LeaveAFilterForItsMailThatTheClientAskedFor) {
  switch_point_to_point_on();
  ScriptedClient client(server);
  client.connect("c", true, kLong);
  client.subscribe("+/p2p/c", Qos::ExactlyOnce);
  client.drop();
  server.broker.set_limits({});

  BrokerUnderTest restarted(store);
  ASSERT_TRUE(restarted.broker.load());
  ScriptedClient again(restarted);
  again.connect("c", false, kLong);

  EXPECT_NE(restarted.broker.worker(0).find_session("c")->find_subscription("+/p2p/c"), nullptr);
}

TEST_F(ClientRules, KnowTheMailFilterAfterARestart) {
  switch_point_to_point_on();
  ScriptedClient client(server);
  client.connect("c", true, kLong);
  client.drop();

  BrokerUnderTest restarted(store);
  ASSERT_TRUE(restarted.broker.load());
  ScriptedClient again(restarted);
  again.connect("c", false, kLong);

  EXPECT_EQ(restarted.broker.worker(0).find_session("c")->find_subscription("+/p2p/c"), nullptr);
}

}  // namespace
}  // namespace sluice::broker::test
