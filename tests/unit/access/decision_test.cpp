// Who may do what: interface.md §4, requirements P1-P3, security cases C1-C3.
#include <ostream>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access/permissions.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::Qos;

Policy policy(std::string_view text) {
  auto document = json::parse(text).get_object();
  document.insert({{"name", "test"}});
  auto checked = schema::check(AccessControl::policy_fields(), document);
  check_policy(checked.value, checked.problems);
  for (const auto& problem : checked.problems) {
    ADD_FAILURE() << text << ": " << problem.pointer << " " << problem.detail;
  }
  return policy_from(checked.value);
}

PermissionsPtr permissions(const std::vector<std::string>& texts, const Client& client) {
  std::map<std::string, PolicyPtr> by_name;
  for (const auto& text : texts) {
    by_name.emplace("p" + std::to_string(by_name.size()), std::make_shared<Policy>(policy(text)));
  }
  const PolicySet set(std::move(by_name));
  return compile_permissions(set, client);
}

Client meter() {
  return {.client_id = "m-1", .username = "meter", .has_username = true, .host = "10.1.2.3"};
}

enum class Ask { Connect, Publish, Retain, Subscribe, Receive };

struct Decision {
  std::string rule;
  std::vector<std::string> policies;
  Ask ask;
  std::string topic;
  Qos qos;
  bool expected;
};
void PrintTo(const Decision& decision, std::ostream* out) {
  *out << decision.rule;
}

constexpr auto kQ0 = Qos::AtMostOnce;
constexpr auto kQ1 = Qos::AtLeastOnce;
constexpr auto kQ2 = Qos::ExactlyOnce;

const std::string kAllowPublish =
    R"({"effect":"allow","operations":["publish"],"resources":["a/#"]})";
const std::string kAllowSubscribe =
    R"({"effect":"allow","operations":["subscribe"],"resources":["a/#"]})";
const std::string kDenySecret =
    R"({"effect":"deny","operations":["publish","subscribe"],"resources":["a/secret/#"]})";
const std::string kAllowConnect = R"({"effect":"allow","operations":["connect"]})";
const std::string kAllowAll =
    R"({"effect":"allow","operations":["connect","publish","subscribe"],"resources":["#"]})";

std::string with(std::string_view more) {
  return R"({"effect":"allow","operations":["connect","publish","subscribe"],)"
         R"("resources":["a/#"],)" +
         std::string(more) + "}";
}
std::string deny_with(std::string_view more) {
  return R"({"effect":"deny","operations":["publish"],"resources":["a/#"],)" + std::string(more) +
         "}";
}

