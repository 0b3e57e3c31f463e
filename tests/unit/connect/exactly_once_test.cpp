// What transactions are for: whatever the other side says and wherever the process dies, everything
// arrives once, in order per publisher. docs/adr/0041.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "connect/place.hpp"
#include "connect/totals.hpp"
#include "connect/worker.hpp"
#include "drawn_cluster.hpp"
#include "support/eventually.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using store::Cursor;
using store::Position;
using test::eventually;

Cursor cursor(std::uint64_t position, std::initializer_list<std::uint64_t> acknowledged) {
  Cursor out{Position(position), {}};
  for (const auto entry : acknowledged) out.acknowledged.emplace_back(entry);
  return out;
}

TEST(Place, IsReadAsItWasWritten) {
  const Place place{.task_id = "id",
                    .generation = 1'790'000'000'000,
                    .cursor = cursor(1'000'000'000'007, {1'000'000'000'009, 1'000'000'000'020}),
                    .newest = {.time_and_node = 7ULL << 50, .position = 1'000'000'000'020}};
  const auto read = decode_place(encode(place));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->task_id, place.task_id);
  EXPECT_EQ(read->generation, place.generation);
  EXPECT_EQ(read->cursor, place.cursor);
  EXPECT_EQ(read->newest, place.newest);
}

TEST(Place, WithSomethingAheadIsReadAsItWasWritten) {
  Place place{.task_id = "id", .generation = 1, .cursor = cursor(7, {9}), .newest = {}};
  place.cursor.ahead = {Position(20), Position(1'000'000'000'000)};
  const auto read = decode_place(encode(place));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->cursor, place.cursor);
}

TEST(Place, TheFurthestHasAheadWhatEitherHas) {
  auto one = cursor(5, {}), other = cursor(8, {});
  one.ahead = {Position(20), Position(30)};
  auto both = cursor(8, {});
  both.ahead = one.ahead;
  EXPECT_EQ(furthest(one, other), both);
  EXPECT_EQ(furthest(other, one), both);
  other.ahead = {Position(20), Position(25)};
  EXPECT_EQ(furthest(one, other), both);
  EXPECT_EQ(furthest(one, cursor(22, {40})), cursor(30, {40}));
  other = cursor(33, {});
  other.ahead = {Position(50), Position(60)};
  EXPECT_EQ(furthest(one, other), other);
}

TEST(Place, WhatIsNoneIsRefused) {
  const auto good = encode(Place{.task_id = "id", .generation = 1, .cursor = {}, .newest = {}});
  ASSERT_TRUE(decode_place(good));
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), good.substr(1),
        std::string(R"({"format":3,"task":"id"})"),
        std::string(R"({"format":2,"task":"id","generation":1,"position":1,"above":[],)"
                    R"("newest":"00000000000000000000000000000000"})"),
        std::string(R"({"format":1,"task":"id","generation":1,"position":1,"above":[-1],)"
                    R"("newest":"00000000000000000000000000000000"})"),
        std::string(R"({"format":1,"task":"id","generation":1,"position":1,"above":[],)"
                    R"("newest":"0"})")})
    EXPECT_FALSE(decode_place(bad)) << bad;
}

TEST(Place, TheFurthestIsDoneWithWhatEitherIs) {
  EXPECT_EQ(furthest(cursor(5, {7, 9}), cursor(8, {11})), cursor(8, {9, 11}));
  EXPECT_EQ(furthest(cursor(8, {11}), cursor(5, {7, 9})), cursor(8, {9, 11}));
  EXPECT_EQ(furthest(cursor(5, {7}), cursor(5, {6, 7})), cursor(5, {6, 7}));
}

