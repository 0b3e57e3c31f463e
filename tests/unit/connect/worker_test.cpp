#include "connect/worker.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "connect/text.hpp"
#include "scripted_sink.hpp"
#include "support/eventually.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::MemoryQueues;
using test::MemoryStore;

// A store with one queue, one task over it and the other side it writes to.
class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    spec.name = "t";
    spec.mapping.topic = *Template::compile("${topic[0]}");
    spec.mapping.key = *Template::compile("${client_id}");
    spec.mapping.header_form = HeaderForm::None;
    spec.retry_initial = 1ms;
    spec.retry_maximum = 4ms;
    queue = queues.acquire("#")->id;
  }
  ~WorkerTest() override { worker.reset(); }

  void start() {
    auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    const auto cursor = *bytes ? *store::decode_cursor(**bytes) : store::Cursor{};
    start_at(cursor);
  }
  void start_at(const store::Cursor& cursor) {
    worker = std::make_unique<Worker>(
        Worker::Context{.store = store,
                        .dead_letters = letters,
                        .clock = clock,
                        .counters = counters(),
                        .task_id = "id",
                        .node_name = "node-a",
                        .worker_name = "c-t-0",
                        .queues = {queue},
                        .cursor = cursor,
                        .before = {},
                        .encoder = std::move(encoder)},
        spec, [this](Sink::Callbacks callbacks) {
          return Result<std::unique_ptr<Sink>>(
              std::make_unique<ScriptedSink>(other_side, std::move(callbacks), ++seed));
        });
    worker->start();
  }
  metrics::Histogram& histogram() {
    return metrics.histogram(
        {.name = "sluice_seconds", .help = "h", .kind = metrics::Kind::Histogram});
  }
  TaskCounters counters() {
    const auto counter = [this](std::string_view name) -> metrics::Counter& {
      return metrics.counter({.name = name, .help = "h"});
    };
    return {counter("sluice_a_total"), counter("sluice_b_total"),
            counter("sluice_c_total"), counter("sluice_d_total"),
            counter("sluice_e_total"), counter("sluice_f_total"),
            counter("sluice_g_total"), counter("sluice_h_total"),
            counter("sluice_i_total"), histogram()};
  }
  void publish(int count, std::string_view client = "c1") {
    std::vector<test::Publication> all;
    for (int i = 0; i < count; ++i) {
      all.push_back({.topic = "a/b", .payload = std::to_string(next++)});
      all.back().client_id = client;
    }
    queues.publish_all(all);
  }
  store::Cursor saved_cursor() {
    const auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    return *bytes ? *store::decode_cursor(**bytes) : store::Cursor{};
  }
  // A read to the end may come out behind the last message: where nothing more stands.
  bool has_saved_all_up_to(store::Position position) {
    const auto cursor = saved_cursor();
    return cursor.position >= position && cursor.acknowledged.empty();
  }
  std::vector<std::string> values() const {
    std::vector<std::string> out;
    for (const auto& arrived : other_side.arrived()) out.push_back(arrived.value);
    return out;
  }
  std::vector<std::string> numbers(int from, int to) const {
    std::vector<std::string> out;
    for (int i = from; i < to; ++i) out.push_back(std::to_string(i));
    return out;
  }

  MemoryStore store;
  MemoryQueues queues{store};
  DeadLetters letters{store, 1 << 20};
  SystemClock clock;
  metrics::Registry metrics;
  OtherSide other_side;
  TaskSpec spec;
  store::QueueId queue;
  std::unique_ptr<ValueEncoder> encoder;  // of the next start
  std::unique_ptr<Worker> worker;
  std::uint64_t seed = 7;
  int next = 0;
};

TEST_F(WorkerTest, DeliversInTheOrderOfTheLog) {
  publish(1000);
  start();
  publish(1000);

  ASSERT_TRUE(eventually([&] { return other_side.count() == 2000; }));

  EXPECT_EQ(values(), numbers(0, 2000));
}

TEST_F(WorkerTest, LetsAFlowGatherButNotItsFirstMessage) {
  other_side.gathers_for(1h);
  start();
  publish(1);
  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));

  publish(5);
  worker->stop();  // does not wait for them
  EXPECT_EQ(values(), numbers(0, 1));

  other_side.gathers_for(20ms);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 6; }));
  for (int i = 7; i <= 10; ++i) {
    publish(1);
    ASSERT_TRUE(eventually([&] { return other_side.count() == static_cast<std::size_t>(i); }));
  }
  EXPECT_EQ(values(), numbers(0, 10));
}

