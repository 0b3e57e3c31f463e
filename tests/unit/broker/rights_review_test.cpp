// What is taken away from a user ends at once, for clients that are there and sessions that are
// not.
#include "broker/rights_review.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/rights_preview.hpp"
#include "broker/session.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

// A client that names itself.
class User : public ScriptedClient {
 public:
  explicit User(BrokerUnderTest& server, std::string_view name = "meter",
                mqtt::Version version = mqtt::Version::V5, std::string_view listener = "tcp")
      : ScriptedClient(server, version, listener) {
    username = name;
    password = "secret";
  }
  std::vector<ReasonCode> farewells() {
    std::vector<ReasonCode> reasons;
    for (const auto& farewell : take<mqtt::Disconnect>()) reasons.push_back(farewell.reason);
    return reasons;
  }
};

class Rights : public testing::Test {
 protected:
  void SetUp() override {
    start();
    add_user("meter");
    add_user("other");
    allow("connect", R"(["connect"])", "#");
    allow("other", R"(["publish", "subscribe"])", "#", R"(["other"])");
  }
  void start(bool with_access_control = true) {
    server = std::make_unique<BrokerUnderTest>(store, Limits{}, with_access_control);
    ASSERT_TRUE(server->access.load());
    ASSERT_TRUE(server->broker.load());
  }
  // What a new process finds after kill -9.
  void crash_and_restart(bool with_access_control = true) {
    server.reset();
    store.crash();
    start(with_access_control);
  }
  void add_user(std::string_view name) {
    ASSERT_TRUE(server->access.create_user({{"name", name}, {"password", "secret"}}));
  }
  void allow(std::string_view name, std::string_view operations, std::string_view resource,
             std::string_view users = R"(["meter", "other"])", std::string_view effect = "allow") {
    ASSERT_TRUE(server->access.create_policy({{"name", name},
                                              {"effect", effect},
                                              {"operations", boost::json::parse(operations)},
                                              {"resources", {resource}},
                                              {"users", boost::json::parse(users)}}));
    server->turn();
  }
  void disallow(std::string_view policy) {
    ASSERT_TRUE(server->access.remove_policy(policy));
    server->turn();
  }
  void publish(std::string_view topic, std::string_view payload) {
    User publisher(*server, "other");
    ASSERT_EQ(publisher.connect("publisher").reason, ReasonCode::Success);
    publisher.publish(topic, payload, Qos::AtLeastOnce, 1);
    server->turn();
  }
  std::size_t records(store::StateKind kind) {
    std::size_t count = 0;
    EXPECT_TRUE(store.scan(kind, "", [&](std::string_view, std::string_view) {
      ++count;
      return true;
    }));
    return count;
  }

  MemoryStore store;
  std::unique_ptr<BrokerUnderTest> server;
};

TEST_F(Rights, TakenFromAConnectedClientEndItsSubscriptionAndItLearns) {
  allow("private", R"(["subscribe"])", "private/#");
  allow("own", R"(["subscribe"])", "own/#");
  User client(*server);
  client.connect("c", true, kLong);
  ASSERT_THAT(client.subscribe("private/a", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));
  ASSERT_THAT(client.subscribe("own/a", Qos::AtLeastOnce), ElementsAre(ReasonCode::GrantedQos1));
  ASSERT_THAT(client.subscribe("$share/g/private/b", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));

  disallow("private");
  publish("private/a", "secret");
  publish("private/b", "secret");
  publish("own/a", "own");

  EXPECT_THAT(client.farewells(), ElementsAre(ReasonCode::NotAuthorized));
  EXPECT_TRUE(client.link->closed);
  EXPECT_THAT(client.take_payloads(), IsEmpty());
  User again(*server);
  EXPECT_TRUE(again.connect("c", false, kLong).session_present);
  server->turn();
  publish("private/a", "secret");
  EXPECT_THAT(again.take_payloads(), ElementsAre("own"));
  EXPECT_EQ(records(store::StateKind::Subscription), 1U);
}

TEST_F(Rights, TakenFromAnOldClientCloseItsConnection) {
  allow("private", R"(["subscribe"])", "private/#");
  User client(*server, "meter", mqtt::Version::V311);
  client.connect("c", true);
  client.subscribe("private/a", Qos::AtMostOnce);

  disallow("private");

  EXPECT_TRUE(client.link->closed);
  EXPECT_EQ(server->broker.filters().size(), 0U);
}

