// What all conditions (`$where`) together may cost: time in a turn, and memory.
#include <algorithm>
#include <atomic>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::PropertyId;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::Each;
using testing::ElementsAre;

using Clients = std::vector<std::unique_ptr<ScriptedClient>>;

// Takes nearly all the steps that a condition may take about a message, and is true. Each number
// makes another one.
std::string costly(int number) {
  return "payload LIKE '%aab%' AND payload LIKE '%" + std::to_string(number % 10) + "' OR $qos > " +
         std::to_string(100 + number);
}
std::string costly_payload(int number) {
  return std::string(1500, 'a') + "b" + std::to_string(number % 10);
}

class ConditionTurnsTest : public testing::Test {
 protected:
  ConditionTurnsTest() { restart({}); }
  void restart(const Limits& limits) {
    readers.clear();
    publisher.reset();
    server = std::make_unique<BrokerUnderTest>(store, limits);
    if (const auto loaded = server->broker.load(); !loaded) ADD_FAILURE() << loaded.error().detail;
    publisher = std::make_unique<ScriptedClient>(*server);
    publisher->connect("publisher");
  }

  ReasonCode subscribe(ScriptedClient& client, std::string_view filter, std::string_view where,
                       Qos qos = Qos::AtLeastOnce) {
    std::string properties;
    mqtt::PropertyWriter(properties).user("$where", where);
    const auto answers = client.subscribe_with(properties, filter, qos);
    return answers.size() == 1 ? answers.front().reasons.front() : ReasonCode::UnspecifiedError;
  }
  void add_readers(int count, Qos qos, std::string_view filter = "plant/+") {
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<int>(readers.size());
      readers.push_back(std::make_unique<ScriptedClient>(*server));
      readers.back()->connect("reader" + std::to_string(number), true, kLong);
      const auto where = "(" + costly(number) + ") OR payload LIKE 'a%'";
      EXPECT_EQ(subscribe(*readers.back(), filter, where, qos), static_cast<ReasonCode>(qos));
    }
  }
  void send(std::string_view payload, Qos qos = Qos::AtLeastOnce) {
    publisher->publish("plant/1", payload, qos, qos == Qos::AtMostOnce ? 0 : ++packet_id_);
  }
  void end_turn() {
    server->broker.worker(0).loop().poll();
    server->broker.worker(0).end_turn();
  }
  // What has come to each since the last time.
  std::vector<std::size_t> received() {
    std::vector<std::size_t> counts;
    for (const auto& reader : readers) {
      counts.push_back(0);
      for (const auto& message : reader->take<mqtt::Publish>()) {
        ++counts.back();
        if (message.qos == Qos::AtLeastOnce) reader->ack(PacketType::Puback, message.packet_id);
      }
    }
    return counts;
  }
  void finish() {
    for (int i = 0; i < 50; ++i) server->make_durable();
  }
  [[nodiscard]] std::uint64_t first_publish() {
    const std::vector<std::string> filters{"plant/#"};
    const auto all = store.scan_log({.filters = filters, .after = {}, .before = store.durable()});
    return all->entries.front().message->position().get();
  }
  [[nodiscard]] std::uint64_t turns_spent() const {
    return server->broker.counters().condition_turns_spent.value();
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server;
  std::unique_ptr<ScriptedClient> publisher;
  Clients readers;

 private:
  std::uint16_t packet_id_ = 0;
};

TEST_F(ConditionTurnsTest, LeaveWhatATurnHasNoTimeForToTheNext) {
  for (const auto qos : {Qos::AtMostOnce, Qos::AtLeastOnce}) {
    restart({});
    add_readers(200, qos);
    const auto before = turns_spent();

    send(costly_payload(3), qos);
    end_turn();

    const auto first = received();
    const auto served = std::ranges::count(first, 1U);
    EXPECT_GT(served, 0);
    EXPECT_LT(served, 200);
    EXPECT_EQ(turns_spent(), before + 1);

    finish();
    auto all = received();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += first[i];
    EXPECT_THAT(all, Each(1U));
  }
}

