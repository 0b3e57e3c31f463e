// What becomes of a back-log: how it goes out. The time is the test's own.
#include <algorithm>
#include <atomic>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "connect/drain_pace.hpp"
#include "connect/worker.hpp"
#include "model_time.hpp"
#include "scripted_sink.hpp"
#include "support/eventually.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using test::eventually;

TEST(DrainPace, LetsNoMoreGoWithinASecondThanItMay) {
  for (const std::uint32_t rate : {1U, 3U, 9U, 10U, 19U, 250U, 1'000'000U}) {
    DrainPace pace(rate);
    DrainPace::Time now{1h};
    std::vector<std::pair<DrainPace::Time, std::size_t>> gone;
    for (int i = 0; i < 50; ++i) {
      const auto room = pace.room(now);
      ASSERT_GE(room, 1U) << rate;
      pace.took(room, now);
      gone.emplace_back(now, room);
      EXPECT_EQ(pace.room(now), 0U);
      EXPECT_EQ(pace.room(pace.next() - 1ns), 0U);
      now = pace.next();
    }
    std::size_t all = 0;
    for (const auto& [begin, first] : gone) {
      std::size_t within = 0;
      for (const auto& [at, count] : gone)
        if (at >= begin && at < begin + 1s) within += count;
      EXPECT_LE(within, rate);
      all += first;
    }
    const auto seconds = std::chrono::duration<double>(now - gone.front().first).count();
    EXPECT_GT(static_cast<double>(all) / seconds, rate * 0.99);  // and makes use of it
  }
}

TEST(DrainPace, WhatWasTakenInPartTakesItsPart) {
  DrainPace pace(100);
  const DrainPace::Time now{1h};
  pace.took(3, now);
  EXPECT_EQ(pace.next(), now + 30ms);
  EXPECT_EQ(pace.room(now + 30ms), 10U);
  EXPECT_EQ(pace.room(now + 10s), 10U);  // nothing is saved up
}

class BacklogTest : public testing::Test {
 protected:
  BacklogTest() {
    spec.name = "t";
    spec.filters = {"#"};
    spec.mapping.topic = *Template::compile("t");
    spec.mapping.key = *Template::compile("${client_id}");
    spec.mapping.header_form = HeaderForm::None;
    spec.order = Order::None;
    spec.retry_initial = 1ms;
    spec.retry_maximum = 4ms;
    queue = queues.acquire("#")->id;
  }
  ~BacklogTest() override { worker.reset(); }

  void start() {
    const auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    const auto counter = [this](std::string_view name) -> metrics::Counter& {
      return metrics.counter({.name = name, .help = "h"});
    };
    worker = std::make_unique<Worker>(
        Worker::Context{
            .store = store,
            .dead_letters = letters,
            .clock = time,
            .counters =
                {counter("sluice_a_total"), counter("sluice_b_total"), counter("sluice_c_total"),
                 counter("sluice_d_total"), counter("sluice_e_total"), counter("sluice_f_total"),
                 counter("sluice_g_total"), counter("sluice_h_total"), counter("sluice_i_total"),
                 metrics.histogram(
                     {.name = "sluice_seconds", .help = "h", .kind = metrics::Kind::Histogram})},
            .task_id = "id",
            .node_name = "n",
            .worker_name = "w",
            .queues = {queue},
            .cursor = *bytes ? *store::decode_cursor(**bytes) : store::Cursor{},
            .before = {},
            .on_change = [this](const TaskChange& change) { shedding += change.is_shedding; },
            .publishers = &queues,
            .threads = &time},
        spec, [this](Sink::Callbacks callbacks) {
          return Result<std::unique_ptr<Sink>>(
              std::make_unique<ScriptedSink>(other_side, std::move(callbacks), ++seed));
        });
    worker->start();
  }
  void publish(int count, std::uint8_t qos = 1) {
    store.set_time(time.wall_ms());
    std::vector<test::Publication> all;
    for (int i = 0; i < count; ++i) {
      all.push_back({.topic = "a/b", .payload = std::to_string(next++)});
      all.back().qos = qos;
    }
    queues.publish_all(all);
  }
  std::vector<std::string> values() const {
    std::vector<std::string> out;
    for (const auto& arrived : other_side.arrived()) out.push_back(arrived.value);
    return out;
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> out;
    for (int i = from; i < to; ++i) out.push_back(std::to_string(i));
    return out;
  }
  // And the worker has noted it: it waits.
  [[nodiscard]] bool arrives(std::size_t count) {
    return eventually([&] { return other_side.count() == count; }) &&
           eventually([&] { return time.is_waited_for(); });
  }