TEST_F(Rights, TakenWhileTheClientIsAwayEndItsSubscriptionAndQueue) {
  allow("private", R"(["subscribe"])", "private/#");
  User client(*server);
  client.connect("c", true, kLong);
  client.subscribe("private/#", Qos::AtLeastOnce);
  client.drop();
  publish("private/a", "while it was allowed");

  disallow("private");

  EXPECT_EQ(server->broker.filters().size(), 0U);
  User again(*server);
  EXPECT_TRUE(again.connect("c", false, kLong).session_present);
  server->turn();
  EXPECT_THAT(again.take_payloads(), IsEmpty());
}

TEST_F(Rights, TakenRightBeforeACrashEndTheSubscriptionAtConnect) {
  allow("private", R"(["subscribe"])", "private/#");
  User client(*server);
  client.connect("c", true, kLong);
  client.subscribe("private/#", Qos::AtLeastOnce);
  client.drop();
  publish("private/a", "while it was allowed");
  ASSERT_TRUE(server->access.remove_policy("private"));  // and no turn after it

  crash_and_restart();
  User again(*server);
  again.connect("c", false, kLong);
  server->turn();

  EXPECT_THAT(again.take_payloads(), IsEmpty());
  EXPECT_EQ(records(store::StateKind::Subscription), 0U);
}

// What policies of one listener give to a session holds for as long as the client has come through
// that one last: also while it is away, over a crash, and when other policies change.
TEST_F(Rights, OfAListenerStayWithTheSessionUntilItComesThroughAnotherOne) {
  ASSERT_TRUE(server->access.create_policy({{"name", "by-tls"},
                                            {"effect", "allow"},
                                            {"operations", {"subscribe"}},
                                            {"resources", {"private/#"}},
                                            {"listeners", {"tls"}}}));
  User client(*server, "meter", mqtt::Version::V5, "tls");
  client.connect("c", true, kLong);
  ASSERT_THAT(client.subscribe("private/#", Qos::AtLeastOnce),
              ElementsAre(ReasonCode::GrantedQos1));
  client.drop();
  publish("private/a", "while it was away");

  crash_and_restart();
  allow("unrelated", R"(["subscribe"])", "else/#");  // all sessions are looked at
  EXPECT_EQ(server->broker.filters().size(), 1U);
  User by_tcp(*server);
  EXPECT_TRUE(by_tcp.connect("c", false, kLong).session_present);
  server->turn();

  EXPECT_THAT(by_tcp.take_payloads(), IsEmpty());
  EXPECT_EQ(server->broker.filters().size(), 0U);
}

TEST_F(Rights, OfAListenerDecideAboutWillsOfItsClients) {
  ASSERT_TRUE(server->access.create_policy({{"name", "wills"},
                                            {"effect", "allow"},
                                            {"operations", {"publish"}},
                                            {"resources", {"wills/#"}},
                                            {"listeners", {"tls"}}}));
  const auto dies = [&](std::string_view listener) {
    User client(*server, "meter", mqtt::Version::V5, listener);
    client.will = mqtt::Will{.topic = "wills/c",
                             .payload = listener,
                             .qos = Qos::AtLeastOnce,
                             .retain = false,
                             .properties = {}};
    const auto reason = client.connect(listener, true, kLong).reason;
    client.drop();
    return reason;
  };
  User watcher(*server, "other");
  watcher.connect("watcher");
  watcher.subscribe("wills/#", Qos::AtLeastOnce);

  EXPECT_EQ(dies("tcp"), ReasonCode::NotAuthorized);
  EXPECT_EQ(dies("tls"), ReasonCode::Success);
  server->turn();

  EXPECT_THAT(watcher.take_payloads(), ElementsAre("tls"));
}

TEST_F(Rights, ToConnectEndTheConnectionAndKeepTheSession) {
  allow("own", R"(["subscribe"])", "own/#");
  User client(*server);
  client.connect("c", true, kLong);
  client.subscribe("own/a", Qos::AtLeastOnce);

  disallow("connect");

  EXPECT_THAT(client.farewells(), ElementsAre(ReasonCode::NotAuthorized));
  User refused(*server);
  EXPECT_EQ(refused.connect("c", false, kLong).reason, ReasonCode::NotAuthorized);
  allow("connect", R"(["connect"])", "#");
  publish("own/a", "kept");
  User again(*server);
  EXPECT_TRUE(again.connect("c", false, kLong).session_present);
  server->turn();
  EXPECT_THAT(again.take_payloads(), ElementsAre("kept"));
}

