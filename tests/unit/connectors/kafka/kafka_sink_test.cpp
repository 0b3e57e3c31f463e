#include "connectors/kafka/kafka_sink.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mock_kafka.hpp"
#include "support/eventually.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using connect::Delivery;
using connect::Record;
using connect::Verdict;
using test::eventually;

// A sink to a mock cluster, and what it reported.
class KafkaSinkTest : public testing::Test {
 protected:
  void open(const json::object& changes = {}) { open_to(kafka, changes); }
  void open_to(const MockKafka& cluster, const json::object& changes) {
    const connect::SinkConfig config{.connection = cluster.settings(),
                                     .sink = MockKafka::sink(changes),
                                     .client_id = "c-t-0",
                                     .task_id = "id"};
    auto made = KafkaSink::make(config, {.on_ready = [this] { ++calls; }});
    ASSERT_TRUE(made) << made.error().detail;
    sink = std::move(*made);
  }
  // The key "21" goes to the first broker, "abc" to the second.
  void open_to_two_leaders(MockKafka& two) {
    two.create("t", 2);
    two.lead("t", 0, 1);
    two.lead("t", 1, 2);
    open_to(two, {{"linger_ms", 0}});
  }
  // A partition that has acknowledged nothing of a producer gets one record, and a batch after it.
  void prove(const std::string& topic = "t") {
    write(record("first", "k", topic));
    ASSERT_TRUE(is_delivered(1));
    outcomes.clear();
  }
  Record record(const std::string& value, const std::string& key = "k",
                const std::string& topic = "t") {
    texts.push_back(value);
    const auto& kept_value = texts.back();
    texts.push_back(key);
    const auto& kept_key = texts.back();
    texts.push_back(topic);
    return {.token = next_token++,
            .topic = texts.back(),
            .key = kept_key,
            .value = kept_value,
            .timestamp_ms = 1'714'564'800'000,
            .headers = {}};
  }
  // Offers the records until all are taken.
  void write(std::span<const Record> records) {
    ASSERT_TRUE(eventually([&] {
      collect();
      while (!records.empty()) {
        const auto taken = sink->write(records);
        if (!taken) last_error = taken.error().detail;
        if (!taken || *taken == 0) return false;
        records = records.subspan(*taken);
      }
      return true;
    })) << last_error;
  }
  void write(const Record& record) { write(std::span(&record, 1)); }
  // The library sends as soon as it has anything: while nobody answers, it gathers.
  void write_as_one_batch(std::span<const Record> records) {
    kafka.down(1);
    write(records);
    kafka.up(1);
  }
  void collect() {
    std::vector<Delivery> news;
    static_cast<void>(sink->collect(news));
    std::ranges::move(news, std::back_inserter(outcomes));
  }
  std::size_t count(Verdict verdict) {
    collect();
    return static_cast<std::size_t>(std::ranges::count(outcomes, verdict, &Delivery::verdict));
  }
  bool has_outcomes(std::size_t number) {
    return eventually([&] {
      sink->flush();
      collect();
      return outcomes.size() >= number;
    });
  }
  bool is_delivered(std::size_t number) {
    return eventually([&] { return count(Verdict::Delivered) == number; });
  }
  // Of what was not delivered.
  std::string reasons() {
    std::string all;
    for (const auto& outcome : outcomes)
      if (outcome.verdict != Verdict::Delivered) all += outcome.reason + "\n";
    return all;
  }
  std::string away() {
    collect();
    return std::string(sink->away());
  }

  MockKafka kafka;
  std::deque<std::string> texts;
  std::uint64_t next_token = 1;
  std::string last_error;
  std::atomic<int> calls{0};
  std::vector<Delivery> outcomes;
  std::unique_ptr<connect::Sink> sink;
};

TEST_F(KafkaSinkTest, DeliversRecordsAsTheyAre) {
  kafka.create("t", 1);
  open();
  auto full = record("value", "key");
  const std::vector<std::pair<std::string_view, std::string_view>> headers = {
      {"a", "1"}, {"b", ""}, {"a", std::string_view("2\0x", 3)}};
  full.headers = headers;
  auto empty = record("");
  empty.value = {};
  empty.key.reset();

  write(full);
  write(empty);

  ASSERT_TRUE(is_delivered(2));
  const auto consumed = kafka.consume("t", 2);
  ASSERT_EQ(consumed.size(), 2U);
  EXPECT_EQ(consumed[0].value, "value");
  EXPECT_EQ(consumed[0].key, "key");
  EXPECT_EQ(consumed[0].timestamp_ms, 1'714'564'800'000);
  EXPECT_EQ(consumed[0].headers, (std::vector<std::pair<std::string, std::string>>{
                                     {"a", "1"}, {"b", ""}, {"a", std::string("2\0x", 3)}}));
  EXPECT_EQ(consumed[1].key, std::nullopt);
  EXPECT_FALSE(consumed[1].is_tombstone);
  EXPECT_EQ(consumed[1].value, "");
}