const Decision kDecisions[] = {
    {"C1: without policies nothing may connect", {}, Ask::Connect, "", kQ0, false},
    {"C1: without policies nothing may publish", {}, Ask::Publish, "a/b", kQ0, false},
    {"C1: without policies nothing may subscribe", {}, Ask::Subscribe, "a/b", kQ0, false},
    {"connect is allowed by a connect policy", {kAllowConnect}, Ask::Connect, "", kQ0, true},
    {"connect alone lets nobody publish", {kAllowConnect}, Ask::Publish, "a", kQ0, false},
    {"publish alone lets nobody connect", {kAllowPublish}, Ask::Connect, "", kQ0, false},
    {"a topic below is allowed", {kAllowPublish}, Ask::Publish, "a/b/c", kQ2, true},
    {"the parent of # is allowed", {kAllowPublish}, Ask::Publish, "a", kQ0, true},
    {"another topic is not", {kAllowPublish}, Ask::Publish, "b", kQ0, false},
    {"publish does not allow subscribe", {kAllowPublish}, Ask::Subscribe, "a/b", kQ0, false},
    {"a narrower filter is covered", {kAllowSubscribe}, Ask::Subscribe, "a/+/c", kQ1, true},
    {"a wider filter is not covered", {kAllowSubscribe}, Ask::Subscribe, "+/b", kQ1, false},
    {"# is not covered by a/#", {kAllowSubscribe}, Ask::Subscribe, "#", kQ1, false},
    {"# does not reach $-topics", {kAllowAll}, Ask::Subscribe, "$SYS/#", kQ0, false},
    {"# lets nobody publish to $-topics", {kAllowAll}, Ask::Publish, "$SYS/x", kQ0, false},
    {"a deny wins over an allow",
     {kAllowPublish, kDenySecret},
     Ask::Publish,
     "a/secret/k",
     kQ0,
     false},
    {"its order does not matter",
     {kDenySecret, kAllowPublish},
     Ask::Publish,
     "a/secret/k",
     kQ0,
     false},
    {"its neighbours stay allowed",
     {kAllowPublish, kDenySecret},
     Ask::Publish,
     "a/open",
     kQ0,
     true},
    {"C3: a filter that a deny covers is refused",
     {kAllowSubscribe, kDenySecret},
     Ask::Subscribe,
     "a/secret/+",
     kQ0,
     false},
    {"C3: a wider one is taken", {kAllowSubscribe, kDenySecret}, Ask::Subscribe, "a/#", kQ0, true},
    {"C3: and delivers no denied topic",
     {kAllowSubscribe, kDenySecret},
     Ask::Receive,
     "a/secret/k",
     kQ0,
     false},
    {"C3: but all others", {kAllowSubscribe, kDenySecret}, Ask::Receive, "a/open", kQ0, true},
    {"a QoS that is listed", {with(R"("qos":[1])")}, Ask::Publish, "a", kQ1, true},
    {"a QoS that is not listed", {with(R"("qos":[1])")}, Ask::Publish, "a", kQ2, false},
    {"a subscription's QoS that is not listed",
     {with(R"("qos":[0])")},
     Ask::Subscribe,
     "a",
     kQ1,
     false},
    {"retained messages denied: retained",
     {kAllowPublish, deny_with(R"("message_types":["retained"])")},
     Ask::Retain,
     "a",
     kQ0,
     false},
    {"retained messages denied: general",
     {kAllowPublish, deny_with(R"("message_types":["retained"])")},
     Ask::Publish,
     "a",
     kQ0,
     true},
    {"the user is named", {with(R"("users":["meter"])")}, Ask::Connect, "", kQ0, true},
    {"the user begins so", {with(R"("users":["x","me*"])")}, Ask::Connect, "", kQ0, true},
    {"another user is named", {with(R"("users":["mete"])")}, Ask::Connect, "", kQ0, false},
    {"the client id begins so", {with(R"("client_ids":["m-*"])")}, Ask::Connect, "", kQ0, true},
    {"another client id is named", {with(R"("client_ids":["m"])")}, Ask::Connect, "", kQ0, false},
    {"the address is in the range",
     {with(R"("sources":["10.0.0.0/8"])")},
     Ask::Connect,
     "",
     kQ0,
     true},
    {"the address is not", {with(R"("sources":["10.0.0.0/16"])")}, Ask::Connect, "", kQ0, false},
    {"all conditions must hold",
     {with(R"("users":["meter"],"client_ids":["other"])")},
     Ask::Connect,
     "",
     kQ0,
     false},
    {"variables stand for the client",
     {R"({"effect":"allow","operations":["publish"],"resources":["${username}/%c/x-%u"]})"},
     Ask::Publish,
     "meter/m-1/x-meter",
     kQ0,
     true},
    {"and for no other",
     {R"({"effect":"allow","operations":["publish"],"resources":["${username}/%c"]})"},
     Ask::Publish,
     "meter/m-2",
     kQ0,
     false},
};

class Decisions : public testing::TestWithParam<Decision> {};

TEST_P(Decisions, FollowTheRule) {
  const auto& [rule, policies, ask, topic, qos, expected] = GetParam();
  const auto granted = permissions(policies, meter());

  bool answer = false;
  switch (ask) {
    case Ask::Connect:
      answer = granted->may_connect();
      break;
    case Ask::Publish:
      answer = granted->may_publish(topic, qos, false);
      break;
    case Ask::Retain:
      answer = granted->may_publish(topic, qos, true);
      break;
    case Ask::Subscribe:
      answer = granted->may_subscribe(topic, qos);
      break;
    case Ask::Receive:
      answer = granted->may_receive(topic);
      break;
  }

  EXPECT_EQ(answer, expected);
}

INSTANTIATE_TEST_SUITE_P(Table, Decisions, testing::ValuesIn(kDecisions));

TEST(Permissions, HaveNothingDeniedOnlyWithoutDenies) {
  EXPECT_TRUE(permissions({kAllowAll}, meter())->nothing_denied());
  EXPECT_FALSE(permissions({kAllowAll, kDenySecret}, meter())->nothing_denied());
}