TEST_F(Rights, ThatADenyTakesAwayEndNoSubscription) {
  allow("own", R"(["subscribe"])", "own/#");
  User client(*server);
  client.connect("c", true, kLong);
  client.subscribe("own/a", Qos::AtLeastOnce);

  allow("not-now", R"(["subscribe"])", "own/#", R"(["meter"])", "deny");
  publish("own/a", "held back");
  disallow("not-now");
  publish("own/a", "free");

  EXPECT_FALSE(client.link->closed);
  EXPECT_THAT(client.take_payloads(), ElementsAre("free"));
}

class ForetoldRights : public Rights {
 protected:
  RightsEffect of(const std::optional<std::string>& policy,
                  const std::optional<boost::json::object>& document) {
    const auto trial = server->access.try_policy(policy, document);
    EXPECT_TRUE(trial) << (trial ? "" : trial.error().detail);
    if (!trial) return {};
    auto effect = server->asked([&] { return preview_rights(server->broker, *trial); });
    EXPECT_TRUE(effect) << (effect ? "" : effect.error().detail);
    return effect ? *effect : RightsEffect{};
  }
  RightsEffect of_deletion(const std::string& policy) { return of(policy, std::nullopt); }
  boost::json::object document_of(std::string_view policy) {
    return server->access.policy(policy).value();
  }
};

TEST_F(ForetoldRights, AreThoseThatTheChangeTakes) {
  allow("private", R"(["subscribe"])", "private/#");
  allow("own", R"(["subscribe"])", "own/#");
  User here(*server);
  here.connect("here", true, kLong);
  here.subscribe("private/a", Qos::AtLeastOnce);
  here.subscribe("$share/g/private/b", Qos::AtLeastOnce);
  here.subscribe("own/a", Qos::AtLeastOnce);
  User untouched(*server);
  untouched.connect("untouched", true, kLong);
  untouched.subscribe("own/a", Qos::AtLeastOnce);
  {
    User away(*server);
    away.connect("away", true, kLong);
    away.subscribe("private/a", Qos::AtLeastOnce);
    away.drop();
  }

  const auto effect = of_deletion("private");
  EXPECT_EQ(effect.clients_disconnected, 1U);
  EXPECT_EQ(effect.subscriptions_dropped, 3U);
  EXPECT_THAT(effect.client_ids, ElementsAre("away", "here"));
  EXPECT_EQ(server->broker.filters().size(), 3U) << "nothing was changed";
  EXPECT_THAT(here.farewells(), IsEmpty());

  auto narrower = document_of("private");
  narrower["resources"] = boost::json::array{"private/a"};
  EXPECT_EQ(of("private", narrower).subscriptions_dropped, 1U);
  auto wider = document_of("private");
  wider["resources"] = boost::json::array{"#"};
  EXPECT_EQ(of("private", wider).clients_disconnected, 0U);

  disallow("private");
  EXPECT_THAT(here.farewells(), ElementsAre(ReasonCode::NotAuthorized));
  EXPECT_THAT(untouched.farewells(), IsEmpty());
  EXPECT_EQ(server->broker.filters().size(), 1U) << "own/a of both";
}

TEST_F(ForetoldRights, OfANewDenyOrWithoutTheRightToConnect) {
  User client(*server);
  client.connect("c", true, kLong);
  const auto deny = boost::json::parse(R"({"name":"nobody","effect":"deny","operations":["connect"],
                                           "client_ids":["c"]})")
                        .as_object();
  EXPECT_EQ(of(std::nullopt, deny).clients_disconnected, 1U);
  EXPECT_EQ(of_deletion("connect").clients_disconnected, 1U);
  auto of_others = deny;
  of_others["client_ids"] = boost::json::array{"d"};
  EXPECT_EQ(of(std::nullopt, of_others).clients_disconnected, 0U);
  EXPECT_FALSE(server->access.try_policy("unknown", std::nullopt));
  auto taken = deny;
  taken["name"] = "connect";
  EXPECT_EQ(server->access.try_policy(std::nullopt, taken).error().code, "name_taken");
  EXPECT_FALSE(server->access.try_policy(std::nullopt, boost::json::object{{"name", "x"}}));
}

TEST_F(ForetoldRights, NameTheFirstOfManyAndHoldUpNobody) {
  allow("private", R"(["subscribe"])", "private/#");
  constexpr std::size_t kSessions = 2 * RightsReview::kSessionsPerTurn + 7;
  for (std::size_t i = 0; i < kSessions; ++i) {
    User client(*server);
    client.connect("c" + std::to_string(1000 + i), true, kLong);
    client.subscribe("private/a", Qos::AtLeastOnce);
    client.drop();
  }
  const auto effect = of_deletion("private");
  EXPECT_EQ(effect.subscriptions_dropped, kSessions);
  ASSERT_EQ(effect.client_ids.size(), RightsEffect::kClientsNamed);
  EXPECT_EQ(effect.client_ids.front(), "c1000");
  EXPECT_EQ(effect.client_ids.back(), "c1009");
}