TEST_F(WorkerTest, DeliversAllBeforeDamageThenFailsAndNeverPassesIt) {
  publish(300);
  const std::vector<std::string> filters{"#"};
  const auto all = store.scan_log(
      {.filters = filters, .after = {}, .before = store.durable(), .maximum_messages = 1000});
  ASSERT_TRUE(all);
  store.damage(all->entries.at(200).message->position());

  for (int run = 0; run < 2; ++run) {  // a restart finds the same
    start();
    ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
    EXPECT_EQ(values(), numbers(0, 200));
    const auto progress = worker->progress();
    EXPECT_EQ(progress.unfinished, 0U);
    EXPECT_NE(progress.reason.find("damaged at offset 7"), std::string::npos);
    worker->stop();
    EXPECT_EQ(saved_cursor().position, all->entries.at(199).message->position());
    worker.reset();
  }
}

TEST_F(WorkerTest, DeliversAllBeforeDamageInTheLogBeforeItsQueues) {
  publish(100);
  const std::vector<std::string> filters{"#"};
  const auto all = store.scan_log({.filters = filters, .after = {}, .before = store.durable()});
  ASSERT_TRUE(all);
  store.damage(all->entries.at(50).message->position());
  spec.filters = filters;
  worker = std::make_unique<Worker>(
      Worker::Context{.store = store,
                      .dead_letters = letters,
                      .clock = clock,
                      .counters = counters(),
                      .task_id = "id",
                      .node_name = "node-a",
                      .worker_name = "c-t-0",
                      .queues = {queue},
                      .cursor = {},
                      .queues_from = store.durable(),
                      .before = {}},
      spec, [this](Sink::Callbacks callbacks) {
        return Result<std::unique_ptr<Sink>>(
            std::make_unique<ScriptedSink>(other_side, std::move(callbacks), ++seed));
      });
  worker->start();

  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(values(), numbers(0, 50));
}

TEST_F(WorkerTest, HandsOverOnlyWhatIsDurable) {
  MemoryStore manual(MemoryStore::Durability::Manual);
  MemoryQueues its_queues(manual);
  const auto its_queue = its_queues.acquire("#")->id;
  DeadLetters its_letters(manual, 1 << 20);
  Worker its_worker({.store = manual,
                     .dead_letters = its_letters,
                     .clock = clock,
                     .counters = counters(),
                     .task_id = "id",
                     .node_name = "n",
                     .worker_name = "w",
                     .queues = {its_queue},
                     .cursor = {},
                     .before = {}},
                    spec, [this](Sink::Callbacks callbacks) {
                      return Result<std::unique_ptr<Sink>>(
                          std::make_unique<ScriptedSink>(other_side, std::move(callbacks), 1));
                    });
  its_worker.start();
  const auto first = its_queues.publish({.topic = "a", .payload = "1"});
  its_queues.publish({.topic = "a", .payload = "2"});
  ASSERT_TRUE(eventually([&] { return manual.waiters() == 1; }));
  EXPECT_EQ(other_side.handed_over(), 0U);

  manual.make_durable(store::Position(first.get() + 1));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  ASSERT_TRUE(eventually([&] { return manual.waiters() == 1; }));
  EXPECT_EQ(other_side.handed_over(), 1U);

  manual.make_durable();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  its_worker.request_stop();
  ASSERT_TRUE(eventually([&] {
    manual.make_durable();
    return its_worker.progress().state == TaskState::Paused;
  }));
}

TEST_F(WorkerTest, MeasuresFromTheStoreToTheAcknowledgement) {
  store.set_time(clock.wall_ms() - 3000);
  publish(5);
  store.set_time(clock.wall_ms() + 60'000);  // a clock that was set back
  publish(2);
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().delivered == 7; }));
  worker->stop();

  std::uint64_t count = 0, slow = 0;
  for (std::size_t i = 0; i < metrics::Histogram::kBuckets; ++i) {
    count += histogram().bucket(i);
    if (metrics::Histogram::upper_bound(i) > 3.0) slow += histogram().bucket(i);
  }
  EXPECT_EQ(count, 7U);
  EXPECT_EQ(slow, 5U);
  EXPECT_GE(histogram().sum(), 15.0);
}

