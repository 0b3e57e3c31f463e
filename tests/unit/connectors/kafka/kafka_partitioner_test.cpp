#include "connectors/kafka/kafka_partitioner.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;
using Time = Partitioner::Time;

class PartitionerTest : public testing::Test {
 protected:
  explicit PartitionerTest(int count = 8) { partitioner.set_count(count); }

  int choose(const std::string& key) { return partitioner.choose(key, now); }
  int choose_without_key() { return partitioner.choose(std::nullopt, now); }
  bool may_take(const std::string& key) { return partitioner.may_take(choose(key), now); }
  // As the producer does it, and the library, which knows of `count` partitions.
  int hand_over(const std::string& key, int count = 8) {
    partitioner.begin_handover(choose(key), true, now);
    const auto placed =
        Partitioner::on_question(nullptr, key.data(), key.size(), count, nullptr, nullptr);
    partitioner.end_handover(true);
    return placed;
  }
  void prove_all() {
    for (int i = 0; i < partitioner.count(); ++i) partitioner.settle(i, true, now);
  }

  Partitioner partitioner;
  Time now = Time(1h);
};

// (murmur2(key) & 0x7fffffff) % 8, by an own reading of Kafka's Utils.murmur2.
TEST_F(PartitionerTest, PutsAKeyWhereJavaPutsIt) {
  EXPECT_EQ(choose("21"), 4);
  EXPECT_EQ(choose("foobar"), 6);
  EXPECT_EQ(hand_over("a-little-bit-long-string"), 0);
  EXPECT_EQ(hand_over("abc"), 3);
}

TEST_F(PartitionerTest, LetsOneRecordProveAPartition) {
  EXPECT_TRUE(may_take("abc"));
  EXPECT_EQ(hand_over("abc"), 3);
  EXPECT_FALSE(may_take("abc"));
  EXPECT_TRUE(may_take("foobar"));

  partitioner.settle(3, false, now);  // came back: one more may try
  EXPECT_TRUE(may_take("abc"));
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
  partitioner.settle(3, true, now);

  for (int i = 0; i < 3; ++i) {
    hand_over("abc");
    EXPECT_TRUE(may_take("abc"));
  }
}

TEST_F(PartitionerTest, ForgetsWhatWasProvenLongAgo) {
  hand_over("abc");
  partitioner.settle(3, true, now);
  now += 9min;
  hand_over("abc");
  EXPECT_TRUE(may_take("abc"));
  partitioner.settle(3, true, now);

  now += 11min;

  EXPECT_TRUE(may_take("abc"));
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
}

// Where no partition is known the library keeps the record until it knows them.
TEST_F(PartitionerTest, WaitsForARecordThatHasNoPlaceYet) {
  partitioner.begin_handover(choose("abc"), true, now);
  partitioner.end_handover(true);

  EXPECT_EQ(choose("foobar"), Partitioner::kNone);
  partitioner.settle(-1, false, now);
  EXPECT_EQ(choose("foobar"), 6);
}

TEST_F(PartitionerTest, FollowsATopicThatGrows) {
  prove_all();
  const auto placed = hand_over("foobar", 1000);

  EXPECT_EQ(partitioner.count(), 1000);
  EXPECT_EQ(placed, rd_kafka_msg_partitioner_murmur2(nullptr, "foobar", 6, 1000, nullptr, nullptr));
  ASSERT_GE(placed, 8);
  EXPECT_EQ(choose("foobar"), placed);
  EXPECT_FALSE(may_take("foobar"));
  partitioner.settle(placed, true, now);
  EXPECT_TRUE(may_take("foobar"));
}

// Deleted, and made anew with fewer partitions.
TEST_F(PartitionerTest, FollowsATopicThatShrinks) {
  prove_all();
  ASSERT_EQ(choose("foobar"), 6);
  EXPECT_EQ(hand_over("foobar", 4), 2);
  EXPECT_EQ(choose("foobar"), 2);
  for (int i = 0; i < 50; ++i, now += 10ms) EXPECT_LT(choose_without_key(), 4);
}

TEST_F(PartitionerTest, StaysWithOnePartitionForAWhileWithoutAKey) {
  prove_all();
  std::set<int> used;
  for (int round = 0; round < 200; ++round, now += 10ms) {
    const auto partition = choose_without_key();
    for (int i = 0; i < 5; ++i) ASSERT_EQ(choose_without_key(), partition);
    used.insert(partition);
  }
  EXPECT_EQ(used.size(), 8U);
}

class OnePartitionTest : public PartitionerTest {
 protected:
  OnePartitionTest() : PartitionerTest(1) {}
};

TEST_F(OnePartitionTest, WaitsWithoutAKeyWhereNothingIsProven) {
  ASSERT_EQ(hand_over("k", 1), 0);
  EXPECT_FALSE(partitioner.may_take(choose_without_key(), now));
  partitioner.settle(0, true, now);
  EXPECT_TRUE(partitioner.may_take(choose_without_key(), now));
}

TEST_F(PartitionerTest, GoesToWhatIsProvenWithoutAKeyWhileAnotherProvesItself) {
  hand_over("abc");
  partitioner.settle(3, true, now);
  hand_over("foobar");
  for (int i = 0; i < 200; ++i, now += 10ms) ASSERT_NE(choose_without_key(), 6);
}

// One leader that does not answer must not hold up what may go anywhere.
TEST_F(PartitionerTest, LeavesAPartitionThatProvesItselfEvenWhereNoneIsProven) {
  hand_over("foobar");
  for (int i = 0; i < 200; ++i, now += 10ms) ASSERT_NE(choose_without_key(), 6);
}

TEST_F(PartitionerTest, StaysWhereItIsWithoutAKeyWhileAllProveThemselves) {
  const auto first = choose_without_key();
  for (int i = 0; i < 8; ++i) {
    partitioner.begin_handover(i, true, now);
    Partitioner::on_question(nullptr, nullptr, 0, 8, nullptr, nullptr);
    partitioner.end_handover(true);
  }
  for (int i = 0; i < 100; ++i, now += 10ms) ASSERT_EQ(choose_without_key(), first);
}

// It came back, or nobody had acknowledged it: then the broker may know nothing of this producer.
TEST_F(PartitionerTest, HasToProveItselfAgainAfterARecordThatDidNotArrive) {
  prove_all();
  partitioner.settle(3, false, now);
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
  EXPECT_TRUE(may_take("foobar"));
}

}  // namespace
}  // namespace sluice::connectors::kafka
