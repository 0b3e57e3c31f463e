// Policies that come together: ours, and those of TDMQ with what is not the same here.
#include <random>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "broker/access/permissions.hpp"
#include "broker/access/policy.hpp"
#include "broker/access/tdmq_policies.hpp"
#include "broker/wildcard.hpp"
#include "fixture.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PolicyImportTest : public AccessControlTest {
 protected:
  json::object imported(std::string_view document, PolicyFormat format = PolicyFormat::Tdmq,
                        bool is_trial = false) {
    auto report = access_->import_policies(format, object(document), is_trial);
    EXPECT_TRUE(report) << document << ": " << report.error().detail;
    return report ? *report : json::object{};
  }
  std::vector<std::string> faults(std::string_view document,
                                  PolicyFormat format = PolicyFormat::Tdmq) {
    const auto report = access_->import_policies(format, object(document), false);
    std::vector<std::string> found;
    if (report) return {"none: it was taken"};
    for (const auto& problem : report.error().fields)
      found.push_back(problem.pointer + " " + problem.detail);
    return found;
  }
  static std::vector<std::string> differences(const json::object& report, std::size_t which) {
    std::vector<std::string> found;
    for (const auto& text : report.at("policies").at(which).at("differences").get_array())
      found.emplace_back(text.get_string());
    return found;
  }
  static std::string carried(const json::object& report, std::size_t which) {
    return std::string(report.at("policies").at(which).at("carried").get_string());
  }
  json::object policy(std::string_view name) {
    auto found = access_->policy(name);
    EXPECT_TRUE(found) << name;
    return found ? *found : json::object{};
  }
};

// As its API answers it: DescribeAuthorizationPolicies.
constexpr std::string_view kOfApi = R"({"Error": null, "RequestId": null, "Response": {"Data": [{
    "Actions": "connect,pub,sub", "ClientId": "client1", "CreatedTime": 1742387322000,
    "Effect": "allow", "Id": 3867, "InstanceId": "mqtt-1", "Ip": "0.0.0.0/0",
    "PolicyName": "default_policy", "Priority": 1, "Qos": "0,1,2", "Remark": "",
    "Resources": "topic1", "Retain": 3, "UpdateTime": 1742458867000,
    "Username": "default_user", "Version": 1}], "RequestId": "9c44"}})";

TEST_F(PolicyImportTest, CarriesAPolicyOfTheApiWhole) {
  const auto report = imported(kOfApi);

  EXPECT_EQ(report.at("made"), 1);
  EXPECT_EQ(report.at("differing"), 0);
  EXPECT_EQ(carried(report, 0), "whole");
  const auto made = policy("default_policy");
  EXPECT_EQ(made.at("effect"), "allow");
  EXPECT_EQ(json::serialize(made.at("operations")), R"(["connect","publish","subscribe"])");
  EXPECT_EQ(json::serialize(made.at("resources")), R"(["topic1"])");
  EXPECT_EQ(json::serialize(made.at("users")), R"(["default_user"])");
  EXPECT_EQ(json::serialize(made.at("client_ids")), R"(["client1"])");
  EXPECT_EQ(json::serialize(made.at("sources")), "[]");
}

TEST_F(PolicyImportTest, CarriesAPolicyOfTheConsoleWhole) {
  const auto report = imported(R"({"name": "sensors", "effect": "deny", "actions": ["pub"],
      "topics": ["sensor/${Username}/0"], "conditions": {"clientId": "sensor*", "qos": [1, 2],
      "retain": true, "ip": "10.0.0.0/8"}})");

  EXPECT_EQ(carried(report, 0), "whole");
  const auto made = policy("sensors");
  EXPECT_EQ(json::serialize(made.at("resources")), R"(["sensor/${username}/0"])");
  EXPECT_EQ(json::serialize(made.at("client_ids")), R"(["sensor*"])");
  EXPECT_EQ(json::serialize(made.at("sources")), R"(["10.0.0.0/8"])");
  EXPECT_EQ(json::serialize(made.at("qos")), "[1,2]");
  EXPECT_EQ(json::serialize(made.at("message_types")), R"(["retained"])");
}