// As a fleet has it: also for those who were away, and read what waits each on its own.
TEST_F(ConditionTurnsTest, AskACommonConditionOnce) {
  for (int i = 0; i < 100; ++i) {
    readers.push_back(std::make_unique<ScriptedClient>(*server));
    readers.back()->connect("reader" + std::to_string(i), true, kLong);
    subscribe(*readers.back(), "plant/+", costly(1));
    readers.back()->drop();
  }
  for (int i = 0; i < 200; ++i) send(costly_payload(1));
  finish();
  EXPECT_EQ(turns_spent(), 0U);  // nobody is there: nothing is asked

  for (int i = 0; i < 100; ++i) {
    readers[static_cast<std::size_t>(i)] = std::make_unique<ScriptedClient>(*server);
    readers[static_cast<std::size_t>(i)]->connect("reader" + std::to_string(i), false, kLong);
  }
  finish();
  EXPECT_THAT(received(), Each(200U));
  EXPECT_LE(turns_spent(), 4U);  // 200 messages, not 20,000
}

TEST_F(ConditionTurnsTest, ServeOthersInBetween) {
  add_readers(100, Qos::AtLeastOnce);
  add_readers(100, Qos::AtMostOnce);
  ScriptedClient canary(*server);
  canary.connect("canary");
  canary.subscribe("canary/+", Qos::AtLeastOnce);
  for (int i = 0; i < 10; ++i) send(costly_payload(i));
  end_turn();

  publisher->publish("canary/1", "here", Qos::AtLeastOnce, 1000);
  end_turn();

  EXPECT_THAT(canary.take_payloads(), ElementsAre("here"));
  EXPECT_THAT(received(), testing::Contains(testing::Lt(10U)));  // much is left to do
  for (int i = 0; i < 4; ++i) {
    finish();
    received();
  }
  EXPECT_FALSE(server->broker.worker(0).condition_turns().some_wait());
}

TEST_F(ConditionTurnsTest, KeepTheOrderOfMessages) {
  add_readers(80, Qos::AtMostOnce);
  add_readers(80, Qos::AtLeastOnce);
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back(costly_payload(i) + "," + std::to_string(i));
    send(sent.back());
    if (i % 3 == 0) end_turn();
  }
  finish();
  for (const auto& reader : readers)
    ASSERT_THAT(reader->take_payloads(), testing::ElementsAreArray(sent));
}

TEST_F(ConditionTurnsTest, GiveEachItsTurnWhileNewMessagesCome) {
  add_readers(200, Qos::AtLeastOnce);
  std::vector<std::size_t> all(readers.size());
  for (int round = 0; round < 20; ++round) {
    send(costly_payload(round));
    end_turn();
    const auto now = received();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += now[i];
  }
  EXPECT_THAT(all, Each(testing::Gt(0U)));
}

TEST_F(ConditionTurnsTest, HoldForGroupsToo) {
  add_readers(60, Qos::AtLeastOnce, "$share/g/plant/+");
  for (int i = 0; i < 20; ++i) send(costly_payload(i));
  end_turn();
  auto first = received();
  EXPECT_LT(std::accumulate(first.begin(), first.end(), 0U), 20U);
  finish();
  const auto rest = received();
  EXPECT_EQ(std::accumulate(first.begin(), first.end(), 0U) +
                std::accumulate(rest.begin(), rest.end(), 0U),
            20U);
}

TEST_F(ConditionTurnsTest, DropQos0BeyondABound) {
  add_readers(200, Qos::AtMostOnce);
  const std::string large(1000000, 'a');
  for (int i = 0; i < 40; ++i) {
    send(large, Qos::AtMostOnce);
    end_turn();
  }
  EXPECT_GT(server->broker.counters().dropped_unjudged.value(), 0U);
  for (int i = 0; i < 10; ++i) finish();
  const auto counts = received();
  const auto came = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  EXPECT_EQ(came + server->broker.counters().dropped_unjudged.value() +
                server->broker.counters().not_judged.value(),
            200U * 40);
}

// --- memory