// The partition must be the one that Java's producers choose: murmur2 of the key.
TEST_F(KafkaSinkTest, ChoosesPartitionsAsJavaDoes) {
  kafka.create("t", 8);
  open();
  // (murmur2(key) & 0x7fffffff) % 8, by an own reading of Kafka's Utils.murmur2.
  const std::map<std::string, int> expected = {
      {"21", 4},
      {"foobar", 6},
      {"a-little-bit-long-string", 0},
      {"a-little-bit-longer-string", 3},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5},
      {"abc", 3},
      {"meter-1", 0}};
  for (const auto& [key, partition] : expected) write(record(key, key));

  ASSERT_TRUE(is_delivered(expected.size()));

  std::map<std::string, int> seen;
  for (const auto& consumed : kafka.consume("t", expected.size()))
    seen[consumed.value] = consumed.partition;
  EXPECT_EQ(seen, expected);
}

// One request at a time: the mock takes a later request after it refused an earlier one.
TEST_F(KafkaSinkTest, KeepsOrderOverErrorsThatTheLibraryRetries) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});

  std::vector<Record> rest;
  for (int i = 1; i < 200; ++i) rest.push_back(record(std::to_string(i)));
  write_as_one_batch(rest);

  ASSERT_TRUE(eventually([&] { return count(Verdict::Delivered) == 200; }));
  const auto consumed = kafka.consume("t", 200);
  ASSERT_EQ(consumed.size(), 200U);
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(consumed[static_cast<std::size_t>(i)].value, std::to_string(i));
}

// A broker does so, too, where it knows nothing of the producer: in a topic that was just made.
TEST_F(KafkaSinkTest, LosesNothingInANewTopicThatRefusesTheFirstAndTakesTheNext) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  std::vector<Record> all;
  for (int i = 0; i < 20; ++i) all.push_back(record(std::to_string(i)));
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  kafka.round_trip_ms(1, 200);  // longer than a few wait for those before them

  write(all.front());
  write(std::span(all).subspan(1));

  ASSERT_TRUE(is_delivered(20));
  const auto consumed = kafka.consume("t", 20);
  ASSERT_EQ(consumed.size(), 20U);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(consumed[static_cast<std::size_t>(i)].value, std::to_string(i));
}

TEST_F(KafkaSinkTest, APartitionThatHasYetToAnswerHoldsUpNoOther) {
  MockKafka two(2);
  open_to_two_leaders(two);
  two.answer_late(1, kProduceRequest, {6000});

  const Record all[] = {record("0", "21"), record("1", "21"), record("2", "abc"),
                        record("3", "abc")};
  write(all);

  ASSERT_TRUE(eventually([&] { return count(Verdict::Delivered) >= 2; }));
  EXPECT_EQ(outcomes[0].token, all[2].token);
  EXPECT_EQ(outcomes[1].token, all[3].token);
  ASSERT_TRUE(is_delivered(4));
}

TEST_F(KafkaSinkTest, GivesBackWhatWaitsForItsPartition) {
  kafka.create("t", 2);
  open({{"linger_ms", 0}});
  write(record("0", "21"));
  ASSERT_TRUE(is_delivered(1));
  kafka.down(1);
  const Record all[] = {record("1", "abc"), record("2", "abc"), record("3", "abc")};
  write(all);

  sink->abandon();

  ASSERT_TRUE(has_outcomes(4));
  EXPECT_EQ(count(Verdict::RetryLater), 3U);
  EXPECT_FALSE(outcomes.back().maybe_arrived);
}

// The one that is to blame comes first, whose reason is shown and who is given up one day.
TEST_F(KafkaSinkTest, GivesTheCulpritBackBeforeWhatWaitedForIt) {
  kafka.create("t", 2);
  open({{"linger_ms", 0}});
  for (int round = 0; round < 5; ++round) {
    outcomes.clear();
    kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    const Record all[] = {record("1"), record("2"), record("3")};
    write(all);

    ASSERT_TRUE(has_outcomes(3));
    ASSERT_EQ(count(Verdict::RetryLater), 3U);
    EXPECT_EQ(outcomes.front().token, all[0].token);
    EXPECT_THAT(outcomes.front().reason, testing::HasSubstr("WRITE"));
    EXPECT_EQ(outcomes.back().reason, "topic t: it waited for a record that came back");
  }
}