// What a kill -9 could send twice is bounded: no more is handed over than the task allows beyond
// what a durable cursor covers.
TEST_F(WorkerTest, WaitsForTheDiskWhenItsWindowIsFull) {
  MemoryStore manual(MemoryStore::Durability::Manual);
  MemoryQueues its_queues(manual);
  const auto its_queue = its_queues.acquire("#")->id;
  DeadLetters its_letters(manual, 1 << 20);
  spec.in_flight = 10;
  store::Position last;
  for (int i = 0; i < 35; ++i)
    last = its_queues.publish({.topic = "a", .payload = std::to_string(i)});
  manual.make_durable(store::Position(last.get() + 1));
  Worker its_worker({.store = manual,
                     .dead_letters = its_letters,
                     .clock = clock,
                     .counters = counters(),
                     .task_id = "id",
                     .node_name = "n",
                     .worker_name = "w",
                     .queues = {its_queue},
                     .cursor = {},
                     .before = {}},
                    spec, [this](Sink::Callbacks callbacks) {
                      return Result<std::unique_ptr<Sink>>(
                          std::make_unique<ScriptedSink>(other_side, std::move(callbacks), 1));
                    });
  its_worker.start();
  const auto close = [](MemoryStore* store) { store->close(); };
  const std::unique_ptr<MemoryStore, decltype(close)> closes_first(&manual, close);

  for (std::size_t expected = 10; expected <= 40; expected += 10) {
    const auto most = std::min<std::size_t>(expected, 35);
    ASSERT_TRUE(eventually([&] { return its_worker.progress().delivered == most; }));
    ASSERT_TRUE(eventually([&] {
      const auto bytes = manual.get(store::StateKind::Cursor, Worker::cursor_key("id"));
      const auto left = manual.count_after(
          {&its_queue, 1}, *bytes ? store::decode_cursor(**bytes)->position : store::Position(),
          100);
      return left == 35 - most;
    }));
    EXPECT_EQ(other_side.handed_over(), most);
    manual.make_durable();
  }
  its_worker.request_stop();
  ASSERT_TRUE(eventually([&] {
    manual.make_durable();
    return its_worker.progress().state == TaskState::Paused;
  }));
}

TEST_F(WorkerTest, GoesOnWhereItStopped) {
  publish(100);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 100; }));
  worker->stop();
  publish(100);

  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() >= 200; }));
  worker->stop();

  EXPECT_EQ(values(), numbers(0, 200));
  EXPECT_EQ(worker->progress().state, TaskState::Paused);
}

TEST_F(WorkerTest, SendsOnlyWhatWasNotAcknowledgedBefore) {
  std::vector<store::Position> positions;
  for (int i = 0; i < 6; ++i)
    positions.push_back(queues.publish({.topic = "a", .payload = std::to_string(i)}));

  start_at({positions[0], {positions[2], positions[4]}});

  ASSERT_TRUE(eventually([&] { return other_side.count() == 3; }));
  worker->stop();
  EXPECT_EQ(values(), (std::vector<std::string>{"1", "3", "5"}));
  EXPECT_TRUE(has_saved_all_up_to(positions[5]));
}

TEST_F(WorkerTest, KeepsTheAcknowledgedSetAboveWhatIsStuck) {
  other_side.judge([](const Record& record) {
    return record.value == "1" ? Verdict::RetryLater : Verdict::Delivered;
  });
  spec.order = Order::None;
  publish(1);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  publish(2);
  ASSERT_TRUE(eventually([&] { return worker->progress().retried > 3; }));
  spec.drain_timeout = 0ms;

  worker->stop();

  EXPECT_EQ(values(), numbers(0, 1));
  EXPECT_EQ(worker->progress().retried % 2, 0U);  // its successor came back with it each time
}

TEST_F(WorkerTest, DoesNotWaitForASinkThatWillDoOtherwise) {
  spec.retry_initial = 1h;
  spec.retry_maximum = 1h;
  int refusals = 20;
  other_side.at_once(true);
  other_side.judge([&](const Record& record) {
    return record.value == "3" && refusals-- > 0 ? Verdict::RetryLater : Verdict::Delivered;
  });
  publish(10);
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
  EXPECT_EQ(values(), numbers(0, 10));
}

// Nothing was attempted with them: neither the figures nor a dead letter say so.
TEST_F(WorkerTest, DoesNotCountWhatOnlyWaitedForOneThatCameBack) {
  other_side.at_once(true);
  other_side.tries_successors(false);
  int refusals = 3;
  other_side.judge([&](const Record& record) {
    if (record.value == "9") return Verdict::Rejected;
    return record.value == "3" && refusals-- > 0 ? Verdict::RetryLater : Verdict::Delivered;
  });
  publish(10);
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 9; }));
  worker->stop();

  EXPECT_EQ(values(), numbers(0, 9));
  EXPECT_EQ(worker->progress().retried, 3U);
  const auto page = letters.page("id", 10, "");
  EXPECT_EQ(page->at("items").at(0).at("attempts").as_int64(), 1);
}