TEST_F(ConditionTurnsTest, TakeNoMoreMemoryThanTheyMay) {
  Limits limits;
  limits.conditions_bytes = 6000;
  restart(limits);
  ScriptedClient client(*server);
  client.connect("reader", true, kLong);
  int granted = 0;
  auto answer = ReasonCode::GrantedQos1;
  for (; granted < 20; ++granted) {
    answer = subscribe(client, "t/" + std::to_string(granted), costly(granted));
    if (answer != ReasonCode::GrantedQos1) break;
  }
  EXPECT_EQ(answer, ReasonCode::QuotaExceeded);
  EXPECT_GT(granted, 1);
  EXPECT_LE(server->broker.conditions().bytes(), 6000U);
  EXPECT_EQ(server->broker.counters().conditions_refused.value(), 1U);
  EXPECT_EQ(subscribe(client, "same", costly(0)), ReasonCode::GrantedQos1);  // takes none

  store.crash();
  Limits less;
  less.conditions_bytes = 1;
  restart(less);  // what was granted stays
  EXPECT_GT(server->broker.conditions().bytes(), 1U);
  ScriptedClient again(*server);
  again.connect("reader", false, kLong);
  EXPECT_EQ(subscribe(again, "other", "$qos = 1"), ReasonCode::QuotaExceeded);
}

TEST_F(ConditionTurnsTest, GiveTheirMemoryBack) {
  EXPECT_EQ(server->broker.conditions().bytes(), 0U);
  ScriptedClient client(*server);
  client.connect("reader");
  subscribe(client, "plant/+", costly(1));
  const auto one = server->broker.conditions().bytes();
  EXPECT_GT(one, 500U);
  subscribe(client, "$share/g/plant/+", costly(1));
  EXPECT_EQ(server->broker.conditions().bytes(), one);
  send("of no interest");  // a match that names the condition
  finish();
  client.subscribe("plant/+", Qos::AtLeastOnce);
  client.subscribe("$share/g/plant/+", Qos::AtLeastOnce);
  send("another match");
  finish();
  EXPECT_EQ(server->broker.conditions().bytes(), 0U);
}

// More wait for one than may read at a time, and those whose turn it is have gone.
TEST_F(ConditionTurnsTest, LetTheNextReadFilesWhenOthersThatWaitedAreGone) {
  constexpr int kCount = 2 * static_cast<int>(kReadsToBeJudged) + 1;
  add_readers(kCount, Qos::AtLeastOnce);
  for (const auto& reader : readers) reader->drop();
  send("a1");
  send("a2");
  server->make_durable();
  store.damage(store::Position(first_publish()));
  std::atomic<bool> is_held = true;
  store.before_reads([&] { is_held.wait(true); });
  for (int i = 0; i < kCount; ++i) {
    readers[static_cast<std::size_t>(i)] = std::make_unique<ScriptedClient>(*server);
    readers[static_cast<std::size_t>(i)]->connect("reader" + std::to_string(i), false, kLong);
  }
  const auto& last = readers.back();

  for (std::size_t i = kReadsToBeJudged; i + 1 < readers.size(); ++i) readers[i]->drop();
  is_held.store(false);
  is_held.notify_all();

  std::vector<std::string> got;
  for (int i = 0; i < 100 && got.empty(); ++i) {
    server->await(std::chrono::milliseconds(50));
    finish();
    got = last->take_payloads();
  }
  EXPECT_THAT(got, ElementsAre("a2"));
}

// Otherwise the back-logs of a few keep all others from reading until they are at their end.
TEST_F(ConditionTurnsTest, WhoHasReadWaitsBehindThoseWhoHaveWaited) {
  add_readers(static_cast<int>(kReadsToBeJudged) + 1, Qos::AtLeastOnce);
  auto& worker = server->broker.worker(0);
  auto& turns = worker.condition_turns();
  for (std::size_t i = 0; i < kReadsToBeJudged; ++i)
    ASSERT_TRUE(turns.begin_read(worker.find_session("reader" + std::to_string(i))));
  const auto last = worker.find_session("reader" + std::to_string(kReadsToBeJudged));
  ASSERT_FALSE(turns.begin_read(last));

  turns.end_read();

  EXPECT_FALSE(turns.begin_read(worker.find_session("reader0")));
  for (std::size_t i = 1; i < kReadsToBeJudged; ++i) turns.end_read();
}

}  // namespace
}  // namespace sluice::broker::test
