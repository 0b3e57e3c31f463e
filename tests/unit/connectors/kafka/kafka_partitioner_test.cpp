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
  bool may_take(const std::string& key) { return may_take(choose(key)); }
  bool may_take(int partition) { return partitioner.may_take(partition, kBytes, now); }
  // As the producer does it, and the library, which knows of `count` partitions.
  int hand_over(const std::string& key, int count = 8) {
    partitioner.begin_handover(choose(key), true, now);
    const auto placed =
        Partitioner::on_question(nullptr, key.data(), key.size(), count, nullptr, nullptr);
    EXPECT_EQ(partitioner.end_handover(true, kBytes), placed);
    return placed;
  }
  void hand_over_to(int partition) {
    partitioner.begin_handover(partition, true, now);
    Partitioner::on_question(nullptr, nullptr, 0, partitioner.count(), nullptr, nullptr);
    EXPECT_EQ(partitioner.end_handover(true, kBytes), partition);
  }
  void settle(int partition, bool arrived) {
    partitioner.settle(partition, partition, arrived, now);
  }
  void prove(int partition) {
    hand_over_to(partition);
    settle(partition, true);
  }
  void prove_all() {
    for (int i = 0; i < partitioner.count(); ++i) prove(i);
  }

  static constexpr std::size_t kBytes = 100;
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

  settle(3, false);  // came back: one more may try
  EXPECT_TRUE(may_take("abc"));
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
  settle(3, true);

  for (int i = 0; i < 3; ++i) {
    hand_over("abc");
    EXPECT_TRUE(may_take("abc"));
  }
}

TEST_F(PartitionerTest, ForgetsWhatWasProvenLongAgo) {
  prove(3);
  now += 9min;
  hand_over("abc");
  EXPECT_TRUE(may_take("abc"));
  settle(3, true);

  now += 11min;

  EXPECT_TRUE(may_take("abc"));
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
}

// Where no partition is known the library keeps the record until it knows them.
TEST_F(PartitionerTest, WaitsForARecordThatHasNoPlaceYet) {
  partitioner.begin_handover(choose("abc"), true, now);
  EXPECT_EQ(partitioner.end_handover(true, kBytes), Partitioner::kNone);

  EXPECT_EQ(choose("foobar"), Partitioner::kNone);
  EXPECT_FALSE(may_take(6));
  settle(Partitioner::kNone, false);
  EXPECT_TRUE(may_take(6));
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
  settle(placed, true);
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
  EXPECT_FALSE(may_take(choose_without_key()));
  settle(0, true);
  EXPECT_TRUE(may_take(choose_without_key()));
}

TEST_F(PartitionerTest, GoesToWhatIsProvenWithoutAKeyWhileAnotherProvesItself) {
  prove(3);
  hand_over("foobar");
  for (int i = 0; i < 200; ++i, now += 10ms) ASSERT_NE(choose_without_key(), 6);
}

// One leader that does not answer must not hold up what may go anywhere.
TEST_F(PartitionerTest, LeavesAPartitionThatProvesItselfEvenWhereNoneIsProven) {
  hand_over("foobar");
  for (int i = 0; i < 200; ++i, now += 10ms) ASSERT_NE(choose_without_key(), 6);
}

TEST_F(PartitionerTest, LeavesAPartitionThatIsSilentWithoutAKey) {
  prove_all();
  hand_over("foobar");
  now += 1001ms;
  for (int i = 0; i < 200; ++i, now += 10ms) ASSERT_NE(choose_without_key(), 6);
  settle(6, true);
  std::set<int> used;
  for (int i = 0; i < 200; ++i, now += 10ms) used.insert(choose_without_key());
  EXPECT_EQ(used.size(), 8U);
}

TEST_F(PartitionerTest, StaysWhereItIsWithoutAKeyWhileAllProveThemselves) {
  const auto first = choose_without_key();
  for (int i = 0; i < 8; ++i) hand_over_to(i);
  for (int i = 0; i < 100; ++i, now += 10ms) ASSERT_EQ(choose_without_key(), first);
}

// It came back, or nobody had acknowledged it: then the broker may know nothing of this producer.
TEST_F(PartitionerTest, HasToProveItselfAgainAfterARecordThatDidNotArrive) {
  prove_all();
  hand_over("abc");
  settle(3, false);
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
  EXPECT_TRUE(may_take("foobar"));
}

// What one turn hands over goes as one batch; the rest waits until all of it has come back.
TEST_F(PartitionerTest, TakesTheNextRoundOnceThisOneIsBack) {
  prove_all();
  hand_over("abc");
  hand_over("abc");
  now += 1ms;
  EXPECT_FALSE(may_take("abc"));
  EXPECT_TRUE(may_take("foobar"));
  settle(3, true);
  EXPECT_FALSE(may_take("abc"));
  settle(3, true);
  EXPECT_TRUE(may_take("abc"));
}

TEST_F(PartitionerTest, MakesNoRoundLargerThanABatch) {
  partitioner.configure({.stays_for = 10ms, .most_records = 100, .most_bytes = 3 * kBytes});
  prove_all();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(may_take("abc"));
    hand_over("abc");
  }
  EXPECT_FALSE(may_take("abc"));
  for (int i = 0; i < 3; ++i) settle(3, true);
  EXPECT_TRUE(partitioner.may_take(3, 1000 * kBytes, now));  // alone

  partitioner.configure({.stays_for = 10ms, .most_records = 2, .most_bytes = 1000 * kBytes});
  hand_over("abc");
  EXPECT_TRUE(may_take("abc"));
  hand_over("abc");
  EXPECT_FALSE(may_take("abc"));
}

// The library puts records elsewhere when a topic is deleted and made anew meanwhile.
TEST_F(PartitionerTest, CountsARecordWhereItHasPutItItself) {
  prove_all();
  hand_over("abc");
  now += 1ms;
  partitioner.settle(3, 5, true, now);
  EXPECT_TRUE(may_take("abc"));
  hand_over_to(5);
  EXPECT_TRUE(may_take(5));
}

}  // namespace
}  // namespace sluice::connectors::kafka
