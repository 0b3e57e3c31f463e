#include "connectors/kafka/kafka_verify.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/address_rule.hpp"
#include "mock_kafka.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;

std::vector<connect::VerifyStep> verify(const json::object& settings) {
  return kafka::verify(settings, "");
}

TEST(KafkaVerify, SaysWhichNameOfSeveralHasNoAddress) {
  const auto steps =
      verify(settings_with({{"bootstrap_servers", "127.0.0.1:1,no-such-host.invalid:9092"}}));

  ASSERT_FALSE(steps.empty());
  EXPECT_TRUE(steps[0].ok);
  EXPECT_TRUE(steps[0].detail.starts_with("not every host name: no-such-host.invalid: "))
      << steps[0].detail;
}

// A name means what it means when it is called: saving it proved nothing.
TEST(KafkaVerify, RefusesANameWithAnAddressThatMayNotBeCalled) {
  const MockKafka kafka;
  const auto bootstrap = kafka.bootstrap();
  auto by_name =
      settings_with({{"bootstrap_servers", "localhost" + bootstrap.substr(bootstrap.find(':'))}});
  io::allow_networks(io::Caller::Connection, {.loopback = false});
  const auto steps = verify(by_name);
  io::allow_networks(io::Caller::Connection, {});

  ASSERT_EQ(steps.size(), 1U);
  EXPECT_FALSE(steps[0].ok);
  EXPECT_NE(steps[0].detail.find("connect.allowed_networks"), std::string::npos) << steps[0].detail;
}

TEST(KafkaVerify, GoesEveryStepToAClusterThatAnswers) {
  const MockKafka kafka;

  const auto steps = verify(kafka.settings());

  ASSERT_EQ(steps.size(), 4U);
  for (const auto& step : steps) EXPECT_TRUE(step.ok) << step.name << ": " << step.detail;
  EXPECT_EQ(steps.front().name, "resolve");
  EXPECT_EQ(steps.back().name, "metadata");
}

TEST(KafkaVerify, StopsAtTheStepThatFailsAndSaysWhatToDo) {
  const auto nobody = verify(settings_with({{"bootstrap_servers", "127.0.0.1:1"}}));
  ASSERT_EQ(nobody.size(), 2U);
  EXPECT_TRUE(nobody[0].ok);
  EXPECT_EQ(nobody[1].name, "connect");
  EXPECT_FALSE(nobody[1].ok);
  EXPECT_NE(nobody[1].detail.find("refused"), std::string::npos);
  EXPECT_FALSE(nobody[1].hint.empty());

  const auto nowhere = verify(settings_with({{"bootstrap_servers", "no-such-host.invalid:9092"}}));
  ASSERT_EQ(nowhere.size(), 1U);
  EXPECT_EQ(nowhere[0].name, "resolve");
  EXPECT_FALSE(nowhere[0].ok);
}

// A port that speaks, but not what was said.
TEST(KafkaVerify, SaysThatTheOtherSideSpeaksAnotherProtocol) {
  const MockKafka kafka;
  auto wrong = kafka.settings();
  wrong["security_protocol"] = "SSL";

  const auto steps = verify(wrong);

  EXPECT_EQ(steps.back().name, "tls");
  EXPECT_FALSE(steps.back().ok);
  EXPECT_FALSE(steps.back().hint.empty());
}

TEST(KafkaVerify, LooksAtATopicWithoutWritingToIt) {
  MockKafka kafka;
  kafka.create("records", 2);

  const auto steps = kafka::verify(kafka.settings(), "records");
  const auto impossible = kafka::verify(kafka.settings(), "no/topic");

  ASSERT_EQ(steps.size(), 5U);
  EXPECT_EQ(steps.back().name, "topic");
  EXPECT_TRUE(steps.back().ok) << steps.back().detail;
  EXPECT_TRUE(kafka.consume("records", 0, 2000).empty());
  EXPECT_FALSE(impossible.back().ok);
  EXPECT_NE(impossible.back().detail.find("letters, digits"), std::string::npos);
}

// One server of the list is enough, whichever it is.
TEST(KafkaVerify, FindsTheServerThatAnswers) {
  const MockKafka kafka;
  auto two = kafka.settings();
  two["bootstrap_servers"] = "127.0.0.1:1," + kafka.bootstrap();

  const auto steps = verify(two);

  ASSERT_EQ(steps.size(), 4U);
  for (const auto& step : steps) EXPECT_TRUE(step.ok) << step.name << ": " << step.detail;
}

}  // namespace
}  // namespace sluice::connectors::kafka