class ExactlyOnce : public testing::TestWithParam<std::uint64_t> {
 protected:
  ExactlyOnce() {
    cluster.random.seed(GetParam());
    spec.name = "t";
    spec.exactly_once = true;
    spec.mapping.topic = *Template::compile("t");
    spec.mapping.key = *Template::compile("${client_id}");
    spec.retry_initial = 1ms;
    spec.retry_maximum = 2ms;
    spec.in_flight = 100;
    spec.drain_timeout = 1s;
    ids = {queues.acquire("a/#")->id, queues.acquire("+/b")->id};
  }
  void start() {
    const auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    Progress before;
    ASSERT_TRUE(load_totals(store, "id", before));
    worker = std::make_unique<Worker>(
        Worker::Context{.store = store,
                        .dead_letters = letters,
                        .clock = clock,
                        .counters = {counter, counter, counter, counter, counter, counter, counter,
                                     counter, counter, histogram},
                        .task_id = "id",
                        .node_name = "n",
                        .worker_name = "w",
                        .queues = ids,
                        .cursor = *bytes ? *store::decode_cursor(**bytes) : Cursor{},
                        .generation = generation,
                        .before = std::move(before)},
        spec, [this](Sink::Callbacks callbacks) {
          return Result<std::unique_ptr<Sink>>(
              std::make_unique<DrawnSink>(cluster, "id", std::move(callbacks)));
        });
    worker->start();
  }
  // As kill -9 would: neither the cursor nor the outcome of a transaction is known afterwards.
  void kill() {
    store.fail_appends(Errc::Closed);
    spec.drain_timeout = 0ms;
    worker.reset();
    spec.drain_timeout = 1s;
    store.crash();
    ASSERT_TRUE(letters.load());
  }
  void publish() {
    std::vector<test::Publication> turn;
    for (std::uint64_t i = 1 + random() % 40; i > 0; --i) {
      const auto publisher = static_cast<int>(random() % 5);
      const char* topics[] = {"a/b", "a/x", "z/b"};
      turn.push_back({.topic = topics[random() % 3], .payload = std::to_string(next[publisher]++)});
      turn.back().client_id = "p" + std::to_string(publisher);
      expected.insert({turn.back().client_id, turn.back().payload});
    }
    queues.publish_all(turn);
  }
  // Ends the worker, so that the cluster may be looked at.
  [[nodiscard]] bool is_all_done() {
    if (worker->progress().unfinished > 0 ||
        store.count_after(ids, worker->progress().cursor, 1) > 0)
      return false;
    return true;
  }
  std::set<std::pair<std::string, std::string>> dead() const {
    std::set<std::pair<std::string, std::string>> found;
    const auto page = letters.page("id", 1000, "");
    for (const auto& item : page->at("items").as_array()) {
      const auto& letter = item.as_object();
      const auto message =
          store.message_at(Position(letter.at("position").to_number<std::uint64_t>()));
      found.insert({std::string((*message)->client_id), std::string((*message)->payload)});
    }
    return found;
  }
  // Starts it, publishes, ends it in every way, and waits for the end.
  void live_and_die() {
    start();
    for (int step = 0; step < 60; ++step) {
      publish();
      const auto dice = random() % 6;
      if (dice == 0) {
        kill();
        start();
      } else if (dice == 1) {
        worker->stop();
        start();
      }
    }
    // A transaction whose answer is lost for good is found out by the next run. Each run has more
    // time than the one before: on a busy machine 20 ms are too few to get anything done.
    auto patience = 20ms;
    ASSERT_TRUE(eventually([&] {
      if (is_all_done()) return true;
      const auto until = std::chrono::steady_clock::now() + patience;
      while (!is_all_done() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(5ms);
      if (is_all_done()) return true;
      patience = std::min(patience * 2, 80ms);
      kill();
      start();
      return false;
    }));
    worker->stop();
  }
  void expect_everything_once(bool in_order) {
    auto seen = expect_once(cluster, in_order);
    // Counted once, too.
    EXPECT_EQ(worker->progress().delivered, seen.size());
    seen.merge(dead());
    EXPECT_EQ(seen, expected);
  }

  DrawnCluster cluster;
  std::mt19937_64 random{GetParam() + 1};
  mutable test::MemoryStore store;
  test::MemoryQueues queues{store};
  DeadLetters letters{store, 64 << 20};
  SystemClock clock;
  metrics::Counter counter;
  metrics::Histogram histogram;
  TaskSpec spec;
  std::uint64_t generation = 0;
  std::vector<store::QueueId> ids;
  std::unique_ptr<Worker> worker;
  std::map<int, int> next;
  std::set<std::pair<std::string, std::string>> expected;
};

TEST_P(ExactlyOnce, WhereverTheProcessDies) {
  live_and_die();
  expect_everything_once(true);
}

// To the task everything is a back-log: it cuts again and again.
TEST_P(ExactlyOnce, AlsoWhenWhatIsFreshGoesFirst) {
  store.set_time(clock.wall_ms() - 3'600'000);
  spec.order = Order::None;
  spec.drain = Drain::FreshFirst;
  live_and_die();
  expect_everything_once(false);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExactlyOnce, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace sluice::connect