TEST(Permissions, KeepDeliveriesWhenOnlySomeQosIsDenied) {
  const auto granted =
      permissions({kAllowSubscribe,
                   R"({"effect":"deny","operations":["subscribe"],"resources":["#"],"qos":[2]})"},
                  meter());

  EXPECT_FALSE(granted->may_subscribe("a/b", kQ2));
  EXPECT_TRUE(granted->may_subscribe("a/b", kQ1));
  EXPECT_TRUE(granted->may_receive("a/b"));
}

TEST(Permissions, DoNotNameUsersForClientsWithoutUserName) {
  const Client nobody{.client_id = "c", .username = "", .has_username = false, .host = "10.0.0.1"};

  EXPECT_FALSE(permissions({with(R"("users":["*"])")}, nobody)->may_connect());
}

// C2: what a client calls itself widens nothing.
class ClientNames : public testing::TestWithParam<std::string> {};

TEST_P(ClientNames, NeverWidenAnAllow) {
  const Client attacker{
      .client_id = GetParam(), .username = GetParam(), .has_username = true, .host = "10.0.0.1"};
  for (const auto* variable : {"%c", "${client_id}", "%u", "${username}"}) {
    const std::string resource = variable;
    const auto granted = permissions(
        {R"({"effect":"allow","operations":["publish","subscribe"],"resources":["home/)" +
         resource + R"(/state",")" + resource + R"(/#"]})"},
        attacker);

    for (const auto* topic : {"home/other/state", "home/a/b/state", "home/state", "other/x",
                              "$SYS/broker", "a/b/c", "home//state", "/x"}) {
      EXPECT_FALSE(granted->may_publish(topic, kQ0, false)) << variable << " " << topic;
      EXPECT_FALSE(granted->may_subscribe(topic, kQ0)) << variable << " " << topic;
    }
    for (const auto* filter : {"#", "home/+/state", "home/#", "+/#", "$SYS/#"}) {
      EXPECT_FALSE(granted->may_subscribe(filter, kQ0)) << variable << " " << filter;
    }
  }
}

TEST_P(ClientNames, NeverNarrowADeny) {
  const Client attacker{
      .client_id = GetParam(), .username = GetParam(), .has_username = true, .host = "10.0.0.1"};
  const auto granted =
      permissions({R"({"effect":"allow","operations":["publish"],"resources":["#"]})",
                   R"({"effect":"deny","operations":["publish"],"resources":["home/%c/state"]})"},
                  attacker);

  const std::string literal = "home/" + GetParam() + "/state";
  EXPECT_FALSE(granted->may_publish(literal, kQ0, false));
  EXPECT_FALSE(granted->may_publish("home/a/b/state", kQ0, false));
  EXPECT_TRUE(granted->may_publish("elsewhere", kQ0, false));
}

INSTANTIATE_TEST_SUITE_P(Unsafe, ClientNames,
                         testing::Values("#", "+", "a/b", "other/#", "+/+", "$SYS", "$SYS/#", "/",
                                         "", "a#b"));

TEST(Permissions, DenyEverythingForANameThatCouldStandForAnything) {
  const Client attacker{
      .client_id = "$SYS/#", .username = "u", .has_username = true, .host = "10.0.0.1"};
  const auto granted =
      permissions({R"({"effect":"allow","operations":["publish"],"resources":["$SYS/#","#"]})",
                   R"({"effect":"deny","operations":["publish"],"resources":["%c"]})"},
                  attacker);

  EXPECT_FALSE(granted->may_publish("$SYS/x", kQ0, false));
  EXPECT_FALSE(granted->may_publish("x", kQ0, false));
}

TEST(Permissions, DoNotExpandVariablesInsideNames) {
  const Client attacker{
      .client_id = "%u", .username = "root", .has_username = true, .host = "10.0.0.1"};
  const auto granted = permissions(
      {R"({"effect":"allow","operations":["publish"],"resources":["home/%c"]})"}, attacker);

  EXPECT_FALSE(granted->may_publish("home/root", kQ0, false));
  EXPECT_TRUE(granted->may_publish("home/%u", kQ0, false));
}

struct NetworkCase {
  std::string network;
  std::string address;
  bool expected;
};
class Networks : public testing::TestWithParam<NetworkCase> {};

TEST_P(Networks, ContainTheirAddresses) {
  const auto& [network, address, expected] = GetParam();
  const auto parsed = Network::parse(network);

  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->contains(boost::asio::ip::make_address(address)), expected)
      << network << " " << address;
}

INSTANTIATE_TEST_SUITE_P(Table, Networks,
                         testing::Values(NetworkCase{"10.0.0.0/8", "10.255.0.1", true},
                                         NetworkCase{"10.0.0.0/8", "11.0.0.1", false},
                                         NetworkCase{"10.1.2.3/8", "10.9.9.9", true},
                                         NetworkCase{"0.0.0.0/0", "203.0.113.9", true},
                                         NetworkCase{"0.0.0.0/0", "::2", false},
                                         NetworkCase{"192.168.1.7", "192.168.1.7", true},
                                         NetworkCase{"192.168.1.7", "192.168.1.8", false},
                                         NetworkCase{"192.168.1.7", "::ffff:192.168.1.7", true},
                                         NetworkCase{"10.0.0.0/8", "::ffff:10.0.0.1", true},
                                         NetworkCase{"::ffff:10.0.0.0/104", "10.9.9.9", true},
                                         NetworkCase{"::ffff:10.0.0.0/104", "11.0.0.1", false},
                                         NetworkCase{"::ffff:0:0/96", "203.0.113.9", true},
                                         NetworkCase{"2001:db8::/32", "2001:db8:ffff::1", true},
                                         NetworkCase{"2001:db8::/32", "2001:db9::1", false},
                                         NetworkCase{"::1", "::1", true},
                                         NetworkCase{"::/0", "fe80::1", true},
                                         NetworkCase{"fe80::/10", "fe80::1%1", true}));