// Whatever the client library takes for a number, and the API therefore, too.
TEST_F(KafkaSinkTest, TakesOddNumbersAsTheLibraryDoes) {
  kafka.create("t", 1);
  for (const auto* number : {"-99999999999999999999", "0x10", "9223372032559808522"}) {
    auto connection = kafka.settings();
    connection["properties"] = {{"sticky.partitioning.linger.ms", number}};
    auto made = KafkaSink::make(
        {.connection = connection, .sink = MockKafka::sink(), .client_id = "c", .task_id = "id"},
        {.on_ready = [] {}});
    ASSERT_TRUE(made) << number;
    outcomes.clear();
    sink = std::move(*made);
    auto keyless = record(number);
    keyless.key.reset();
    write(keyless);
    ASSERT_TRUE(is_delivered(1)) << number;
  }
}

// As when a topic is deleted and made again under a task that runs.
TEST_F(KafkaSinkTest, GivesBackWhatTheLibraryTakesForWrittenAndNoBrokerAcknowledged) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  kafka.round_trip_ms(1, 1000);

  // Of one round, and in two batches: the library has sent the first before the second comes.
  const auto refused = record("1");
  write(refused);
  std::this_thread::sleep_for(400ms);
  const auto next = record("2");
  ASSERT_EQ(sink->write(std::span(&next, 1)).value_or(0), 1U);

  ASSERT_TRUE(has_outcomes(3));
  EXPECT_EQ(count(Verdict::Delivered), 2U);
  const auto back = std::ranges::find(outcomes, Verdict::RetryLater, &Delivery::verdict);
  ASSERT_NE(back, outcomes.end());
  EXPECT_EQ(back->token, refused.token);
  EXPECT_TRUE(back->maybe_arrived);
  EXPECT_EQ(back->reason, "topic t: no broker acknowledged it, only what was sent after it");
  write(refused);
  ASSERT_TRUE(is_delivered(3));
  EXPECT_EQ(kafka.consume("t", 3).size(), 3U);
}

TEST_F(KafkaSinkTest, RejectsTopicsThatKafkaCannotHave) {
  open();

  write(record("v", "k", "a/b"));
  write(record("v", "k", ".."));
  write(record("v", "k", std::string(250, 'x')));
  write(record("v", "k", ""));

  EXPECT_EQ(count(Verdict::Rejected), 4U);
  EXPECT_EQ(outcomes.front().reason,
            "a Kafka topic's name is made of letters, digits and . _ - only");
}

TEST_F(KafkaSinkTest, WaitsForATopicThatIsMissing) {
  kafka.create("t", 1);
  kafka.topic_error("t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  open();
  const auto waiting = record("v");

  const auto taken = sink->write(std::span(&waiting, 1));

  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::Unavailable);
  EXPECT_NE(taken.error().detail.find("topic t"), std::string::npos);
  EXPECT_NE(taken.error().detail.find("/sink/create"), std::string::npos);
  kafka.topic_error("t", RD_KAFKA_RESP_ERR_NO_ERROR);
  write(waiting);
  ASSERT_TRUE(is_delivered(1));
}

// After a refusal nothing that came later may overtake: it all comes back, and nothing of it is
// at the broker.
TEST_F(KafkaSinkTest, GivesEverythingBackInOrderWhenItIsNotAuthorized) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});

  std::vector<Record> rest;
  for (int i = 1; i < 50; ++i) rest.push_back(record(std::to_string(i)));
  write(std::span(rest).first(1));
  ASSERT_TRUE(eventually([&] { return count(Verdict::RetryLater) == 1; }));
  EXPECT_NE(outcomes.back().reason.find("WRITE"), std::string::npos);
  EXPECT_FALSE(outcomes.back().maybe_arrived);
  write(rest);

  ASSERT_TRUE(is_delivered(50));
  const auto consumed = kafka.consume("t", 50);
  ASSERT_EQ(consumed.size(), 50U);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(consumed[static_cast<std::size_t>(i)].value, std::to_string(i));
}

