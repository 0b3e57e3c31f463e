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

// A cluster: outlives sinks and servers.
struct Cluster {
  std::vector<std::pair<std::string, std::string>> committed;  // key, value
  std::string place;
  std::mt19937_64 random;
  bool is_away = false;
  std::size_t places_asked = 0;

  std::uint64_t below(std::uint64_t bound) { return random() % bound; }
};

// Everything happens within the worker's own calls; what becomes of a transaction is drawn.
class DrawnSink final : public Sink, private Transactions {
 public:
  DrawnSink(Cluster& cluster, Callbacks callbacks)
      : cluster_(cluster), callbacks_(std::move(callbacks)) {}

  Result<std::size_t> write(std::span<const Record> records) override {
    EXPECT_TRUE(was_asked_) << "written before the place was asked for";
    if (is_ended_) return 0;
    const auto count = std::min<std::size_t>(records.size(), 1 + cluster_.below(50));
    open_.insert(open_.end(), records.begin(), records.begin() + static_cast<long>(count));
    return count;
  }
  Milliseconds collect(std::vector<Delivery>& outcomes) override {
    if (is_ended_ && !never_answers_) decide();
    outcomes.insert(outcomes.end(), outcomes_.begin(), outcomes_.end());
    outcomes_.clear();
    return is_ended_ && !never_answers_ ? 1ms : kNotByItself;
  }
  std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override {
    for (const auto& record : open_)
      outcomes_.push_back({record.token, Verdict::RetryLater, false, false, "given up"});
    open_.clear();
    is_ended_ = false;
    callbacks_.on_ready();
  }
  Transactions* transactions() override { return this; }

 private:
  Result<std::string> last_place() override {
    ++cluster_.places_asked;
    if (cluster_.is_away || cluster_.below(4) == 0) return fail(Errc::Unavailable, "away");
    was_asked_ = true;
    return cluster_.place;
  }
  void end(std::string place) override {
    if (open_.empty()) return;
    place_ = std::move(place);
    is_ended_ = true;
    // Committed, but the answer is lost; until somebody else asks.
    never_answers_ = std::ranges::none_of(open_, is_refused) && cluster_.below(12) == 0;
    if (never_answers_) commit();
    callbacks_.on_ready();
  }
  void commit() {
    cluster_.place = place_;
    for (const auto& record : open_) cluster_.committed.emplace_back(*record.key, record.value);
  }
  // The same message is refused each time: that is what rejected means.
  static bool is_refused(const Record& record) {
    return std::hash<std::string_view>()(record.value) % 100 < 2;
  }
  void decide() {
    const auto dice = cluster_.below(8);
    if (dice == 0) return;  // not yet
    const auto refused = std::ranges::find_if(open_, is_refused);
    const bool is_committed = dice > 2 && refused == open_.end();
    if (is_committed) commit();
    for (const auto& record : open_) {
      const auto verdict = is_committed                                     ? Verdict::Delivered
                           : refused != open_.end() && &record == &*refused ? Verdict::Rejected
                                                                            : Verdict::RetryLater;
      outcomes_.push_back(
          {record.token, verdict, false, dice == 1, is_committed ? "" : "the dice say so"});
    }
    open_.clear();
    is_ended_ = false;
  }

  Cluster& cluster_;
  const Callbacks callbacks_;
  std::vector<Record> open_;
  std::vector<Delivery> outcomes_;
  std::string place_;
  bool was_asked_ = false, is_ended_ = false, never_answers_ = false;
};

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
                                     counter, histogram},
                        .task_id = "id",
                        .node_name = "n",
                        .worker_name = "w",
                        .queues = ids,
                        .cursor = *bytes ? *store::decode_cursor(**bytes) : Cursor{},
                        .generation = generation,
                        .before = std::move(before)},
        spec, [this](Sink::Callbacks callbacks) {
          return Result<std::unique_ptr<Sink>>(
              std::make_unique<DrawnSink>(cluster, std::move(callbacks)));
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
  void expect_everything_once(bool in_order) const {
    std::map<std::string, int> last;
    std::set<std::pair<std::string, std::string>> seen;
    for (const auto& [key, value] : cluster.committed) {
      EXPECT_TRUE(seen.insert({key, value}).second) << key << ":" << value << " arrived twice";
      const auto number = std::stoi(value);
      if (in_order && last.contains(key)) EXPECT_LT(last[key], number) << key;
      last[key] = number;
    }
    // Counted once, too.
    EXPECT_EQ(worker->progress().delivered, cluster.committed.size());
    seen.merge(dead());
    EXPECT_EQ(seen, expected);
  }

  Cluster cluster;
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