  test::ModelTime time;
  test::MemoryStore store;
  test::MemoryQueues queues{store};
  DeadLetters letters{store, 1 << 20};
  metrics::Registry metrics;
  OtherSide other_side;
  TaskSpec spec;
  store::QueueId queue;
  std::unique_ptr<Worker> worker;
  std::uint64_t seed = 7;
  std::atomic<int> shedding{0};  // so often it has said that it sheds
  int next = 0;
};

TEST_F(BacklogTest, GoesOutAtThePaceThatWasSetUntilTheTaskHasCaughtUp) {
  spec.drain = Drain::Rate;
  spec.drain_rate = 100;
  publish(35);
  time.pass(10s);
  start();

  for (const std::size_t expected : {10U, 20U, 30U}) {
    ASSERT_TRUE(arrives(expected));
    EXPECT_EQ(other_side.handed_over(), expected);
    time.pass(100ms);
  }
  ASSERT_TRUE(arrives(35));

  publish(500);  // new ones, and nothing stands before them
  ASSERT_TRUE(arrives(535));
  EXPECT_EQ(values(), numbers(0, 535));
}

TEST_F(BacklogTest, WhatComesMeanwhileGoesBehindItAtThePace) {
  spec.drain = Drain::Rate;
  spec.drain_rate = 100;
  publish(15);
  time.pass(10s);
  publish(15);
  start();
  ASSERT_TRUE(arrives(10));

  time.pass(100ms);
  ASSERT_TRUE(arrives(20));
  EXPECT_EQ(other_side.handed_over(), 20U);
  time.pass(100ms);
  ASSERT_TRUE(arrives(30));
  EXPECT_EQ(values(), numbers(0, 30));
}

TEST_F(BacklogTest, ABurstIsNoBackLog) {
  spec.drain = Drain::Rate;
  spec.drain_rate = 1;
  publish(3000);
  time.pass(5s);
  start();

  ASSERT_TRUE(arrives(3000));
}

TEST_F(BacklogTest, WhatComesBackIsPacedToo) {
  spec.drain = Drain::Rate;
  spec.drain_rate = 10;
  int tries = 0;
  other_side.judge(
      [&](const Record&) { return tries++ == 0 ? Verdict::RetryLater : Verdict::Delivered; });
  publish(2);
  time.pass(6s);
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().retried == 1; }));
  time.pass(99ms);  // and the back-off is over
  ASSERT_TRUE(eventually([&] { return worker->progress().next_try_ms <= time.wall_ms(); }));
  EXPECT_EQ(other_side.handed_over(), 1U);
  time.pass(1ms);
  ASSERT_TRUE(arrives(1));
  EXPECT_EQ(other_side.handed_over(), 2U);
  time.pass(100ms);
  ASSERT_TRUE(arrives(2));
}

TEST_F(BacklogTest, ShedsTheOldestBeyondItsBoundAndNothingElse) {
  publish(20);
  const auto bound = store.durable();
  publish(30);
  spec.backpressure = Backpressure::ShedOldest;
  spec.backlog_bytes = store.durable().get() - bound.get();
  start();

  ASSERT_TRUE(arrives(30));
  publish(5);
  ASSERT_TRUE(arrives(35));
  worker->stop();
  EXPECT_EQ(values(), numbers(20, 55));
  EXPECT_EQ(worker->progress().shed, 20U);
  EXPECT_EQ(worker->progress().filtered, 0U);
  EXPECT_EQ(metrics.counter({.name = "sluice_f_total", .help = "h"}).value(), 20U);
  EXPECT_EQ(shedding, 1);
}