TEST_F(WorkerTest, TellsWhyItWaitsAndGoesOnByItself) {
  spec.retry_initial = 50ms;
  other_side.refuse_writes(Error{Errc::Unavailable, "topic a does not exist"});
  publish(10);
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Waiting; }));
  const auto waiting = worker->progress();
  EXPECT_EQ(waiting.reason, "topic a does not exist");
  EXPECT_GT(waiting.since_ms, 0);
  EXPECT_GE(waiting.next_try_ms, waiting.since_ms);
  other_side.refuse_writes(std::nullopt);

  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Running; }));
  EXPECT_EQ(values(), numbers(0, 10));
}

TEST_F(WorkerTest, FailsWhenOnlyAPersonCanMendIt) {
  other_side.refuse_writes(Error{Errc::InvalidArgument, "no such codec"});
  publish(10);
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(worker->progress().reason, "no such codec");
  worker->stop();
  other_side.refuse_writes(std::nullopt);
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
}

TEST_F(WorkerTest, KeepsARejectedMessageAsADeadLetterAndGoesOn) {
  other_side.judge([](const Record& record) {
    return record.value == "3" ? Verdict::Rejected : Verdict::Delivered;
  });
  publish(10);
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 9; }));
  worker->stop();

  EXPECT_EQ(letters.count("id"), 1U);
  const auto page = letters.page("id", 10, "");
  const auto& letter = page->at("items").as_array().at(0).as_object();
  EXPECT_EQ(letter.at("reason").as_string(), "the script says so");
  EXPECT_EQ(letter.at("topic").as_string(), "a/b");
  EXPECT_EQ(letter.at("target").as_string(), "a");
  EXPECT_EQ(letter.at("attempts").as_int64(), 1);
  std::string payload;
  ASSERT_TRUE(decode_base64(letter.at("payload").as_string(), payload));
  EXPECT_EQ(payload, "3");
  EXPECT_TRUE(saved_cursor().acknowledged.empty());
}

TEST_F(WorkerTest, RejectsWhatCannotBeMapped) {
  spec.mapping.topic = *Template::compile("${user.zone}");
  publish(3);
  start();

  ASSERT_TRUE(eventually([&] { return letters.count("id") == 3; }));
  const auto page = letters.page("id", 10, "");
  EXPECT_EQ(page->at("items").as_array().at(0).as_object().at("reason").as_string(),
            "topic: ${user.zone} is not in this message and has no default");
  EXPECT_EQ(other_side.handed_over(), 0U);
}

TEST_F(WorkerTest, DropsOrStopsWhenTheTaskSaysSo) {
  other_side.judge([](const Record& record) {
    return record.value == "3" ? Verdict::Rejected : Verdict::Delivered;
  });
  publish(5);
  spec.rejected = RejectedPolicy::Stop;
  start();
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(worker->progress().reason, "a message was rejected: the script says so");
  worker->stop();

  spec.rejected = RejectedPolicy::Drop;
  start();
  ASSERT_TRUE(eventually([&] { return worker->progress().rejected == 1; }));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 4; }));
  worker->stop();
  EXPECT_EQ(letters.count("id"), 0U);
  EXPECT_EQ(values(), (std::vector<std::string>{"0", "1", "2", "4"}));
}

// The cursor passes a rejected message only after its dead letter is durable.
TEST_F(WorkerTest, WaitsWhileThereIsNoRoomForADeadLetter) {
  DeadLetters small(store, 100);
  other_side.judge([](const Record& record) {
    return record.value == "1" ? Verdict::Rejected : Verdict::Delivered;
  });
  publish(3);
  Worker its_worker({.store = store,
                     .dead_letters = small,
                     .clock = clock,
                     .counters = counters(),
                     .task_id = "id",
                     .node_name = "n",
                     .worker_name = "w",
                     .queues = {queue},
                     .cursor = {},
                     .before = {}},
                    spec, [this](Sink::Callbacks callbacks) {
                      return Result<std::unique_ptr<Sink>>(
                          std::make_unique<ScriptedSink>(other_side, std::move(callbacks), 1));
                    });
  its_worker.start();

  ASSERT_TRUE(eventually([&] { return its_worker.progress().state == TaskState::Waiting; }));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  EXPECT_NE(its_worker.progress().reason.find("dead letters cannot be kept"), std::string::npos);
  its_worker.stop();

  const auto cursor = saved_cursor();
  EXPECT_EQ(cursor.acknowledged.size(), 1U);  // the third; the second is still to be done
}

