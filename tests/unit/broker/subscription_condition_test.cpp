// `$where` on SUBSCRIBE: which messages a subscription gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session_records.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kHot = "payload.temperature > 20";

std::string reading(int temperature) {
  return R"({"temperature":)" + std::to_string(temperature) + "}";
}

class SubscriptionConditions : public testing::Test {
 protected:
  SubscriptionConditions() { restart({}); }
  void restart(const Limits& limits) {
    publisher_.reset();
    server = std::make_unique<BrokerUnderTest>(store, limits);
    if (const auto loaded = server->broker.load(); !loaded) ADD_FAILURE() << loaded.error().detail;
  }

  mqtt::Suback subscribe(ScriptedClient& client, std::string_view filter, std::string_view where,
                         Qos qos = Qos::AtLeastOnce, std::uint32_t identifier = 0) {
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    if (identifier > 0) writer.number(PropertyId::SubscriptionIdentifier, identifier);
    writer.user("other", "1");
    writer.user("$where", where);
    writer.user("$where", "only the first counts");
    auto answers = client.subscribe_with(properties, filter, qos);
    EXPECT_EQ(answers.size(), 1U);
    return answers.empty() ? mqtt::Suback() : answers.front();
  }
  void publish(std::string_view payload, Qos qos = Qos::AtLeastOnce, bool retain = false,
               std::string_view topic = "plant/1") {
    if (!publisher_) {
      publisher_ = std::make_unique<ScriptedClient>(*server);
      publisher_->connect("publisher");
    }
    publisher_->publish(topic, payload, qos, qos == Qos::AtMostOnce ? 0 : 1, retain);
    server->make_durable();
  }
  std::vector<std::string> take_and_acknowledge(ScriptedClient& client) {
    std::vector<std::string> payloads;
    while (true) {
      server->make_durable();
      const auto messages = client.take<mqtt::Publish>();
      if (messages.empty()) return payloads;
      for (const auto& message : messages) {
        payloads.emplace_back(message.payload);
        if (message.qos == Qos::AtLeastOnce) client.ack(PacketType::Puback, message.packet_id);
      }
    }
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server;
  std::unique_ptr<ScriptedClient> publisher_;
};

TEST_F(SubscriptionConditions, ChooseMessagesOfEachQos) {
  for (const auto qos : {Qos::AtMostOnce, Qos::AtLeastOnce}) {
    ScriptedClient client(*server);
    client.connect("reader");
    ASSERT_THAT(subscribe(client, "plant/+", kHot, qos).reasons,
                ElementsAre(static_cast<ReasonCode>(qos)));
    publish(reading(20));
    publish(reading(21));
    publish("no JSON");
    publish(reading(30), Qos::AtMostOnce);
    EXPECT_THAT(take_and_acknowledge(client), ElementsAre(reading(21), reading(30)));
  }
}

TEST_F(SubscriptionConditions, LeaveOthersAsTheyAre) {
  ScriptedClient choosy(*server);
  ScriptedClient plain(*server);
  ScriptedClient old_one(*server, mqtt::Version::V311);
  choosy.connect("choosy");
  plain.connect("plain");
  old_one.connect("old");
  subscribe(choosy, "plant/+", "$qos = 1");
  plain.subscribe("plant/+", Qos::AtLeastOnce);
  old_one.subscribe("#", Qos::AtMostOnce);

  publish("a");
  publish("b", Qos::AtMostOnce);

  EXPECT_THAT(take_and_acknowledge(choosy), ElementsAre("a"));
  EXPECT_THAT(take_and_acknowledge(plain), ElementsAre("a", "b"));
  EXPECT_THAT(take_and_acknowledge(old_one), ElementsAre("a", "b"));
}

TEST_F(SubscriptionConditions, CountForTheirSubscriptionAloneWhereSeveralMatch) {
  ScriptedClient client(*server);
  client.connect("reader");
  subscribe(client, "plant/+", kHot, Qos::AtLeastOnce, 1);
  subscribe(client, "plant/1", "payload.temperature > 50", Qos::AtMostOnce, 2);
  client.subscribe("#", Qos::AtMostOnce, 3);

  const auto sent_for = [&](std::string_view payload) {
    publish(payload);
    std::vector<std::uint32_t> identifiers;
    const auto messages = client.take<mqtt::Publish>();
    EXPECT_EQ(messages.size(), 1U);
    for (const auto& message : messages) {
      for (const auto& property : message.properties) identifiers.push_back(property.number);
      identifiers.push_back(static_cast<std::uint32_t>(message.qos));
      if (message.qos == Qos::AtLeastOnce) client.ack(PacketType::Puback, message.packet_id);
    }
    std::ranges::sort(identifiers.begin(), identifiers.end() - 1);
    return identifiers;
  };
  EXPECT_THAT(sent_for(reading(10)), ElementsAre(3, 0));
  EXPECT_THAT(sent_for(reading(30)), ElementsAre(1, 3, 1));
  EXPECT_THAT(sent_for(reading(60)), ElementsAre(1, 2, 3, 1));
}

TEST_F(SubscriptionConditions, AreRefusedWithWhatIsWrong) {
  ScriptedClient client(*server);
  client.connect("reader");
  const auto refused = subscribe(client, "plant/+", "payload.a >");
  EXPECT_THAT(refused.reasons, ElementsAre(ReasonCode::ImplementationSpecificError));
  EXPECT_THAT(std::string(refused.properties.text(PropertyId::ReasonString).value_or("")),
              HasSubstr("$where: line 1, column 12: expected"));
  const auto too_long = "k = '" + std::string(kLongestCondition, 'x') + "'";
  const auto longer = subscribe(client, "plant/+", too_long);
  EXPECT_THAT(longer.reasons, ElementsAre(ReasonCode::QuotaExceeded));
  EXPECT_THAT(std::string(longer.properties.text(PropertyId::ReasonString).value_or("")),
              HasSubstr("at most 1024 bytes"));
  publish(reading(30));
  EXPECT_THAT(take_and_acknowledge(client), IsEmpty());
}

TEST_F(SubscriptionConditions, SaveTheReasonForThoseWhoWantNone) {
  ScriptedClient quiet(*server);
  quiet.wants_problem_information = false;
  quiet.connect("quiet");
  EXPECT_TRUE(subscribe(quiet, "t", "(").properties.empty());
  ScriptedClient small(*server);
  small.maximum_packet_size = 24;
  small.connect("small");
  const auto refused = subscribe(small, "t", "(");
  EXPECT_THAT(refused.reasons, ElementsAre(ReasonCode::ImplementationSpecificError));
  EXPECT_TRUE(refused.properties.empty());
}

TEST_F(SubscriptionConditions, AreLimitedForEachClient) {
  Limits limits;
  limits.conditions_per_client = 2;
  restart(limits);
  ScriptedClient client(*server);
  client.connect("reader");
  subscribe(client, "a", kHot);
  subscribe(client, "b", kHot);
  EXPECT_THAT(subscribe(client, "c", kHot).reasons, ElementsAre(ReasonCode::QuotaExceeded));
  EXPECT_THAT(subscribe(client, "b", "$qos = 2").reasons,
              ElementsAre(ReasonCode::GrantedQos1));  // in the place of the other
  client.subscribe("a", Qos::AtLeastOnce);            // without one from now on
  EXPECT_THAT(subscribe(client, "c", kHot).reasons, ElementsAre(ReasonCode::GrantedQos1));
}

TEST_F(SubscriptionConditions, HoldForWhatWaitedWhileTheClientWasAway) {
  ScriptedClient client(*server);
  client.connect("reader", true, kLong);
  subscribe(client, "plant/+", kHot);
  client.drop();
  for (int i = 0; i < 600; ++i) publish(reading(i % 20));  // more than one turn passes over
  publish(reading(40));

  ScriptedClient again(*server);
  again.connect("reader", false, kLong);
  EXPECT_THAT(take_and_acknowledge(again), ElementsAre(reading(40)));
  publish(reading(41));
  EXPECT_THAT(take_and_acknowledge(again), ElementsAre(reading(41)));
}

// Each is asked about each message, so that a turn looks at fewer messages: all come all the same.
TEST_F(SubscriptionConditions, LoseNothingWhereOneClientHasMany) {
  ScriptedClient client(*server);
  client.connect("reader", true, kLong);
  for (const auto* filter : {"plant/+", "plant/#", "#", "+/#", "+/+"})
    subscribe(client, filter, kHot);
  client.drop();
  std::vector<std::string> hot;
  for (int i = 0; i < 600; ++i) {
    publish(reading(i));
    if (i > 20) hot.push_back(reading(i));
  }

  ScriptedClient again(*server);
  again.connect("reader", false, kLong);
  EXPECT_THAT(take_and_acknowledge(again), testing::ElementsAreArray(hot));
}

TEST_F(SubscriptionConditions, OutliveTheProcess) {
  {
    ScriptedClient client(*server);
    client.connect("reader", true, kLong);
    subscribe(client, "plant/+", kHot);
    subscribe(client, "$share/g/plant/+", "payload.temperature > 50");
    client.drop();
    publish(reading(1));
    publish(reading(30));
  }
  store.crash();
  restart({});

  ScriptedClient client(*server);
  client.connect("reader", false, kLong);
  EXPECT_THAT(take_and_acknowledge(client), ElementsAre(reading(30)));
  publish(reading(2));
  publish(reading(60));
  EXPECT_THAT(take_and_acknowledge(client), ElementsAre(reading(60), reading(60)));
}

TEST_F(SubscriptionConditions, EndWithASubscribeThatHasNone) {
  ScriptedClient client(*server);
  client.connect("reader", true, kLong);
  subscribe(client, "plant/+", kHot);
  client.subscribe("plant/+", Qos::AtLeastOnce);
  publish(reading(1));
  EXPECT_THAT(take_and_acknowledge(client), ElementsAre(reading(1)));
}

TEST_F(SubscriptionConditions, ChooseRetainedMessages) {
  publish(reading(10), Qos::AtLeastOnce, true, "plant/cold");
  publish(reading(30), Qos::AtLeastOnce, true, "plant/hot");
  ScriptedClient client(*server);
  client.connect("reader");
  subscribe(client, "plant/+", kHot);
  EXPECT_THAT(take_and_acknowledge(client), ElementsAre(reading(30)));
}

TEST_F(SubscriptionConditions, ThatCostTooMuchPassTheMessageOverAndCountIt) {
  ScriptedClient client(*server);
  client.connect("reader");
  subscribe(client, "plant/+", "payload LIKE '%aaab'");
  subscribe(client, "big", kHot);
  publish(std::string(100'000, 'a'));
  publish(reading(30) + std::string(kLargestJudgedPayload, ' '), Qos::AtLeastOnce, false, "big");
  EXPECT_THAT(take_and_acknowledge(client), IsEmpty());
  EXPECT_EQ(server->broker.counters().not_judged.value(), 2U);
  publish("aaaab");
  EXPECT_THAT(take_and_acknowledge(client), ElementsAre("aaaab"));
}

// --- groups

TEST_F(SubscriptionConditions, SendAGroupsMessagesToMembersThatAcceptThem) {
  for (const auto strategy :
       {GroupStrategy::RoundRobin, GroupStrategy::Random, GroupStrategy::Sticky,
        GroupStrategy::HashTopic, GroupStrategy::LeastInFlight}) {
    Limits limits;
    limits.group_strategy = strategy;
    restart(limits);
    ScriptedClient cold(*server);
    ScriptedClient hot(*server);
    cold.connect("cold");
    hot.connect("hot");
    subscribe(cold, "$share/g/plant/+", "payload.temperature < 10");
    subscribe(hot, "$share/g/plant/+", kHot);
    for (const int temperature : {1, 30, 15, 2, 31}) publish(reading(temperature));

    EXPECT_THAT(take_and_acknowledge(cold), ElementsAre(reading(1), reading(2)));
    EXPECT_THAT(take_and_acknowledge(hot), ElementsAre(reading(30), reading(31)));
    EXPECT_EQ(server->broker.counters().passed_over_in_groups.value(), 1U);
  }
}

TEST_F(SubscriptionConditions, KeepWhatOnlyAMemberThatIsAwayAccepts) {
  ScriptedClient hot(*server);
  ScriptedClient cold(*server);
  hot.connect("hot", true, kLong);
  cold.connect("cold", true, kLong);
  subscribe(hot, "$share/g/plant/+", kHot);
  subscribe(cold, "$share/g/plant/+", "payload.temperature < 10");
  hot.drop();
  publish(reading(30));
  publish(reading(1));
  EXPECT_THAT(take_and_acknowledge(cold), ElementsAre(reading(1)));

  ScriptedClient again(*server);
  again.connect("hot", false, kLong);
  EXPECT_THAT(take_and_acknowledge(again), ElementsAre(reading(30)));
}

TEST_F(SubscriptionConditions, OfAGroupArePassedOverAFewAtATime) {
  ScriptedClient client(*server);
  client.connect("reader", true, kLong);
  subscribe(client, "$share/g/plant/+", kHot);
  client.drop();
  for (int i = 0; i < 600; ++i) publish(reading(i % 20));
  publish(reading(40));
  ScriptedClient again(*server);
  again.connect("reader", false, kLong);
  EXPECT_THAT(take_and_acknowledge(again), ElementsAre(reading(40)));
  EXPECT_EQ(server->broker.counters().passed_over_in_groups.value(), 600U);
}

// --- what those pay who have none

TEST(SubscriptionRecord, HasItsFirstFormWithoutACondition) {
  const Subscription subscription{.name = "a/+", .options = {.qos = Qos::AtLeastOnce}, .since = {}};
  EXPECT_EQ(encode(subscription, {}).front(), 1);
  Conditions conditions;
  const auto condition = conditions.compile("$qos = 1", SIZE_MAX).value();
  EXPECT_EQ(conditions.compile("$qos = 1", SIZE_MAX).value(), condition);  // compiled once
  const auto record = encode(subscription, {}, condition.get());
  EXPECT_EQ(decode_subscription("a/+", record).value().condition, "$qos = 1");
  EXPECT_EQ(decode_subscription("a/+", encode(subscription, {})).value().condition, "");
}

TEST(SubscriptionRecord, TakesNoMoreMemoryForTheChanceOfACondition) {
  EXPECT_EQ(sizeof(SubscriptionOptions), 8U);
  EXPECT_LE(sizeof(Receiver), 48U);
  EXPECT_LE(sizeof(Subscription), 56U);
}

}  // namespace
}  // namespace sluice::broker::test
