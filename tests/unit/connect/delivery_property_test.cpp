// The promise of this layer under everything that may happen to it: whatever the other side says
// and wherever the process dies, every message arrives, in order per publisher, and nothing arrives
// twice unless the process died.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "connect/text.hpp"
#include "connect/worker.hpp"
#include "scripted_sink.hpp"
#include "support/eventually.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr int kPublishers = 5;

class DeliveryProperty : public testing::TestWithParam<std::uint64_t> {
 protected:
  DeliveryProperty() : random(GetParam()) {
    spec.name = "t";
    spec.mapping.topic = *Template::compile("t");
    spec.mapping.key = *Template::compile("${client_id}");
    spec.mapping.header_form = HeaderForm::All;
    spec.retry_initial = 1ms;
    spec.retry_maximum = 2ms;
    spec.drain_timeout = 20s;
    ids = {queues.acquire("a/#")->id, queues.acquire("+/b")->id};
    other_side.room(1 + below(300));
    const auto retry_percent = below(4);
    const auto reject_percent = below(3);
    other_side.judge([this, retry_percent, reject_percent](const Record& record) {
      const auto dice = judging() % 100;
      if (dice < retry_percent) return Verdict::RetryLater;
      // The same message is always rejected: that is what rejected means.
      const auto hash = std::hash<std::string_view>()(record.value) % 100;
      return hash < reject_percent ? Verdict::Rejected : Verdict::Delivered;
    });
    std::printf("seed %llu: room for some, %llu %% come back, %llu %% are rejected\n",
                static_cast<unsigned long long>(GetParam()),
                static_cast<unsigned long long>(retry_percent),
                static_cast<unsigned long long>(reject_percent));
  }
  std::uint64_t below(std::uint64_t bound) { return random() % bound; }

  void start() {
    const auto bytes = store.get(store::StateKind::Cursor, Worker::cursor_key("id"));
    const auto cursor = *bytes ? *store::decode_cursor(**bytes) : store::Cursor{};
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
                        .cursor = cursor,
                        .before = {}},
        spec, [this](Sink::Callbacks callbacks) {
          return Result<std::unique_ptr<Sink>>(
              std::make_unique<ScriptedSink>(other_side, std::move(callbacks), ++sink_seed));
        });
    worker->start();
  }
  // As kill -9 would: the cursor stays where the last commit left it.
  void kill() {
    store.fail_appends(Errc::Closed);
    spec.drain_timeout = 0ms;
    worker.reset();
    spec.drain_timeout = 20s;
    store.crash();
    ASSERT_TRUE(letters.load());
  }
  void publish() {
    std::vector<test::Publication> turn;
    const auto count = 1 + below(40);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto publisher = static_cast<int>(below(kPublishers));
      auto& number = next[publisher];
      // Some match one filter, some both, some none.
      const char* topics[] = {"a/b", "a/x", "z/b", "z/z"};
      const std::string topic = topics[below(4)];
      turn.push_back(
          {.topic = topic, .payload = std::to_string(publisher) + ":" + std::to_string(number++)});
      turn.back().client_id = "p" + std::to_string(publisher);
      if (topic != "z/z") expected.insert(turn.back().payload);
    }
    queues.publish_all(turn);
  }
  std::set<std::string> dead() const {
    std::set<std::string> values;
    const auto page = letters.page("id", 1000, "");
    for (const auto& item : page->at("items").as_array()) {
      std::string payload;
      EXPECT_TRUE(decode_base64(item.as_object().at("payload").as_string(), payload));
      values.insert(payload);
    }
    return values;
  }
  std::set<std::string> arrived() const {
    std::set<std::string> values;
    for (const auto& entry : other_side.arrived()) values.insert(entry.value);
    return values;
  }
  bool is_all_done() const {
    auto done = arrived();
    done.merge(dead());
    return done == expected;
  }
  // For the eye, when it is not all done.
  std::string what_is_missing() const {
    const auto progress = worker->progress();
    std::string text = std::string(name_of(progress.state)) + " " + progress.reason + ", in sink " +
                       std::to_string(progress.in_sink) + ", unfinished " +
                       std::to_string(progress.unfinished) + ", missing";
    auto done = arrived();
    done.merge(dead());
    for (const auto& value : expected)
      if (!done.contains(value)) text += " " + value;
    return text;
  }
  // By publisher: the first arrival of each message must be in order.
  void expect_order() const {
    std::map<std::string, int> last;
    std::set<std::string> seen;
    for (const auto& entry : other_side.arrived()) {
      if (!seen.insert(entry.value).second) continue;
      const auto number = std::stoi(entry.value.substr(entry.value.find(':') + 1));
      if (last.contains(entry.key)) {
        EXPECT_LT(last[entry.key], number) << entry.key;
      }
      last[entry.key] = number;
    }
  }

  std::mt19937_64 random;  // the test's own thread only
  std::atomic<std::uint64_t> sink_seed{GetParam()};
  std::mt19937_64 judging{GetParam() + 1};
  test::MemoryStore store;
  test::MemoryQueues queues{store};
  DeadLetters letters{store, 64 << 20};
  SystemClock clock;
  metrics::Counter counter;
  metrics::Histogram histogram;
  OtherSide other_side;
  TaskSpec spec;
  std::vector<store::QueueId> ids;
  std::unique_ptr<Worker> worker;
  std::map<int, int> next;
  std::set<std::string> expected;
};

TEST_P(DeliveryProperty, LosesRepeatsAndReordersNothingWhileTheProcessLives) {
  start();
  for (int step = 0; step < 60; ++step) {
    publish();
    if (below(8) == 0) {
      worker->stop();  // a pause
      start();
    }
  }

  ASSERT_TRUE(eventually([&] { return is_all_done(); })) << what_is_missing();
  worker->stop();

  EXPECT_EQ(other_side.count(), arrived().size()) << "something arrived twice";
  expect_order();
  const auto cursor =
      *store::decode_cursor(**store.get(store::StateKind::Cursor, Worker::cursor_key("id")));
  EXPECT_TRUE(cursor.acknowledged.empty());
  EXPECT_EQ(store.count_after(ids, cursor.position, 10), 0U);
}

TEST_P(DeliveryProperty, LosesAndReordersNothingWhereverTheProcessDies) {
  start();
  for (int step = 0; step < 60; ++step) {
    publish();
    if (below(6) == 0) {
      kill();
      start();
    }
  }

  ASSERT_TRUE(eventually([&] { return is_all_done(); })) << what_is_missing();
  worker->stop();

  expect_order();
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeliveryProperty, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace sluice::connect