// There the first that matches decides, here any deny.
TEST_F(PolicyImportTest, NamesEachPolicyWhoseResultItsPriorityWouldChange) {
  const auto report = imported(R"({"policies": [
      {"PolicyName": "closed", "Priority": 9, "Effect": "deny", "Actions": "pub",
       "Resources": "plant/*", "Username": "", "ClientId": "", "Ip": "", "Qos": "0,1,2",
       "Retain": 3},
      {"PolicyName": "open", "Priority": 2, "Effect": "allow", "Actions": "pub",
       "Resources": "plant/a", "Username": "meter*", "Qos": "0,1,2", "Retain": 3},
      {"PolicyName": "first-deny", "Priority": 1, "Effect": "deny", "Actions": "pub",
       "Resources": "plant/a", "Username": "meter-7", "Qos": "0,1,2", "Retain": 3},
      {"PolicyName": "elsewhere", "Priority": 3, "Effect": "allow", "Actions": "pub",
       "Resources": "office/a", "Qos": "0,1,2", "Retain": 3}]})");

  EXPECT_EQ(report.at("policies").at(0).at("name"), "first-deny");  // by priority
  EXPECT_EQ(carried(report, 0), "whole");
  EXPECT_EQ(carried(report, 1), "differently");
  EXPECT_THAT(differences(report, 1), ElementsAre(HasSubstr("`closed` (priority 9) wins")));
  EXPECT_EQ(carried(report, 2), "whole");
  EXPECT_THAT(differences(report, 3), ElementsAre(HasSubstr("wins over `open` (priority 2)")));
  EXPECT_EQ(report.at("differing"), 2);
  EXPECT_THAT(report.at("notes").get_array(), SizeIs(2));
}

TEST_F(PolicyImportTest, DoesNotMixUpPoliciesThatNeverMeet) {
  const auto allow = [](std::string_view more) {
    return R"({"name": "allow", "effect": "allow", "actions": ["pub"], "topics": ["a/b"],
        "conditions": {)" +
           std::string(more) + "}}";
  };
  const auto meets = [&](std::string_view one, std::string_view deny) {
    reopen();
    for (const auto& each : access_->policies())
      EXPECT_TRUE(access_->remove_policy(each.at("name").get_string()));
    const auto report = imported("{\"policies\": [" + allow(one) + "," + std::string(deny) + "]}");
    return !differences(report, 0).empty();
  };
  const auto deny = [](std::string_view action, std::string_view topic, std::string_view more) {
    return R"({"name": "deny", "effect": "deny", "actions": [")" + std::string(action) +
           R"("], "topics": [")" + std::string(topic) + R"("], "conditions": {)" +
           std::string(more) + "}}";
  };

  EXPECT_TRUE(meets("", deny("pub", "a/*", "")));
  EXPECT_FALSE(meets("", deny("sub", "a/*", "")));
  EXPECT_FALSE(meets("", deny("pub", "b/*", "")));
  EXPECT_TRUE(meets("", deny("pub", "${Username}/b", "")));
  EXPECT_FALSE(meets("\"qos\": [0]", deny("pub", "a/b", "\"qos\": [1, 2]")));
  EXPECT_FALSE(meets("\"retain\": true", deny("pub", "a/b", "\"retain\": false")));
  EXPECT_TRUE(meets("\"retain\": true", deny("pub", "a/b", "")));
  EXPECT_FALSE(meets("\"username\": \"x*\"", deny("pub", "a/b", "\"username\": \"y\"")));
  EXPECT_TRUE(meets("\"username\": \"x*\"", deny("pub", "a/b", "\"username\": \"xy*\"")));
  EXPECT_FALSE(meets("\"ip\": \"10.1.0.0/16\"", deny("pub", "a/b", "\"ip\": \"10.2.0.0/16\"")));
  EXPECT_TRUE(meets("\"ip\": \"10.1.0.0/16\"", deny("pub", "a/b", "\"ip\": \"10.1.2.3\"")));
}