TEST_F(WorkerTest, PassesOverWhatExpired) {
  spec.expired = ExpiredPolicy::Drop;
  const std::string one_second("\x02\x00\x00\x00\x01", 5);
  store.set_time(clock.wall_ms() - 5000);
  queues.publish({.topic = "a", .payload = "old", .properties = one_second});
  store.set_time(0);
  queues.publish(
      {.topic = "a", .payload = "new", .properties = std::string("\x02\x00\x00\xff\xff", 5)});
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  EXPECT_EQ(values(), (std::vector<std::string>{"new"}));
  EXPECT_TRUE(eventually([&] { return worker->progress().filtered == 1; }));
}

TEST_F(WorkerTest, PassesOverWhatItsConditionDoesNotAccept) {
  spec.where = *where::Condition::compile("payload.n > 2 OR payload.n = 0");
  for (const auto* payload : {R"({"n":0})", R"({"n":1})", "not JSON", R"({"n":3})"})
    queues.publish({.topic = "a", .payload = payload});
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().filtered == 2; }));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  EXPECT_EQ(values(), (std::vector<std::string>{R"({"n":0})", R"({"n":3})"}));
  EXPECT_EQ(worker->progress().rejected, 0U);
  worker->stop();
  EXPECT_TRUE(saved_cursor().acknowledged.empty());
  EXPECT_EQ(worker->progress().unfinished, 0U);
}

// An answer that was not found is not a no: such a message must not vanish.
TEST_F(WorkerTest, RejectsAMessageForWhichItsConditionTakesTooLong) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a_a";
  spec.where = *where::Condition::compile("payload LIKE '%" + pattern + "b' OR TRUE");
  queues.publish({.topic = "a", .payload = std::string(100'000, 'a')});
  queues.publish({.topic = "a", .payload = "short"});
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  ASSERT_TRUE(eventually([&] { return worker->progress().rejected == 1; }));
  EXPECT_EQ(worker->progress().last_error, RecordMapper::kTooMuchWork);
}

TEST_F(WorkerTest, ProcessesWhatItsConditionAccepts) {
  spec.where = *where::Condition::compile("payload.n >= 0");
  spec.steps.jq = "if .n == 3 then last(range(infinite)) else select(.n != 2) | {m: .n} end";
  spec.mapping.key = *Template::compile("${payload.m}");
  for (const int n : {-1, 0, 1, 2, 3, 4, 5})
    queues.publish({.topic = "a", .payload = "{\"n\":" + std::to_string(n) + "}"});
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 4; }));
  ASSERT_TRUE(eventually([&] { return worker->progress().rejected == 1; }));
  EXPECT_EQ(values(),
            (std::vector<std::string>{R"({"m":0})", R"({"m":1})", R"({"m":4})", R"({"m":5})"}));
  EXPECT_TRUE(eventually([&] { return worker->progress().filtered == 2; }));
  EXPECT_TRUE(worker->progress().last_error.starts_with("jq: it takes more than "))
      << worker->progress().last_error;
}

// A document of an earlier version is not checked again when the server starts.
TEST_F(WorkerTest, FailsWhenItsProgramCannotBeCompiled) {
  spec.steps.jq = ".a |";
  publish(3);
  start();

  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(worker->progress().last_error, "/map/jq: line 1: syntax error, unexpected $end");
  worker->stop();
  EXPECT_EQ(saved_cursor().position, store::Position(0));
}