// A broker that is about to stop says that it does not lead what it has written already.
TEST_F(KafkaSinkTest, WhatIsAbandonedAfterAnAnswerThatProvesNothingMayHaveArrived) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.push_errors(kProduceRequest, std::vector(100, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION));

  write(record("1"));
  sink->flush();
  sink->abandon();

  ASSERT_TRUE(eventually([&] { return count(Verdict::RetryLater) == 1; }));
  EXPECT_TRUE(outcomes.back().maybe_arrived);
}

// A batch that is refused for one record does not take the others with it: in the end each that the
// broker takes is there, and the one it does not take is rejected alone.
TEST_F(KafkaSinkTest, FindsTheOneRecordThatIsInvalid) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  prove();
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD});
  std::map<std::uint64_t, Record> waiting;
  std::vector<Record> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(record(std::to_string(i)));
    waiting.emplace(all.back().token, all.back());
  }
  write_as_one_batch(all);

  // As the runtime does it: what comes back goes again once everything is settled.
  std::size_t seen = 0;
  std::size_t in_sink = all.size();
  std::map<std::uint64_t, Record> ready;
  const bool finished = eventually([&] {
    collect();
    for (; seen < outcomes.size(); ++seen) {
      --in_sink;
      if (outcomes[seen].verdict == Verdict::RetryLater)
        ready.emplace(outcomes[seen].token, waiting.at(outcomes[seen].token));
    }
    if (in_sink == 0 || !ready.empty()) {
      std::vector<Record> batch;
      for (const auto& [token, made] : ready) batch.push_back(made);
      const auto taken = sink->write(batch);
      for (std::size_t i = 0; taken && i < *taken; ++i) ready.erase(batch[i].token);
      if (taken) in_sink += *taken;
    }
    return count(Verdict::Delivered) + count(Verdict::Rejected) == 5;
  });

  ASSERT_TRUE(finished);
  EXPECT_EQ(count(Verdict::Rejected), 1U);
  EXPECT_EQ(count(Verdict::Delivered), 4U);
  const auto consumed = kafka.consume("t", 5);
  ASSERT_EQ(consumed.size(), 5U);
  const std::string expected[] = {"first", "0", "2", "3", "4"};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(consumed[i].value, expected[i]);
}

// The mock does not tell its limits: then Kafka's default is only a guess.
TEST_F(KafkaSinkTest, LetsTheBrokerDecideWhereTheLimitCannotBeRead) {
  kafka.create("t", 1);
  open();
  kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});

  write(record(std::string(2'000'000, 'x')));
  ASSERT_TRUE(has_outcomes(1));
  EXPECT_EQ(count(Verdict::Rejected), 1U);
  write(record(std::string(2'000'000, 'y')));
  write(record("small"));

  ASSERT_TRUE(is_delivered(2));
}

// Company must not be a record's fault: what was refused together is not rejected, and it is known
// that there is no need to wait. Into how many batches the library cuts them is its own affair, so
// each round sends what came back from the last one.
TEST_F(KafkaSinkTest, SendsARefusedBatchAgainInHalves) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  std::vector<Record> left;
  for (int i = 0; i < 64; ++i) left.push_back(record(std::string(100, 'a') + std::to_string(i)));

  int refused = 0;
  int rounds = 0;
  for (; !left.empty(); ++rounds) {
    outcomes.clear();
    prove();
    if (refused < 3) kafka.push_errors(kProduceRequest, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    write_as_one_batch(left);
    ASSERT_TRUE(has_outcomes(left.size())) << refused;
    ASSERT_EQ(count(Verdict::Rejected), 0U);
    // What stood behind a refused batch comes back with the producer, and says nothing of its own.
    if (count(Verdict::RetryLater) > 0) {
      ++refused;
      EXPECT_TRUE(std::ranges::any_of(outcomes, &Delivery::at_once));
    }
    std::erase_if(left, [&](const Record& sent) {
      const auto outcome = std::ranges::find(outcomes, sent.token, &Delivery::token);
      return outcome->verdict == Verdict::Delivered;
    });
  }

  EXPECT_EQ(refused, 3);
  const auto all = 64 + static_cast<std::size_t>(rounds);
  EXPECT_EQ(kafka.consume("t", all).size(), all);
}

