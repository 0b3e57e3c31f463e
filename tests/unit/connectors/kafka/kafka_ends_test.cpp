#include "connectors/kafka/kafka_ends.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "mock_kafka.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int kEnoughMs = 20'000;

class KafkaEndsTest : public testing::Test {
 protected:
  KafkaEndsTest()
      : client(*make_client(RD_KAFKA_PRODUCER,
                            *make_conf({{"bootstrap.servers", kafka.bootstrap()}}))) {
    kafka.create("t", 2);
  }

  void produce(std::int32_t partition, int count) {
    const TopicHandle topic(rd_kafka_topic_new(client.get(), "t", nullptr));
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(rd_kafka_produce(topic.get(), partition, RD_KAFKA_MSG_F_COPY,
                                 const_cast<char*>("v"), 1, nullptr, 0, nullptr),
                0);
    ASSERT_EQ(rd_kafka_flush(client.get(), kEnoughMs), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  MockKafka kafka;
  Client client;
};

TEST_F(KafkaEndsTest, ArePerPartition) {
  produce(1, 3);
  const auto empty = ends_of(client.get(), "t", 0, kEnoughMs);
  ASSERT_TRUE(empty) << rd_kafka_err2name(empty.error());
  EXPECT_EQ(empty->low, 0);
  EXPECT_EQ(empty->high, 0);
  const auto ends = ends_of(client.get(), "t", 1, kEnoughMs);
  ASSERT_TRUE(ends) << rd_kafka_err2name(ends.error());
  EXPECT_EQ(ends->low, 0);
  EXPECT_EQ(ends->high, 3);
}

TEST_F(KafkaEndsTest, AreNotWaitedForLongerThanAllowed) {
  ASSERT_TRUE(ends_of(client.get(), "t", 0, kEnoughMs));
  kafka.answer_late(1, kListOffsetsRequest, {120'000, 120'000});
  const auto begun = std::chrono::steady_clock::now();
  const auto ends = ends_of(client.get(), "t", 0, 500);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
  ASSERT_FALSE(ends);
  EXPECT_EQ(ends.error(), RD_KAFKA_RESP_ERR__TIMED_OUT);
}

TEST_F(KafkaEndsTest, OfWhatIsNotThereAreAnError) {
  EXPECT_FALSE(ends_of(client.get(), "t", 7, 2000));
}

}  // namespace
}  // namespace sluice::connectors::kafka