TEST(Networks, RefuseWhatIsNoRange) {
  for (const auto* text : {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "host", "::/129",
                           "::ffff:10.0.0.0/90", "1.2.3.4/a", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(Network::parse(text).has_value()) << text;
  }
}

TEST(Permissions, TreatAnUnreadableAddressAsTheWorst) {
  Client client = meter();
  client.host = "?";

  EXPECT_FALSE(permissions({with(R"("sources":["0.0.0.0/0"])")}, client)->may_connect());
  EXPECT_FALSE(permissions({kAllowPublish, deny_with(R"("sources":["192.0.2.1"])")}, client)
                   ->may_publish("a", kQ0, false));
}

TEST(Permissions, AreThoseOfTheListenerThroughWhichTheClientCame) {
  Client client = meter();
  const auto may = [&](const std::vector<std::string>& policies) {
    const auto granted = permissions(policies, client);
    const bool connect = granted->may_connect();
    EXPECT_EQ(granted->may_subscribe("a/b", kQ0), connect);
    return connect && granted->may_publish("a", kQ0, false);
  };
  const auto by_tls = with(R"("listeners":["tls"])");
  const auto not_by_ws = deny_with(R"("listeners":["ws*"])");

  client.listener = ListenerName("tls");
  EXPECT_TRUE(may({by_tls, not_by_ws}));
  client.listener = ListenerName("tcp");
  EXPECT_FALSE(may({by_tls}));
  client.listener = ListenerName("wss");
  EXPECT_TRUE(may({with(R"("listeners":["ws","wss"])")}));
  EXPECT_FALSE(may({with(R"("listeners":["ws","wss"])"), not_by_ws}));
}

// A session that an older version stored does not say it.
TEST(Permissions, TreatAnUnknownListenerAsTheWorst) {
  Client client = meter();

  EXPECT_FALSE(permissions({with(R"("listeners":["*"])")}, client)->may_connect());
  EXPECT_FALSE(permissions({kAllowPublish, deny_with(R"("listeners":["ws"])")}, client)
                   ->may_publish("a", kQ0, false));
  EXPECT_TRUE(
      permissions({kAllowPublish, deny_with(R"("listeners":["ws"],"sources":["192.0.2.1"])")},
                  client)
          ->may_publish("a", kQ0, false));
}

// Very many clients have the same few policies: what these say is in memory once.
TEST(Permissions, AreOneObjectForAllWhomTheSamePoliciesConcern) {
  const PolicySet set({{"all", std::make_shared<Policy>(policy(kAllowAll))},
                       {"secret", std::make_shared<Policy>(policy(kDenySecret))},
                       {"meters", std::make_shared<Policy>(policy(with(R"("users":["meter"])")))}});
  auto other = meter();
  other.client_id = "m-2";
  auto stranger = meter();
  stranger.username = "stranger";

  EXPECT_EQ(compile_permissions(set, meter()), compile_permissions(set, other));
  EXPECT_NE(compile_permissions(set, meter()), compile_permissions(set, stranger));
}

TEST(Permissions, KeepWhatOnlyTheClientMayApart) {
  const PolicySet set(
      {{"own",
        std::make_shared<Policy>(policy(R"({"effect":"allow","operations":["connect","publish"],)"
                                        R"("resources":["own/${client_id}","shared/#"]})"))},
       {"not", std::make_shared<Policy>(policy(
                   R"({"effect":"deny","operations":["publish"],"resources":["shared/no"]})"))}});
  auto other = meter();
  other.client_id = "m-2";

  const auto first = compile_permissions(set, meter());
  const auto second = compile_permissions(set, other);

  EXPECT_TRUE(first->may_connect());
  EXPECT_TRUE(first->may_publish("own/m-1", kQ1, false));
  EXPECT_FALSE(first->may_publish("own/m-2", kQ1, false));
  EXPECT_TRUE(second->may_publish("own/m-2", kQ1, false));
  for (const auto& client : {first, second}) {
    EXPECT_TRUE(client->may_publish("shared/yes", kQ1, false));
    EXPECT_FALSE(client->may_publish("shared/no", kQ1, false));
  }
}

}  // namespace
}  // namespace sluice::broker
