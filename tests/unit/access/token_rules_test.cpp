// Topic rules that a token carries: they are policies of that login alone.
#include "broker/access/token_rules.hpp"

#include <gmock/gmock.h>

#include "broker/access/jwt_authenticator.hpp"
#include "unit/access/fixture.hpp"
#include "unit/access/token_maker.hpp"

namespace sluice::broker {
namespace {

using mqtt::Qos;
using mqtt::ReasonCode;

class TokenRulesTest : public AccessControlTest {
 protected:
  PermissionsPtr rights(std::string_view claim, std::string client_id = "c") {
    const auto rules = token_rules(boost::json::parse(claim));
    EXPECT_TRUE(rules.has_value()) << claim;
    if (!rules) return nullptr;
    const boost::intrusive_ptr<LoginTerms> terms(new LoginTerms);
    terms->policies = *rules;
    auto client = client_of("meter");
    client.client_id = std::move(client_id);
    client.terms = terms;
    return access_->compile(client);
  }
};

TEST_F(TokenRulesTest, AllowWhatTheListsName) {
  const auto may =
      rights(R"({"pub":["out/${username}/#"],"sub":["in/%c","news/#"],"all":["both"]})", "c-1");

  EXPECT_TRUE(may->may_connect());
  EXPECT_TRUE(may->may_publish("out/meter/a", Qos::ExactlyOnce, true));
  EXPECT_FALSE(may->may_publish("out/other/a", Qos::AtMostOnce, false));
  EXPECT_FALSE(may->may_publish("news/a", Qos::AtMostOnce, false));
  EXPECT_TRUE(may->may_subscribe("in/c-1", Qos::AtLeastOnce));
  EXPECT_FALSE(may->may_subscribe("in/c-2", Qos::AtLeastOnce));
  EXPECT_FALSE(may->may_subscribe("#", Qos::AtMostOnce));
  EXPECT_TRUE(may->may_publish("both", Qos::AtMostOnce, false));
  EXPECT_TRUE(may->may_subscribe("both", Qos::AtMostOnce));
}

TEST_F(TokenRulesTest, AllowAndDenyRuleByRule) {
  const auto may = rights(R"([
      {"permission":"allow","action":"publish","topic":"a/#","qos":[0,1],"retain":false},
      {"permission":"deny","action":"all","topics":["a/secret","a/hidden/#"]},
      {"permission":"allow","action":"subscribe","topic":"a/#","qos":1}])");

  EXPECT_TRUE(may->may_publish("a/b", Qos::AtLeastOnce, false));
  EXPECT_FALSE(may->may_publish("a/b", Qos::ExactlyOnce, false));
  EXPECT_FALSE(may->may_publish("a/b", Qos::AtLeastOnce, true));
  EXPECT_FALSE(may->may_publish("a/secret", Qos::AtLeastOnce, false));
  EXPECT_TRUE(may->may_subscribe("a/#", Qos::AtLeastOnce));
  EXPECT_FALSE(may->may_subscribe("a/#", Qos::AtMostOnce));
  EXPECT_FALSE(may->may_receive("a/hidden/x"));
  EXPECT_FALSE(may->nothing_denied());
}

TEST_F(TokenRulesTest, StandBesideThePoliciesThatAreStored) {
  const auto add = [&](std::string_view policy) {
    ASSERT_TRUE(access_->create_policy(object(policy)).has_value());
  };
  add(R"({"name":"own","effect":"allow","operations":["publish"],"resources":["own/%c"]})");
  add(R"({"name":"never","effect":"deny","operations":["publish"],"resources":["out/never"]})");

  const auto may = rights(R"({"pub":["out/#"]})");
  EXPECT_TRUE(may->may_connect());
  EXPECT_TRUE(may->may_publish("out/a", Qos::AtMostOnce, false));
  EXPECT_TRUE(may->may_publish("own/c", Qos::AtMostOnce, false));
  EXPECT_FALSE(may->may_publish("out/never", Qos::AtMostOnce, false));
  // Of another client of the same user nothing has changed.
  EXPECT_FALSE(access_->compile(client_of("meter"))->may_connect());
  EXPECT_FALSE(access_->compile(client_of("meter"))->may_publish("out/a", Qos::AtMostOnce, false));

  add(R"({"name":"closed","effect":"deny","operations":["connect"]})");
  EXPECT_FALSE(rights(R"({"pub":["out/#"]})")->may_connect());
}

// What is left out might be a deny.
TEST_F(TokenRulesTest, AreRefusedAsAWholeWhenOneIsNotUnderstood) {
  std::string many = "[\"a\"";
  for (std::size_t i = 0; i < kMaximumTokenRules; ++i) many += ",\"a/" + std::to_string(i) + '"';
  for (const auto& claim :
       {std::string("7"), std::string(R"("a/#")"), std::string("null"), std::string("[7]"),
        std::string(R"({"pub":"a/#"})"), std::string(R"({"pub":[7]})"),
        std::string(R"({"publish_to":["a"]})"), std::string(R"({"pub":["a/#/b"]})"),
        std::string(R"({"pub":["${other}/a"]})"), std::string(R"([{}])"),
        std::string(R"([{"permission":"allow","action":"publish"}])"),
        std::string(R"([{"permission":"permit","action":"publish","topic":"a"}])"),
        std::string(R"([{"permission":"deny","action":"write","topic":"a"}])"),
        std::string(R"([{"permission":"deny","action":"publish","topic":"a","qos":3}])"),
        std::string(R"([{"permission":"deny","action":"publish","topic":"a","who":"b"}])"),
        std::string(R"([{"permission":"deny","action":"all","topic":"a","retain":true}])"),
        std::string(R"([{"permission":"deny","topic":"a"}])"), "{\"pub\":" + many + "]}"})
    EXPECT_FALSE(token_rules(boost::json::parse(claim)).has_value()) << claim;
  EXPECT_TRUE(token_rules(boost::json::parse(R"({"pub":[],"sub":[]})")).has_value());
}

TEST_F(TokenRulesTest, ComeWithTheLoginWhereTheSettingsNameTheirClaim) {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  const auto login = [&](std::string rules_claim, std::string_view acl) {
    JwtAuthenticator::Options options{
        .keys = {}, .rules = {.rules_claim = std::move(rules_claim), .expiry_required = false}};
    options.keys.push_back(jwt_secret(secret).value());
    JwtAuthenticator method(clock_, std::move(options));
    return method.check(client_of("x"),
                        hs256_token(R"({"alg":"HS256"})",
                                    R"({"sub":"meter","acl":)" + std::string(acl) + "}", secret));
  };

  const auto taken = login("acl", R"({"pub":["a"]})");
  ASSERT_EQ(taken.reason, ReasonCode::Success) << taken.why;
  EXPECT_EQ(taken.terms->policies.size(), 2U);
  EXPECT_EQ(login("", R"({"pub":["a"]})").terms->policies.size(), 0U);
  EXPECT_EQ(login("other", R"({"pub":["a"]})").terms->policies.size(), 0U);
  const auto odd = login("acl", R"({"canary":["a"]})");
  EXPECT_EQ(odd.reason, ReasonCode::NotAuthorized);
  EXPECT_THAT(odd.why, testing::Not(testing::HasSubstr("canary")));
}

}  // namespace
}  // namespace sluice::broker