TEST_F(BacklogTest, ShedsQosZeroBeyondItsBoundAndKeepsTheRest) {
  for (int i = 0; i < 10; ++i) {
    publish(1, 0);
    publish(1, 1);
  }
  const auto bound = store.durable();
  publish(4, 0);
  spec.backpressure = Backpressure::ShedQos0;
  spec.backlog_bytes = store.durable().get() - bound.get();
  start();

  ASSERT_TRUE(arrives(14));
  worker->stop();
  const auto arrived = values();
  EXPECT_EQ(arrived[0], "1");
  EXPECT_EQ(arrived[9], "19");
  EXPECT_EQ(std::vector(arrived.begin() + 10, arrived.end()), numbers(20, 24));
  EXPECT_EQ(worker->progress().shed, 10U);
}

TEST_F(BacklogTest, ShedsOnlyWhatTheTaskWanted) {
  spec.where = *where::Condition::compile("$qos >= 1");
  publish(7, 0);
  publish(3, 1);
  spec.backpressure = Backpressure::ShedOldest;
  spec.backlog_bytes = 1;
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().filtered == 7; }));
  ASSERT_TRUE(eventually([&] { return worker->progress().shed + other_side.count() == 3; }));
  EXPECT_GE(worker->progress().shed, 2U);
}

TEST_F(BacklogTest, WhatRetentionDeletesBeyondTheBoundIsShedNotLost) {
  publish(10);
  const auto deleted = store.durable();
  publish(10);
  spec.backpressure = Backpressure::ShedOldest;
  spec.backlog_bytes = store.durable().get() - deleted.get();
  store.delete_up_to(store::Position(deleted.get() - 1));
  start();

  ASSERT_TRUE(arrives(10));
  EXPECT_EQ(values(), numbers(10, 20));
  EXPECT_EQ(worker->progress().shed, 10U);
  EXPECT_EQ(worker->progress().lost, 0U);
}

TEST_F(BacklogTest, AskedToBufferItShedsNothing) {
  publish(50);
  spec.backlog_bytes = 1;
  start();

  ASSERT_TRUE(arrives(50));
  EXPECT_EQ(worker->progress().shed, 0U);
  EXPECT_EQ(shedding, 0);
}

class FreshFirstTest : public BacklogTest {
 protected:
  FreshFirstTest() {
    spec.drain = Drain::FreshFirst;
    other_side.room(10);
  }
  // The place of the first of these among what has arrived.
  [[nodiscard]] std::size_t place_of(int number) const {
    const auto all = values();
    return static_cast<std::size_t>(std::ranges::find(all, std::to_string(number)) - all.begin());
  }
  [[nodiscard]] std::size_t distinct() const {
    const auto all = values();
    return std::set<std::string>(all.begin(), all.end()).size();
  }
  // A back-log, of which the other side has the first ten and does not answer; then some fresh
  // ones, of which the worker has heard.
  void come_late(int old, int fresh) {
    other_side.hold(true);
    publish(old);
    time.pass(10s);
    start();
    ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 10; }));
    publish(fresh);
    ASSERT_TRUE(eventually([&] {
      const auto read = worker->progress().ahead.up_to;
      return read != store::Position() && left_behind(read) == 0;
    }));
  }
  // Everything from there on comes back, and the time for the next try never comes.
  void take_only(std::size_t count) {
    other_side.judge([count](const Record&) mutable {
      if (count == 0) return Verdict::RetryLater;
      --count;
      return Verdict::Delivered;
    });
  }
  [[nodiscard]] std::uint64_t left_behind(store::Position position) {
    return store.count_after({&queue, 1}, position, 100'000);
  }
  [[nodiscard]] store::Cursor saved_cursor() {
    const auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    return *store::decode_cursor(**bytes);
  }
  // As kill -9 would: the cursor stays where the last commit left it.
  void kill() {
    store.fail_appends(Errc::Closed);
    spec.drain_timeout = 0ms;
    worker.reset();
    spec.drain_timeout = 20s;
    store.crash();
  }
};

