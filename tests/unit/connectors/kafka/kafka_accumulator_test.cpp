#include "connectors/kafka/kafka_accumulator.hpp"

#include <deque>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;
using connect::Record;
using testing::ElementsAre;
using Step = RecordAccumulator::Step;

class AccumulatorTest : public testing::Test {
 protected:
  AccumulatorTest() {
    topic.partitioner.set_count(8);
    other.partitioner.set_count(8);
    for (int i = 0; i < 8; ++i) prove(i);
  }

  static constexpr std::size_t kBytes = 100;
  // `count` as the library knows it.
  int hand_over(Topic& to, int partition, const Record& record) {
    to.partitioner.begin_handover(partition, true, now);
    Partitioner::on_question(nullptr, record.key->data(), record.key->size(), count, nullptr,
                             nullptr);
    return to.partitioner.end_handover(true, kBytes);
  }
  void settle(int partition) { topic.partitioner.settle(partition, partition, true, now); }
  void prove(int partition) {
    for (auto* each : {&topic, &other}) {
      each->partitioner.begin_handover(partition, true, now);
      Partitioner::on_question(nullptr, "", 0, 8, nullptr, nullptr);
      ASSERT_EQ(each->partitioner.end_handover(true, kBytes), partition);
      each->partitioner.settle(partition, partition, true, now);
    }
  }
  void add(const std::string& value, const std::string& key, Topic& to) {
    texts.push_back(value);
    texts.push_back(key);
    Record record;
    record.value = texts[texts.size() - 2];
    record.key = texts.back();
    accumulator.follow(to, now);
    accumulator.add(to, to.partitioner.choose(record.key, now), record, kBytes, now);
  }
  void add(const std::string& value, const std::string& key) { add(value, key, topic); }
  Step drain(bool all = false) {
    return accumulator.drain(now, all, [this](Topic& to, int partition, const auto& each) {
      if (room == 0) return Step::NotNow;
      --room;
      given.emplace_back(each.record.value);
      places.push_back(hand_over(to, partition, each.record));
      return Step::Taken;
    });
  }
  std::vector<std::string> take_given() { return std::exchange(given, {}); }

  Topic topic, other;
  RecordAccumulator accumulator{5ms, 4 * kBytes};
  Partitioner::Time now = Partitioner::Time(1h);
  int count = 8;
  std::size_t room = 1000;
  std::deque<std::string> texts;
  std::vector<std::string> given;
  std::vector<int> places;
};

TEST_F(AccumulatorTest, GivesWhatHasLingered) {
  add("1", "abc");
  now += 3ms;
  add("2", "abc");
  EXPECT_EQ(drain(), Step::Taken);
  EXPECT_THAT(given, ElementsAre());
  EXPECT_EQ(accumulator.due(), now + 2ms);

  now += 2ms;
  EXPECT_EQ(drain(), Step::Taken);
  EXPECT_THAT(take_given(), ElementsAre("1", "2"));
  EXPECT_EQ(accumulator.due(), Partitioner::Time::max());
  EXPECT_EQ(accumulator.records(), 0U);
}

TEST_F(AccumulatorTest, GivesAFullBatchAtOnceAndAllWhenAsked) {
  for (int i = 0; i < 4; ++i) add(std::to_string(i), "abc");
  add("x", "foobar");
  drain();
  EXPECT_THAT(take_given(), ElementsAre("0", "1", "2", "3"));
  drain(true);
  EXPECT_THAT(take_given(), ElementsAre("x"));
}

TEST_F(AccumulatorTest, KeepsWhatsPartitionHasARoundOnItsWay) {
  add("1", "abc");
  drain(true);
  now += 1ms;
  add("2", "abc");
  add("3", "foobar");
  drain(true);
  EXPECT_THAT(take_given(), ElementsAre("1", "3"));
  EXPECT_EQ(accumulator.records(), 1U);

  settle(3);
  now += 5ms;
  drain();
  EXPECT_THAT(take_given(), ElementsAre("2"));
}

TEST_F(AccumulatorTest, GoesOnWhereItHadToEnd) {
  for (int i = 0; i < 3; ++i) add(std::to_string(i), "abc");
  add("x", "foobar");
  room = 2;
  EXPECT_EQ(drain(true), Step::NotNow);
  EXPECT_THAT(take_given(), ElementsAre("0", "1"));
  EXPECT_EQ(accumulator.records(), 2U);
  room = 9;
  EXPECT_EQ(drain(true), Step::Taken);
  EXPECT_THAT(take_given(), ElementsAre("2", "x"));
}

// Those of one key stay in their order, and wait where it belongs now.
TEST_F(AccumulatorTest, FollowsATopicThatGrows) {
  for (int i = 0; i < 3; ++i) add(std::to_string(i), "foobar");
  add("x", "foobar", other);
  count = 1000;
  drain(true);
  EXPECT_THAT(take_given(), ElementsAre("0", "x"));
  ASSERT_GE(places[0], 8);
  EXPECT_EQ(topic.partitioner.count(), 1000);
  add("3", "foobar");

  settle(places[0]);  // it has proven itself
  now += 1ms;
  drain();
  EXPECT_THAT(take_given(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(places.back(), places.front());
}

// The library has one that it cannot place yet: after an outage, of a topic that it has forgotten.
TEST_F(AccumulatorTest, FollowsATopicThatGrowsWhileARecordHasNoPlace) {
  add("1", "foobar");
  topic.partitioner.begin_handover(Partitioner::kNone, true, now);
  ASSERT_EQ(topic.partitioner.end_handover(true, kBytes), Partitioner::kNone);
  count = 1000;
  topic.partitioner.set_count(count);
  accumulator.follow(topic, now);
  drain(true);
  EXPECT_THAT(given, ElementsAre());

  topic.partitioner.settle(Partitioner::kNone, 0, true, now);
  drain(true);
  EXPECT_THAT(given, ElementsAre("1"));
  EXPECT_EQ(places.back(),
            rd_kafka_msg_partitioner_murmur2(nullptr, "foobar", 6, count, nullptr, nullptr));
}

TEST_F(AccumulatorTest, GivesEverythingBackByPartition) {
  add("1", "abc");
  add("2", "foobar");
  add("3", "abc", other);
  drain();
  EXPECT_EQ(accumulator.due(), now + 5ms);
  std::vector<std::string> taken;
  accumulator.take_all(
      [&](const Topic&, const Record& record) { taken.emplace_back(record.value); });
  EXPECT_THAT(taken, ElementsAre("1", "2", "3"));
  EXPECT_EQ(accumulator.records(), 0U);
  EXPECT_EQ(accumulator.due(), Partitioner::Time::max());
  drain(true);
  EXPECT_THAT(given, ElementsAre());
  add("4", "abc");
  drain(true);
  EXPECT_THAT(given, ElementsAre("4"));
}

}  // namespace
}  // namespace sluice::connectors::kafka
