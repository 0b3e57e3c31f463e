// What policies would say to somebody who is not here: POST /policies:test.
#include <random>

#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AccessQuestionTest : public AccessControlTest {
 protected:
  void add_policy(const std::string& name, const std::string& members) {
    const auto made = access_->create_policy(object("{\"name\":\"" + name + "\"," + members + "}"));
    ASSERT_TRUE(made) << name << ": " << made.error().fields.front().detail;
  }

  json::object ask(std::string_view question) {
    auto answer = access_->test_policies(object(question));
    EXPECT_TRUE(answer) << question;
    return answer ? *answer : json::object{};
  }

  std::vector<std::string> faults(std::string_view question) {
    const auto answer = access_->test_policies(object(question));
    std::vector<std::string> found;
    if (answer) return {"none: it was answered"};
    for (const auto& problem : answer.error().fields) found.push_back(problem.pointer);
    return found;
  }

  static std::vector<std::string> texts(const json::object& answer, std::string_view list,
                                        std::string_view member = {}) {
    std::vector<std::string> found;
    for (const auto& value : answer.at(list).get_array())
      found.emplace_back(member.empty() ? value.get_string() : value.at(member).get_string());
    return found;
  }
};

TEST_F(AccessQuestionTest, NamesTheDeciderFirstAndAllThatSpeakOnIt) {
  add_policy("all", R"("effect":"allow","operations":["publish"],"resources":["#"])");
  add_policy("own",
             R"("effect":"allow","operations":["publish"],"resources":["m/${client_id}/#"])");
  add_policy("secret", R"("effect":"deny","operations":["publish"],"resources":["m/+/secret"])");
  add_policy("other", R"("effect":"deny","operations":["publish"],"resources":["#"],
                         "users":["somebody-else"])");

  const auto allowed =
      ask(R"({"user":"meter","client_id":"c","operation":"publish","topic":"m/c/open","qos":1})");
  EXPECT_EQ(allowed.at("ok"), true);
  EXPECT_EQ(allowed.at("decision"), "allowed");
  EXPECT_EQ(allowed.at("decided_by"), "all");
  EXPECT_THAT(texts(allowed, "policies", "name"), ElementsAre("all", "own"));

  const auto denied =
      ask(R"({"user":"meter","client_id":"c","operation":"publish","topic":"m/c/secret"})");
  EXPECT_EQ(denied.at("ok"), false);
  EXPECT_EQ(denied.at("decided_by"), "secret");
  EXPECT_THAT(denied.at("reason").as_string().c_str(), HasSubstr("`secret` denies it"));
  EXPECT_THAT(texts(denied, "policies", "name"), ElementsAre("secret", "all", "own"));
  EXPECT_THAT(texts(denied, "policies", "effect"), ElementsAre("deny", "allow", "allow"));
}

TEST_F(AccessQuestionTest, SaysThatNoPolicyAllowsIt) {
  EXPECT_THAT(ask(R"({"user":"meter","operation":"connect"})").at("reason").as_string().c_str(),
              HasSubstr("none is about this client"));
  add_policy("let-in", R"("effect":"allow","operations":["connect"],"users":["meter"])");

  const auto denied = ask(R"({"user":"meter","operation":"publish","topic":"a"})");

  EXPECT_EQ(denied.at("ok"), false);
  EXPECT_EQ(denied.at("decided_by"), nullptr);
  EXPECT_THAT(texts(denied, "policies", "name"), IsEmpty());
  EXPECT_THAT(denied.at("reason").as_string().c_str(), HasSubstr("about this client (1)"));
}

TEST_F(AccessQuestionTest, LooksAtEveryPropertyOfTheClientAndThePublish) {
  AccessControl::Options options;
  options.listeners = {"tcp", "tls"};
  reopen(options);
  add_policy("narrow", R"("effect":"allow","operations":["publish"],"resources":["a"],
    "users":["meter"],"client_ids":["m-*"],"sources":["10.0.0.0/8"],"listeners":["tls"],
    "qos":[1],"message_types":["retained"])");
  const std::string right = R"({"operation":"publish","topic":"a","user":"meter",)"
                            R"("client_id":"m-1","address":"10.1.2.3","listener":"tls","qos":1,)"
                            R"("retained":true})";
  ASSERT_EQ(ask(right).at("ok"), true);

  for (const auto& [from, to] :
       {std::pair(R"("topic":"a")", R"("topic":"b")"), std::pair(R"("meter")", R"("reader")"),
        std::pair(R"("m-1")", R"("x-1")"), std::pair("10.1.2.3", "192.0.2.1"),
        std::pair(R"("tls")", R"("tcp")"), std::pair(R"("qos":1)", R"("qos":2)"),
        std::pair(R"("retained":true)", R"("retained":false)")}) {
    auto other = right;
    other.replace(other.find(from), std::string_view(from).size(), to);
    EXPECT_EQ(ask(other).at("ok"), false) << to;
  }
}

TEST_F(AccessQuestionTest, AsksAsTheLiveWayDoes) {
  add_policy("subs", R"("effect":"allow","operations":["publish","subscribe"],
                         "resources":["a/#", "$SYS/#"])");
  add_policy("hidden", R"("effect":"deny","operations":["subscribe"],"resources":["a/hidden"])");
  const auto ok = [&](const std::string& operation, const std::string& topic) {
    return ask(R"({"operation":")" + operation + R"(","topic":")" + topic + R"("})").at("ok");
  };

  EXPECT_EQ(ok("subscribe", "$share/g/a/b"), true);
  EXPECT_EQ(ok("subscribe", "$share/g/b"), false);
  EXPECT_EQ(ok("subscribe", "$SYS/broker/#"), true);
  EXPECT_EQ(ok("publish", "$delayed/5/a/b"), true);
  EXPECT_EQ(ok("publish", "$delayed/5/b"), false);
  EXPECT_EQ(ok("publish", "$SYS/broker/x"), false);  // whatever policies say
  EXPECT_EQ(ok("subscribe", "a/#"), true);
  EXPECT_EQ(ok("receive", "a/open"), true);
  EXPECT_EQ(ok("receive", "a/hidden"), false);
}

TEST_F(AccessQuestionTest, NotesWhatElseWouldKeepTheClientOut) {
  add_policy("send", R"("effect":"allow","operations":["publish"],"resources":["#"])");
  const auto nobody = ask(R"({"operation":"publish","topic":"a"})");
  EXPECT_EQ(nobody.at("ok"), true);
  EXPECT_THAT(texts(nobody, "notes"), ElementsAre(HasSubstr("without a user name"),
                                                  HasSubstr("no policy lets it connect")));

  ASSERT_TRUE(access_->create_user(object(R"({"name":"meter","password":"p"})")));
  add_policy("let-in", R"("effect":"allow","operations":["connect"])");

  EXPECT_THAT(texts(ask(R"({"operation":"publish","topic":"a","user":"meter"})"), "notes"),
              IsEmpty());
  EXPECT_THAT(texts(ask(R"({"operation":"connect","user":"gone"})"), "notes"),
              ElementsAre(HasSubstr("there is no user `gone`")));
}

TEST_F(AccessQuestionTest, SaysThatTheSwitchIsOff) {
  AccessControl::Options options;
  options.enabled = false;
  reopen(options);
  add_policy("none", R"("effect":"deny","operations":["publish"],"resources":["#"])");

  const auto answer = ask(R"({"operation":"publish","topic":"a"})");

  EXPECT_EQ(answer.at("ok"), true);
  EXPECT_THAT(answer.at("reason").as_string().c_str(), HasSubstr("access.enabled is false"));
  EXPECT_THAT(texts(answer, "policies", "name"), IsEmpty());
}

TEST_F(AccessQuestionTest, RefusesWhatIsNoQuestion) {
  EXPECT_THAT(faults("{}"), ElementsAre("/operation"));
  EXPECT_THAT(faults(R"({"operation":"publish"})"), ElementsAre("/topic"));
  EXPECT_THAT(faults(R"({"operation":"connect","topic":"a"})"), ElementsAre("/topic"));
  EXPECT_THAT(faults(R"({"operation":"publish","topic":"a/#"})"), ElementsAre("/topic"));
  EXPECT_THAT(faults(R"({"operation":"subscribe","topic":"a/#/b"})"), ElementsAre("/topic"));
  EXPECT_THAT(faults(R"({"operation":"subscribe","topic":"$share/+/a"})"), ElementsAre("/topic"));
  EXPECT_THAT(faults(R"({"operation":"connect","address":"here"})"), ElementsAre("/address"));
  EXPECT_THAT(faults(R"({"operation":"connect","listener":"cellar"})"), ElementsAre("/listener"));
  EXPECT_THAT(faults(R"({"operation":"connect","qos":3})"), ElementsAre("/qos"));
}

// The decision and the policies that are said to make it agree, and are those of live clients.
TEST_F(AccessQuestionTest, AgreesWithWhatDecidesOnLiveClients) {
  std::mt19937 random(20260301);
  const auto one_of = [&](std::initializer_list<std::string> choices) {
    return *(choices.begin() + random() % choices.size());
  };
  for (int round = 0; round < 20; ++round) {
    for (const auto& old : access_->policies())
      ASSERT_TRUE(access_->remove_policy(std::string(old.at("name").get_string())));
    for (int i = 0; i < 6; ++i)
      add_policy("policy-" + std::to_string(i),
                 R"("effect":")" + one_of({"allow", "allow", "deny"}) + R"(","operations":[)" +
                     one_of({R"("publish")", R"("subscribe")", R"("connect","publish")"}) +
                     R"(],"resources":[")" +
                     one_of({"#", "a/#", "a/+", "a/b", "${client_id}/b", "%u/#"}) +
                     R"("],"users":[)" + one_of({"", R"("u")", R"("a")"}) + R"(],"qos":[)" +
                     one_of({"0,1,2", "0", "1,2"}) + "]");
    for (int i = 0; i < 50; ++i) {
      const Client client{.client_id = one_of({"a", "c"}),
                          .username = one_of({"a", "u"}),
                          .has_username = true,
                          .host = "192.0.2.1"};
      const auto operation = one_of({"connect", "publish", "subscribe", "receive"});
      const auto topic = one_of({"a", "a/b", "a/c", "c/b", "u/b/c"});
      const auto qos = static_cast<mqtt::Qos>(random() % 3);
      json::object question{{"operation", operation},
                            {"user", client.username},
                            {"client_id", client.client_id},
                            {"address", client.host},
                            {"qos", static_cast<int>(qos)}};
      if (operation != "connect") question["topic"] = topic;

      const auto answer = access_->test_policies(question);

      const auto live = access_->compile(client);
      const bool expected = operation == "connect"     ? live->may_connect()
                            : operation == "publish"   ? live->may_publish(topic, qos, false)
                            : operation == "subscribe" ? live->may_subscribe(topic, qos)
                                                       : live->may_receive(topic);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->at("ok"), expected) << question;
      const auto effects = texts(*answer, "policies", "effect");
      const bool is_denied = std::ranges::count(effects, "deny") > 0;
      EXPECT_EQ(expected, !is_denied && (operation == "receive" || !effects.empty())) << question;
    }
  }
}

}  // namespace
}  // namespace sluice::broker