TEST_F(FreshFirstTest, NewOnesGoBeforeTheBackLogAndItGoesBesideThem) {
  come_late(5000, 300);
  other_side.hold(false);

  ASSERT_TRUE(arrives(5300));
  worker->stop();
  EXPECT_EQ(place_of(5000), 10U);  // behind what the other side had already
  EXPECT_EQ(place_of(5299), 309U);
  EXPECT_EQ(place_of(4999), 5299U);
  EXPECT_EQ(distinct(), 5300U);
  EXPECT_FALSE(saved_cursor().has_ahead());
  EXPECT_EQ(left_behind(saved_cursor().position), 0U);
}

TEST_F(FreshFirstTest, APauseBetweenRepeatsNothing) {
  take_only(700);
  come_late(5000, 300);
  other_side.hold(false);
  ASSERT_TRUE(arrives(700));
  worker->stop();
  EXPECT_LT(place_of(5299), 700U);
  EXPECT_TRUE(saved_cursor().has_ahead());
  EXPECT_LT(saved_cursor().acknowledged.size(), 64U);
  const auto progress = worker->progress();
  EXPECT_EQ(left_behind(progress.cursor) - left_behind(progress.ahead.after) +
                left_behind(progress.ahead.up_to) - progress.acknowledged_ahead,
            4600U);

  other_side.judge(nullptr);
  start();
  publish(10);
  ASSERT_TRUE(arrives(5310));
  EXPECT_EQ(distinct(), 5310U);
}

// Asked for order again: what was ahead stays so, and from there on it keeps it.
TEST_F(FreshFirstTest, GoesOnInOrderWhenItIsToldTo) {
  take_only(700);
  come_late(5000, 300);
  other_side.hold(false);
  ASSERT_TRUE(arrives(700));
  worker->stop();
  other_side.judge(nullptr);
  spec.drain = Drain::InOrder;
  publish(10);
  start();

  ASSERT_TRUE(arrives(5310));
  EXPECT_EQ(distinct(), 5310U);
  const auto all = values();
  std::vector<int> rest;
  for (std::size_t i = 700; i < all.size(); ++i) rest.push_back(std::stoi(all[i]));
  EXPECT_TRUE(std::ranges::is_sorted(rest));
}

TEST_F(FreshFirstTest, WhatRetentionTakesOfTheBackLogIsCountedOnce) {
  come_late(5000, 50);
  const auto gone = store.durable();
  store.delete_up_to(store::Position(gone.get() - 1));
  publish(50);
  worker->log_deleted(0);
  ASSERT_TRUE(eventually([&] { return worker->progress().lost > 0; }));
  other_side.hold(false);

  ASSERT_TRUE(eventually([&] {
    const auto progress = worker->progress();
    return progress.unfinished == 0 && progress.delivered + progress.lost == 5100;
  }));
  EXPECT_EQ(other_side.count(), worker->progress().delivered);
  EXPECT_EQ(distinct(), other_side.count());
  EXPECT_EQ(place_of(5099) < other_side.count(), true);
}

TEST_F(FreshFirstTest, WhereverTheProcessDiesNothingIsLost) {
  for (std::uint64_t run = 1; run <= 6; ++run) {
    std::mt19937_64 random(run);
    other_side.room(1 + random() % 300);
    const auto retry_percent = random() % 4;
    other_side.judge([judging = std::mt19937_64(run), retry_percent](const Record&) mutable {
      return judging() % 100 < retry_percent ? Verdict::RetryLater : Verdict::Delivered;
    });
    start();
    for (int step = 0; step < 60; ++step) {
      publish(static_cast<int>(random() % 100));
      if (random() % 4 == 0) time.pass(6s);
      time.pass(50ms);
      if (random() % 8 == 0) {
        if (random() % 2 == 0)
          kill();
        else
          worker->stop();
        spec.drain = random() % 5 == 0 ? Drain::InOrder : Drain::FreshFirst;
        start();
      }
    }
    const auto is_done = [&] {
      time.pass(10ms);
      const auto now = worker->progress();
      return now.unfinished == 0 && now.ahead.up_to == store::Position() &&
             left_behind(now.read_position) == 0;
    };
    ASSERT_TRUE(eventually(is_done)) << "run " << run;
    EXPECT_EQ(distinct(), static_cast<std::size_t>(next)) << "run " << run;
    worker->stop();
    EXPECT_FALSE(saved_cursor().has_ahead());
    EXPECT_EQ(left_behind(saved_cursor().position), 0U);
  }
}