// Whatever comes while a batch is on its way goes together once that one is there.
TEST_F(KafkaSinkTest, GathersForAPartitionWhileItsBatchIsOnTheWay) {
  kafka.create("t", 1);
  open({{"linger_ms", 0}});
  prove();
  kafka.round_trip_ms(1, 1000);
  const auto begun = std::chrono::steady_clock::now();

  write(record("1"));
  for (int i = 2; i < 12; ++i) write(record(std::to_string(i)));

  ASSERT_TRUE(eventually([&] { return count(Verdict::Delivered) > 0; }));
  EXPECT_EQ(count(Verdict::Delivered), 1U);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1000ms);
  ASSERT_TRUE(is_delivered(11));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 2000ms);
  for (std::size_t i = 0; i < 11; ++i) EXPECT_EQ(outcomes[i].token, outcomes[0].token + i);
}

TEST_F(KafkaSinkTest, ABatchWithoutAnAnswerHoldsUpNoOtherPartition) {
  MockKafka two(2);
  open_to_two_leaders(two);
  write(record("0", "21"));
  write(record("1", "abc"));
  ASSERT_TRUE(is_delivered(2));
  outcomes.clear();
  two.answer_late(1, kProduceRequest, {6000});

  const auto first = next_token;
  for (int i = 0; i < 10; ++i) {
    write(record("a", "21"));
    write(record("b", "abc"));
  }

  ASSERT_TRUE(eventually([&] { return count(Verdict::Delivered) >= 10; }));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(outcomes[i].token, first + 2 * i + 1);
  ASSERT_TRUE(is_delivered(20));
}

TEST_F(KafkaSinkTest, WaitsForOthersAsLongAsTheDocumentSays) {
  kafka.create("t", 1);
  open({{"linger_ms", 3002}});  // two of them are the runtime's: Sink::gathers_for()
  write(record("0"));
  sink->flush();
  ASSERT_TRUE(is_delivered(1));
  const auto begun = std::chrono::steady_clock::now();
  write(record("1"));
  std::vector<Delivery> none;
  const auto again = sink->collect(none);
  EXPECT_GT(again, 0ms);
  EXPECT_LE(again, 3000ms);

  ASSERT_TRUE(is_delivered(2));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 2999ms);
}

// No longer than a batch takes to be full.
TEST_F(KafkaSinkTest, LetsAFullBatchGoAtOnce) {
  kafka.create("t", 1);
  open({{"linger_ms", 60'000}, {"batch_bytes", 16'384}});
  std::vector<Record> many;
  for (int i = 0; i < 20; ++i) many.push_back(record(std::string(1000, 'x')));
  write(many);
  // The first of them alone, to prove the partition: the rest is a full batch, and a part of one.
  ASSERT_TRUE(eventually([&] { return count(Verdict::Delivered) > 1; }));
  ASSERT_TRUE(has_outcomes(20));
  EXPECT_EQ(count(Verdict::Delivered), 20U);
}

// Where the library finds out only while a record waits here.
TEST_F(KafkaSinkTest, SaysWhyWhatLingeredIsNotTaken) {
  kafka.create("t", 1);
  auto connection = kafka.settings();
  connection["properties"] = {{"topic.metadata.refresh.interval.ms", "100"}};
  auto made = KafkaSink::make({.connection = connection,
                               .sink = MockKafka::sink({{"linger_ms", 5}}),
                               .client_id = "c",
                               .task_id = "id"},
                              {.on_ready = [] {}});
  ASSERT_TRUE(made) << made.error().detail;
  sink = std::move(*made);
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.topic_error("t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  std::this_thread::sleep_for(2s);  // it asks again meanwhile

  const Record two[] = {record("1"), record("2")};
  write(two);

  ASSERT_TRUE(eventually([&] { return count(Verdict::RetryLater) == 2; }));
  EXPECT_EQ(outcomes[1].token, two[0].token);
  EXPECT_TRUE(outcomes[1].was_tried);
  EXPECT_THAT(outcomes[1].reason, testing::HasSubstr("topic t: Local: Unknown topic"));
  EXPECT_FALSE(outcomes[2].was_tried);
  std::vector<Delivery> none;
  EXPECT_EQ(sink->collect(none), connect::Sink::kNotByItself);
  const auto again = sink->write(two);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().detail, testing::HasSubstr("topic t"));
}