TEST_F(PolicyImportTest, TellsOfDeniesThatAreHereAlready) {
  ASSERT_TRUE(access_->create_policy(object(R"({"name": "here", "effect": "deny",
      "operations": ["connect"]})")));
  EXPECT_THAT(differences(imported(kOfApi), 0), ElementsAre(HasSubstr("the deny `here`")));
}

TEST_F(PolicyImportTest, LeavesOutOfAnAllowWhatItCannotSayAndWidensADeny) {
  const auto report = imported(R"({"policies": [
      {"name": "some", "effect": "allow", "actions": ["pub"],
       "topics": ["a/dev*", "b", "${clientId.substring(4)}/x"]},
      {"name": "none", "effect": "allow", "actions": ["pub"], "topics": ["a"],
       "conditions": {"username": "${ClientId}"}},
      {"name": "no-topic", "effect": "allow", "actions": ["pub", "connect"], "topics": ["*x"]},
      {"name": "deny", "effect": "deny", "actions": ["sub"], "topics": ["c/dev*/x"],
       "conditions": {"clientId": "^a", "retain": false}}]})");

  EXPECT_EQ(json::serialize(policy("some").at("resources")), R"(["b"])");
  EXPECT_THAT(differences(report, 0), ElementsAre(HasSubstr("a/dev*"), HasSubstr("substring")));
  EXPECT_EQ(carried(report, 1), "not");
  EXPECT_THAT(differences(report, 1), ElementsAre(HasSubstr("user name `${ClientId}`")));
  EXPECT_EQ(json::serialize(policy("no-topic").at("operations")), R"(["connect"])");
  EXPECT_THAT(differences(report, 2), Contains(HasSubstr("publishing is left out")));
  const auto deny = policy("deny-subscribe");
  EXPECT_EQ(json::serialize(deny.at("resources")), R"(["c/+/#"])");
  EXPECT_EQ(json::serialize(deny.at("client_ids")), "[]");
  EXPECT_EQ(json::serialize(deny.at("message_types")), R"(["retained","general"])");
  EXPECT_THAT(differences(report, 3), SizeIs(3));
}

// Who may subscribe to all below may not publish to the level above.
TEST_F(PolicyImportTest, MakesTwoWhereOneWouldAllowMore) {
  const auto report = imported(R"({"name": "both", "effect": "allow", "actions": ["pub", "sub"],
      "topics": ["a/*"]})");

  EXPECT_EQ(carried(report, 0), "whole");
  EXPECT_EQ(json::serialize(policy("both").at("resources")), R"(["a/+/#"])");
  EXPECT_EQ(json::serialize(policy("both-subscribe").at("resources")), R"(["a/#"])");
}

std::string random_text(std::mt19937& random, std::string_view alphabet) {
  std::string text;
  for (auto length = 1 + random() % 6; length > 0; --length)
    text.push_back(alphabet[random() % alphabet.size()]);
  return text;
}

// Publishing: nobody may more here than there.
TEST(TdmqPolicies, NeverAllowMoreAndNeverDenyLess) {
  std::mt19937 random(1);
  std::size_t same = 0;
  for (int round = 0; round < 5'000; ++round) {
    const auto pattern = random_text(random, "ab/*");
    const auto topic = random_text(random, "ab/");
    const bool there = matches_wildcard(pattern, topic);
    for (const bool allow : {true, false}) {
      const TdmqPolicy theirs{.name = "one", .allow = allow, .publish = true, .topics = {pattern}};
      bool here = false;
      const auto translated = translate({theirs});
      for (const auto& made : translated.front().made) {
        auto checked = schema::check(AccessControl::policy_fields(), made);
        check_policy(checked.value, checked.problems);
        ASSERT_THAT(checked.problems, IsEmpty()) << json::serialize(made);
        here = here || speaks_on(policy_from(checked.value), Client{},
                                 {.operation = Operation::Publish, .topic = topic});
      }
      if (allow) ASSERT_TRUE(there || !here) << pattern << " " << topic;
      if (!allow) ASSERT_TRUE(here || !there) << pattern << " " << topic;
      if (here == there) ++same;
    }
  }
  EXPECT_GT(same, 7'500U);
}

TEST_F(PolicyImportTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(faults(R"({"policies": [{"effect": "allow", "actions": ["pub"], "topic": ["a"]}]})"),
              ElementsAre(HasSubstr("/policies/0/topic is not known; `topics` is")));
  EXPECT_THAT(faults(R"({"Data": [{"Effect": "maybe", "Actions": "fly", "Qos": "3", "Retain": 4,
                                   "Ip": "here", "Priority": "x", "Version": 2}]})"),
              SizeIs(7));
  EXPECT_THAT(faults(R"({"policies": [{"effect": "allow", "actions": ["connect"],
                                       "conditions": {"weekday": 1}}]})"),
              ElementsAre(HasSubstr("/policies/0/conditions/weekday")));
  EXPECT_THAT(faults(R"({"Data": [
      {"Effect": "allow", "Actions": "connect", "Priority": 1},
      {"Effect": "deny", "Actions": "connect", "Priority": 1}]})"),
              ElementsAre(HasSubstr("/Data/1 has the priority of another")));
  EXPECT_THAT(faults(R"({"Data": [{"Effect": "allow", "Actions": "connect", "Priority": 1},
                                  {"Effect": "deny", "Actions": "connect"}]})"),
              ElementsAre(HasSubstr("/Data/1 has no priority")));
  EXPECT_THAT(faults("{}"), SizeIs(1));
  EXPECT_THAT(faults(R"({"policies": [1]})"), SizeIs(1));
  EXPECT_THAT(access_->policies(), IsEmpty());
}