class BlockTest : public BacklogTest {
 protected:
  BlockTest() {
    spec.backpressure = Backpressure::Block;
    spec.backlog_bytes = 10'000;
  }
  [[nodiscard]] bool is_off() const { return queues.held_at("#") == broker::Brake::kOff; }
};

TEST_F(BlockTest, PublishersAreHeldSoFarBehindTheOldestThatWaits) {
  other_side.hold(true);
  start();
  ASSERT_TRUE(eventually([&] { return store.waiters() == 1; }));
  const auto first = store.head();
  const store::Position limit(first.get() + spec.backlog_bytes);
  EXPECT_EQ(queues.held_at("#"), limit) << "nothing waits: all of it is free";
  publish(3);
  publish(20);
  queues.tell_held("#");  // it looks again, and it is as it was
  ASSERT_TRUE(eventually([&] { return worker->progress().unfinished == 23; }));
  EXPECT_EQ(queues.held_at("#"), limit);

  publish(500);  // beyond
  ASSERT_TRUE(eventually([&] { return worker->progress().unfinished == 523; }));
  ASSERT_TRUE(eventually([&] { return queues.held_at("#") <= store.head(); }));
  other_side.hold(false);
  ASSERT_TRUE(arrives(523));
  ASSERT_TRUE(eventually([&] {
    return queues.held_at("#") >= store::Position(store.head().get() + spec.backlog_bytes / 2);
  }));
}

// What others have put into the log since is not of its back-log.
TEST_F(BlockTest, WhereOtherTopicsFilledTheLogItLooksAgain) {
  queue = queues.acquire("a/#")->id;
  spec.filters = {"a/#"};
  start();
  publish(1);
  ASSERT_TRUE(arrives(1));
  ASSERT_TRUE(eventually([&] { return worker->progress().unfinished == 0; }));
  for (int i = 0; i < 500; ++i) queues.publish({.topic = "elsewhere", .payload = "x"});
  // A last turn after the outcome may look at the log once more.
  ASSERT_TRUE(eventually([&] {
    queues.publish({.topic = "elsewhere", .payload = "x"});
    return queues.held_at("a/#") <= store.head();
  }));
  queues.tell_held("a/#");
  ASSERT_TRUE(eventually([&] {
    return queues.held_at("a/#") == store::Position(store.head().get() + spec.backlog_bytes);
  }));
}

TEST_F(BlockTest, NobodyIsHeldForATaskThatIsPaused) {
  other_side.hold(true);
  publish(3);
  start();
  ASSERT_TRUE(eventually([&] { return !is_off(); }));
  spec.drain_timeout = 0ms;
  worker->stop();
  EXPECT_TRUE(is_off());
}

TEST_F(BlockTest, NobodyIsHeldForATaskThatAPersonMustMend) {
  spec.rejected = RejectedPolicy::Stop;
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  other_side.hold(true);
  publish(3);
  start();
  ASSERT_TRUE(eventually([&] { return !is_off(); }));
  other_side.hold(false);
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_TRUE(is_off());
}

TEST_F(BlockTest, NothingIsShed) {
  spec.backlog_bytes = 1;
  publish(50);
  start();
  ASSERT_TRUE(arrives(50));
  EXPECT_EQ(worker->progress().shed, 0U);
}

}  // namespace
}  // namespace sluice::connect