TEST_F(WorkerTest, PassesOverWhatIsTooOld) {
  spec.maximum_age = 60s;
  store.set_time(clock.wall_ms() - 70'000);
  queues.publish({.topic = "a", .payload = "old"});
  store.set_time(clock.wall_ms() - 10'000);
  queues.publish({.topic = "a", .payload = "young"});
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  EXPECT_EQ(values(), (std::vector<std::string>{"young"}));
  EXPECT_TRUE(eventually([&] { return worker->progress().filtered == 1; }));
}

TEST_F(WorkerTest, GivesUpAfterTheTimeThatWasSet) {
  spec.give_up_after = 20ms;
  other_side.judge([](const Record& record) {
    return record.value == "0" ? Verdict::RetryLater : Verdict::Delivered;
  });
  publish(3);
  start();

  ASSERT_TRUE(eventually([&] { return letters.count("id") == 1; }));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  EXPECT_EQ(values(), numbers(1, 3));
}

TEST_F(WorkerTest, WritesItsCursorOnceItIsIdleAndThenWaitsForTheStore) {
  start();
  for (int round = 1; round <= 3; ++round) {
    const auto position = queues.publish({.topic = "a", .payload = std::to_string(next++)});

    ASSERT_TRUE(eventually([&] { return has_saved_all_up_to(position); }));
    ASSERT_TRUE(eventually([&] { return store.waiters() == 1; }));
  }
  EXPECT_EQ(values(), numbers(0, 3));
}

// Who mends the connection at night does not wait for what cannot come: an hour, here.
TEST_F(WorkerTest, DoesNotWaitForAnOtherSideThatIsAway) {
  spec.drain_timeout = 1h;
  other_side.hold(true);
  publish(10);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 10; }));
  other_side.away("nobody there");

  auto stopped = std::async(std::launch::async, [&] { worker->stop(); });

  const auto has_stopped = stopped.wait_for(60s) == std::future_status::ready;
  EXPECT_TRUE(has_stopped);
  other_side.hold(false);
  stopped.wait();
  other_side.away({});
  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
  EXPECT_EQ(values(), numbers(0, 10));
}

TEST_F(WorkerTest, StopsWithinItsDrainTimeoutAndSendsTheRestLater) {
  spec.drain_timeout = 30ms;
  other_side.hold(true);
  publish(10);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 10; }));

  worker->stop();
  EXPECT_EQ(worker->progress().possible_duplicates, 10U);
  other_side.hold(false);
  start();

  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
  EXPECT_EQ(values(), numbers(0, 10));
}

// Puts `e` before each value; odd numbers it refuses, and it answers when it is told to.
class ScriptedEncoder final : public ValueEncoder {
 public:
  struct Registry {
    std::atomic<bool> is_there{true};
    std::atomic<int> asked{0};
    std::atomic<bool> is_broken{false};
  };
  explicit ScriptedEncoder(Registry& registry) : registry_(registry) {}
  Result<void> encode(std::span<Record* const> records, Arena& arena,
                      std::vector<std::string>& reasons,
                      const std::function<bool()>& /*is_stopping*/) override {
    ++registry_.asked;
    if (registry_.is_broken) return fail(Errc::InvalidArgument, "no such thing");
    if (!registry_.is_there) return fail(Errc::Unavailable, "nobody there");
    for (auto* record : records) {
      const bool is_odd = (record->value.back() - '0') % 2 != 0;
      reasons.push_back(is_odd ? "odd" : "");
      record->value = arena.copy("e" + std::string(record->value));
    }
    return {};
  }

 private:
  Registry& registry_;
};

TEST_F(WorkerTest, WaitsForARegistryAndLosesNothing) {
  ScriptedEncoder::Registry registry;
  registry.is_there = false;
  encoder = std::make_unique<ScriptedEncoder>(registry);
  publish(10);
  start();
  ASSERT_TRUE(eventually([&] { return registry.asked > 1; }));
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Waiting; }));
  EXPECT_EQ(worker->progress().reason, "nobody there");
  EXPECT_EQ(other_side.handed_over(), 0U);
  EXPECT_EQ(worker->progress().rejected, 0U);

  registry.is_there = true;
  ASSERT_TRUE(eventually([&] { return other_side.count() == 5; }));
  ASSERT_TRUE(eventually([&] { return letters.count("id") == 5; }));
  EXPECT_EQ(values(), (std::vector<std::string>{"e0", "e2", "e4", "e6", "e8"}));
  const auto page = letters.page("id", 10, "");
  const auto& letter = page->at("items").as_array().at(0).as_object();
  EXPECT_EQ(letter.at("reason").as_string(), "odd");
  std::string payload;
  ASSERT_TRUE(decode_base64(letter.at("payload").as_string(), payload));
  EXPECT_EQ((payload.back() - '0') % 2, 1);
  EXPECT_EQ(payload.size(), 1U);  // as it came
}

TEST_F(WorkerTest, FailsWhereNoRegistryWillEverDo) {
  ScriptedEncoder::Registry registry;
  encoder = std::make_unique<ScriptedEncoder>(registry);
  publish(1);
  start();
  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  registry.is_broken = true;
  publish(1);
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(worker->progress().reason, "no such thing");
  EXPECT_EQ(letters.count("id"), 0U);
}

}  // namespace
}  // namespace sluice::connect