TEST_F(ForetoldRights, AreAllWhileThereIsNoAccessControl) {
  crash_and_restart(false);
  User client(*server);
  client.connect("c", true, kLong);
  client.subscribe("private/a", Qos::AtLeastOnce);
  EXPECT_EQ(of_deletion("connect").clients_disconnected, 0U);
}

class DeletedUsers : public Rights {
 protected:
  void SetUp() override {
    Rights::SetUp();
    allow("all", R"(["publish", "subscribe"])", "#", R"(["meter"])");
  }
  std::unique_ptr<User> connected(std::string_view client_id) {
    auto client = std::make_unique<User>(*server);
    client->will = mqtt::Will{.topic = "wills",
                              .payload = "gone",
                              .qos = Qos::AtLeastOnce,
                              .retain = false,
                              .properties = {}};
    client->connect(client_id, true, kLong);
    client->subscribe("own/#", Qos::AtLeastOnce);
    return client;
  }
  void expect_nothing_is_left() {
    using store::StateKind;
    for (const auto kind : {StateKind::Session, StateKind::Subscription, StateKind::Will})
      EXPECT_EQ(records(kind), 0U);
  }
};

TEST_F(DeletedUsers, LoseConnectionSessionAndWill) {
  User watcher(*server, "other");
  watcher.connect("watcher");
  watcher.subscribe("wills", Qos::AtLeastOnce);
  const auto client = connected("here");
  const auto away = connected("away");
  away->send(mqtt::Disconnect{.reason = ReasonCode::DisconnectWithWill, .properties = {}});
  server->turn();
  ASSERT_THAT(watcher.take_payloads(), ElementsAre("gone"));  // of the one that left

  ASSERT_TRUE(server->access.remove_user("meter"));
  server->turn();

  EXPECT_THAT(client->farewells(), ElementsAre(ReasonCode::NotAuthorized));
  EXPECT_TRUE(client->link->closed);
  EXPECT_THAT(watcher.take_payloads(), IsEmpty());
  expect_nothing_is_left();
}

TEST_F(DeletedUsers, LeaveNothingToANewUserOfThatName) {
  connected("c")->drop();
  publish("own/a", "for the old one");
  // Both before the worker has a turn.
  ASSERT_TRUE(server->access.remove_user("meter"));
  add_user("meter");

  User heir(*server);
  EXPECT_FALSE(heir.connect("c", false, kLong).session_present);
  publish("own/a", "after");

  EXPECT_THAT(heir.take_payloads(), IsEmpty());
}

TEST_F(DeletedUsers, LeaveNothingOverACrashBeforeTheCleanUp) {
  for (const bool made_again : {false, true}) {
    SCOPED_TRACE(made_again);
    const auto client = connected("c");
    publish("own/a", "for the old one");
    ASSERT_TRUE(server->access.remove_user("meter"));
    if (made_again) add_user("meter");

    crash_and_restart();

    expect_nothing_is_left();
    EXPECT_EQ(server->broker.filters().size(), 0U);
    if (!made_again) add_user("meter");
  }
}

TEST_F(DeletedUsers, AreNoMatterWhileTheSwitchIsOff) {
  crash_and_restart(false);
  const auto client = connected("c");

  ASSERT_TRUE(server->access.remove_user("meter"));
  server->turn();
  EXPECT_FALSE(client->link->closed);
  // Nor afterwards: that session never belonged to the user.
  client->drop();
  crash_and_restart(true);
  add_user("meter");
  User again(*server);
  EXPECT_TRUE(again.connect("c", false, kLong).session_present);
}

TEST_F(DeletedUsers, HoldUpNoWorkerHoweverManySessionsTheyHave) {
  constexpr std::size_t kSessions = 3 * RightsReview::kSessionsPerTurn;
  for (std::size_t i = 0; i < kSessions; ++i) {
    User client(*server);
    client.connect("c" + std::to_string(i), true, kLong);
    client.drop();
  }
  auto& worker = server->broker.worker(0);
  ASSERT_EQ(worker.sessions().size(), kSessions);

  ASSERT_TRUE(server->access.remove_user("meter"));
  worker.loop().poll();
  worker.end_turn();
  const auto left = worker.sessions().size();
  server->turn();

  EXPECT_LT(left, kSessions);
  EXPECT_GT(left, kSessions / 3);
  EXPECT_EQ(worker.sessions().size(), 0U);
}

}  // namespace
}  // namespace sluice::broker::test