TEST_F(PolicyImportTest, MakesNamesThatPoliciesMayHave) {
  const auto report = imported(R"({"policies": [
      {"name": "\u7b56\u7565 1", "effect": "allow", "actions": ["connect"]},
      {"name": "\u7b56\u7565 1", "effect": "allow", "actions": ["connect"]}]})");

  EXPECT_EQ(json::serialize(report.at("policies").at(0).at("made")), R"(["---1"])");
  EXPECT_EQ(json::serialize(report.at("policies").at(1).at("made")), R"(["---1-2"])");
  EXPECT_EQ(policy("---1").at("description"), "\u7b56\u7565 1");
}

TEST_F(PolicyImportTest, MakesAllOrNone) {
  ASSERT_TRUE(access_->create_policy(object(R"({"name": "second", "effect": "deny",
      "operations": ["connect"]})")));
  const auto document = object(R"({"policies": [
      {"name": "first", "effect": "allow", "operations": ["connect"]},
      {"name": "second", "effect": "allow", "operations": ["connect"]}]})");

  const auto report = access_->import_policies(PolicyFormat::Sluice, document, false);

  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, "name_taken");
  EXPECT_THAT(report.error().fields.front().detail, HasSubstr("second"));
  EXPECT_THAT(access_->policies(), SizeIs(1));
  EXPECT_THAT(faults(R"({"policies": [{"name": "a", "effect": "allow", "operations": ["fly"]}]})",
                     PolicyFormat::Sluice),
              Contains(HasSubstr("/policies/0/operations")));
}

TEST_F(PolicyImportTest, MakesNothingWhenItIsTried) {
  const auto report = imported(kOfApi, PolicyFormat::Tdmq, true);

  EXPECT_EQ(report.at("made"), 0);
  EXPECT_EQ(carried(report, 0), "whole");
  EXPECT_THAT(access_->policies(), IsEmpty());
}

TEST_F(PolicyImportTest, TakesBackWhatAListShows) {
  static_cast<void>(imported(kOfApi));
  json::array shown;
  for (auto& each : access_->policies()) shown.push_back(std::move(each));
  const auto before = policy("default_policy");
  ASSERT_TRUE(access_->remove_policy("default_policy"));

  const auto report =
      imported(json::serialize(json::object{{"items", shown}}), PolicyFormat::Sluice);

  EXPECT_EQ(report.at("made"), 1);
  for (const auto* same : {"effect", "operations", "resources", "users", "client_ids", "qos"})
    EXPECT_EQ(policy("default_policy").at(same), before.at(same)) << same;
  reopen();  // and it is stored
  EXPECT_THAT(access_->policies(), SizeIs(1));
}

}  // namespace
}  // namespace sluice::broker