TEST_F(KafkaSinkTest, RejectsWhatIsLargerThanItsBuffer) {
  kafka.create("t", 1);
  for (const int linger_ms : {0, 5}) {
    outcomes.clear();
    open({{"linger_ms", linger_ms}, {"buffer_bytes", 100'000}});
    write(record(std::string(200'000, 'x')));
    ASSERT_TRUE(eventually([&] { return count(Verdict::Rejected) == 1; })) << linger_ms;
    EXPECT_THAT(outcomes.front().reason, testing::HasSubstr("buffer_bytes"));
  }
}

TEST_F(KafkaSinkTest, TellsThatEveryBrokerIsGoneAndWhenOneIsBack) {
  kafka.create("t", 1);
  open();
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));

  kafka.down(1);
  write(record("1"));
  ASSERT_TRUE(eventually([&] { return away().starts_with("no Kafka broker"); })) << away();
  EXPECT_EQ(count(Verdict::Delivered), 1U);
  kafka.up(1);

  ASSERT_TRUE(is_delivered(2));
  ASSERT_TRUE(eventually([&] { return away().empty(); })) << away();
  EXPECT_EQ(kafka.consume("t", 2).size(), 2U);
}

TEST_F(KafkaSinkTest, GivesBackWhatItHoldsWhenItIsAbandoned) {
  kafka.create("t", 1);
  open();
  write(record("0"));
  ASSERT_TRUE(is_delivered(1));
  kafka.down(1);
  for (int i = 0; i < 10; ++i) write(record("x"));

  sink->abandon();

  ASSERT_TRUE(has_outcomes(11));
  EXPECT_EQ(count(Verdict::RetryLater), 10U);
}

TEST_F(KafkaSinkTest, TakesOnlyWhatHasRoom) {
  kafka.create("t", 1);
  open({{"buffer_bytes", 1 << 20}});
  kafka.down(1);
  std::vector<Record> many;
  for (int i = 0; i < 20; ++i) many.push_back(record(std::string(100'000, 'x')));
  const auto first = sink->write(many);  // nobody answers: nothing is known of the topic
  EXPECT_FALSE(first);
  kafka.up(1);
  write(many.front());
  ASSERT_TRUE(is_delivered(1));
  kafka.round_trip_ms(1, 300);

  const auto taken = sink->write(std::span(many).subspan(1));

  ASSERT_TRUE(taken);
  EXPECT_GT(*taken, 5U);
  EXPECT_LT(*taken, 12U);
  write(std::span(many).subspan(1 + *taken));
  ASSERT_TRUE(is_delivered(20));
}

TEST_F(KafkaSinkTest, WorksWithEveryCodec) {
  kafka.create("t", 1);
  std::size_t sent = 0;
  for (const auto* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    open({{"compression", codec}});
    for (int i = 0; i < 10; ++i) write(record(std::string(200, 'a')));
    sent += 10;
    ASSERT_TRUE(is_delivered(sent)) << codec;
  }
  EXPECT_EQ(kafka.consume("t", sent).size(), sent);
}

// The leader goes with a batch that it has written and not acknowledged. The mock looks at no
// sequence numbers: it writes that batch again, which a broker would not.
TEST_F(KafkaSinkTest, SpreadsOverBrokersAndSurvivesTheLossOfALeader) {
  MockKafka three(3);
  three.create("t", 6);
  open_to(three, {{"linger_ms", 0}});
  for (int i = 0; i < 60; ++i) write(record(std::to_string(i), std::to_string(i % 12)));
  ASSERT_TRUE(is_delivered(60));
  three.round_trip_ms(1, 500);
  for (int i = 60; i < 90; ++i) write(record(std::to_string(i), std::to_string(i % 12)));
  std::this_thread::sleep_for(100ms);
  three.down(1);
  for (int i = 90; i < 120; ++i) write(record(std::to_string(i), std::to_string(i % 12)));
  three.round_trip_ms(1, 0);
  three.up(1);

  ASSERT_TRUE(is_delivered(120)) << reasons();
  sink.reset();

  std::map<std::string, std::vector<int>> of_key;  // without those that are there again
  const auto all_are_there = [&] {
    std::size_t count = 0;
    of_key.clear();
    for (const auto& consumed : three.consume("t", 120)) {
      auto& known = of_key[*consumed.key];
      const auto number = std::stoi(consumed.value);
      if (std::ranges::find(known, number) != known.end()) continue;
      known.push_back(number);
      ++count;
    }
    return count == 120;
  };
  ASSERT_TRUE(eventually(all_are_there)) << testing::PrintToString(of_key);
  EXPECT_EQ(of_key.size(), 12U);
  for (const auto& [key, numbers] : of_key)
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << key << ": " << testing::PrintToString(numbers);
}

}  // namespace
}  // namespace sluice::connectors::kafka
