#include "connect/source_worker.hpp"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/totals.hpp"
#include "support/eventually.hpp"
#include "support/memory_store.hpp"
#include "support/scripted_accounts.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using sluice::test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

// The other side, by script. Its records are their own keys.
struct OtherSystem {
  std::mutex mutex;
  std::vector<std::string> waiting;       // not handed out yet
  std::vector<std::string> acknowledged;  // in their order
  std::string broken;                     // receive() fails with it
  int opened = 0, closed = 0;
  std::function<void()> on_ready;

  void send(const std::vector<std::string>& records) {
    const std::scoped_lock lock(mutex);
    waiting.insert(waiting.end(), records.begin(), records.end());
    if (on_ready) on_ready();
  }
  std::vector<std::string> done() {
    const std::scoped_lock lock(mutex);
    return acknowledged;
  }
  bool has_closed() {
    const std::scoped_lock lock(mutex);
    return closed > 0;
  }
  void reset() {
    const std::scoped_lock lock(mutex);
    waiting.clear();
    acknowledged.clear();
    closed = 0;
  }
};

class ScriptedSource final : public Source {
 public:
  ScriptedSource(OtherSystem& system, Callbacks callbacks) : system_(system) {
    const std::scoped_lock lock(system_.mutex);
    system_.on_ready = std::move(callbacks.on_ready);
    ++system_.opened;
  }
  ~ScriptedSource() override {
    const std::scoped_lock lock(system_.mutex);
    system_.on_ready = nullptr;
    // What was not acknowledged comes again.
    system_.waiting.insert(system_.waiting.begin(), handed_out_.begin(), handed_out_.end());
  }
  Result<void> receive(ArrivalBatch& batch, std::size_t most, std::size_t /*bytes*/) override {
    const std::scoped_lock lock(system_.mutex);
    if (!system_.broken.empty()) return fail(Errc::Unavailable, std::exchange(system_.broken, ""));
    while (!system_.waiting.empty() && batch.arrivals.size() < most) {
      handed_out_.push_back(system_.waiting.front());
      system_.waiting.erase(system_.waiting.begin());
      Arrival arrival{.token = next_++, .message = {}};
      arrival.message.topic = "there";
      arrival.message.client_id = batch.arena.copy(handed_out_.back());
      arrival.message.payload = arrival.message.client_id;
      batch.arrivals.push_back(arrival);
    }
    return {};
  }
  void acknowledge(std::uint64_t token) override {
    const std::scoped_lock lock(system_.mutex);
    while (!handed_out_.empty() && next_ - handed_out_.size() <= token) {
      system_.acknowledged.push_back(handed_out_.front());
      handed_out_.pop_front();
    }
  }
  Milliseconds tend(bool /*is_busy*/) override { return kNotByItself; }
  bool has_begun() const override { return true; }
  std::string_view away() const override { return {}; }
  std::optional<std::uint64_t> lag() const override { return 0; }
  std::uint64_t take_lost() override { return 0; }
  void close() override {
    const std::scoped_lock lock(system_.mutex);
    ++system_.closed;
  }

 private:
  OtherSystem& system_;
  std::deque<std::string> handed_out_;
  std::uint64_t next_ = 0;
};

// The broker's side: what is published waits here until the test answers.
struct ScriptedIntake : broker::Intake {
  void publish_all(Messages messages, Done done) override {
    const std::scoped_lock lock(mutex);
    batches.emplace_back(std::move(messages), std::move(done));
  }
  // The topics of the batch that waits; empty: none does.
  std::vector<std::string> topics() {
    const std::scoped_lock lock(mutex);
    std::vector<std::string> found;
    if (!batches.empty())
      for (const auto& message : *batches.front().first) found.push_back(message.topic);
    return found;
  }
  bool wait(const std::vector<std::string>& expected) {
    return eventually([&] { return topics() == expected; });
  }
  void answer(std::vector<std::optional<Refusal>> answers) {
    std::unique_lock lock(mutex);
    auto [messages, done] = std::move(batches.front());
    batches.pop_front();
    lock.unlock();
    answers.resize(messages->size());
    messages.reset();
    done(std::move(answers));
  }
  std::mutex mutex;
  std::deque<std::pair<Messages, Done>> batches;
};

class SourceWorkerTest : public testing::Test {
 protected:
  SourceWorkerTest() {
    spec.name = "t";
    spec.source_type = "other";
    spec.inbound.is_of_records = true;
    spec.inbound.topic = *Template::compile("in/${key}", TemplateScope::Record);
    spec.retry_initial = 1ms;
    spec.retry_maximum = 2ms;
  }
  void start() { start(letters); }
  void start(DeadLetters& dead_letters) {
    worker = std::make_unique<SourceWorker>(
        SourceWorker::Context{.intake = intake,
                              .dead_letters = dead_letters,
                              .clock = clock,
                              .counters = counters(),
                              .task_id = "T",
                              .node_name = "n",
                              .worker_name = "c-t-0",
                              .maximum_hops = 4,
                              .before = before,
                              .keep_totals =
                                  [this](const Progress& done) {
                                    const auto batch = store.new_batch();
                                    put_totals(*batch, "T", done);
                                    ASSERT_TRUE(store.append(batch));
                                  },
                              .ask_rights = ask_rights,
                              .downstream = downstream},
        spec, [this](Source::Callbacks callbacks) {
          return Result<std::unique_ptr<Source>>(
              std::make_unique<ScriptedSource>(system, std::move(callbacks)));
        });
    worker->start();
  }
  TaskCounters counters() {
    const auto counter = [this](std::string_view name) -> metrics::Counter& {
      return metrics.counter({.name = name, .help = "h"});
    };
    return {counter("sluice_a_total"),
            counter("sluice_b_total"),
            counter("sluice_c_total"),
            counter("sluice_d_total"),
            counter("sluice_e_total"),
            counter("sluice_f_total"),
            counter("sluice_g_total"),
            counter("sluice_h_total"),
            counter("sluice_i_total"),
            metrics.histogram(
                {.name = "sluice_seconds", .help = "h", .kind = metrics::Kind::Histogram})};
  }
  // It runs as this user from now on.
  void use_account(const std::string& user) {
    spec.account = user;
    ask_rights = [this, user] { return accounts.rights_of(user, "c-t-0"); };
    accounts.watch([this] {
      if (worker) worker->rights_changed();
    });
  }
  bool is_waiting_for(std::string_view why) {
    return eventually([&] {
      const auto progress = worker->progress();
      return progress.state == TaskState::Waiting && progress.reason.find(why) != std::string::npos;
    });
  }
  bool is_done(std::vector<std::string> expected) {
    return eventually([&] { return system.done() == expected; });
  }
  static Refusal refusal(Errc code) {
    return {.errc = code, .code = "x", .detail = "no", .hint = ""};
  }

  test::MemoryStore store;
  DeadLetters letters{store, 1 << 20};
  metrics::Registry metrics;
  const Clock& clock = system_clock();
  OtherSystem system;
  ScriptedIntake intake;
  TaskSpec spec;
  Progress before;
  test::ScriptedAccounts accounts;
  AskRights ask_rights;
  std::optional<Downstream> downstream;
  std::unique_ptr<SourceWorker> worker;
};

TEST_F(SourceWorkerTest, PublishesAsItsAccount) {
  use_account("mill");
  accounts.allow("mill", {.reads = {}, .publishes = {"in/#"}, .denied = {}});
  system.send({"1"});
  start();

  ASSERT_TRUE(intake.wait({"in/1"}));
  EXPECT_EQ(intake.batches.front().first->front().client.username, "mill");
  intake.answer({});
  EXPECT_TRUE(is_done({"1"}));
}

TEST_F(SourceWorkerTest, TakesNothingWhileItsAccountMayPublishNothing) {
  use_account("mill");
  system.send({"1"});
  start();
  ASSERT_TRUE(is_waiting_for("there is no user `mill`"));

  accounts.allow("mill", {});
  ASSERT_TRUE(is_waiting_for("may not publish anything"));
  system.send({"2"});
  EXPECT_THAT(system.done(), IsEmpty());
  accounts.allow("mill", {.reads = {}, .publishes = {"in/#"}, .denied = {}});
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
  intake.answer({});

  EXPECT_TRUE(is_done({"1", "2"}));
  EXPECT_EQ(letters.count("T"), 0U);
}

TEST_F(SourceWorkerTest, MakesDeadLettersOfWhatItsAccountMayNotPublish) {
  use_account("mill");
  accounts.allow("mill", {.reads = {}, .publishes = {"in/1", "in/3"}, .denied = {}});
  system.send({"1", "2", "3"});
  start();

  ASSERT_TRUE(intake.wait({"in/1", "in/3"}));
  intake.answer({});
  ASSERT_TRUE(is_done({"1", "2", "3"}));
  const auto page = letters.page("T", 10, "");
  const auto& letter = page->at("items").as_array().front();
  EXPECT_EQ(letter.at("class").as_string(), "denied");
  EXPECT_NE(std::string_view(letter.at("reason").as_string())
                .find("topic in/2: the account `mill` may not publish this"),
            std::string_view::npos);
}

// What waits to be tried again is asked about again.
TEST_F(SourceWorkerTest, AsksAgainForWhatIsTriedAgain) {
  use_account("mill");
  accounts.allow("mill", {.reads = {}, .publishes = {"in/#"}, .denied = {}});
  system.send({"1", "2"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));

  accounts.allow("mill", {.reads = {}, .publishes = {"in/2"}, .denied = {}});
  intake.answer({refusal(Errc::Overloaded), refusal(Errc::Overloaded)});

  ASSERT_TRUE(intake.wait({"in/2"}));
  intake.answer({});
  EXPECT_TRUE(is_done({"1", "2"}));
  EXPECT_EQ(letters.count("T"), 1U);
}

TEST_F(SourceWorkerTest, StopsAtWhatItsAccountMayNotPublishWhereItIsToldTo) {
  use_account("mill");
  accounts.allow("mill", {.reads = {}, .publishes = {"in/1", "in/3"}, .denied = {}});
  spec.rejected = RejectedPolicy::Stop;
  system.send({"1", "2", "3"});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));
  intake.answer({});

  ASSERT_TRUE(is_done({"1"}));
  ASSERT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_EQ(letters.count("T"), 0U);
}

// Other tasks deliver what comes, as the test says: batch by batch.
class DeliveredTest : public SourceWorkerTest {
 protected:
  DeliveredTest() {
    downstream =
        Downstream{.reached = [this] { return store::Position(++batches_); },
                   .why_not = [this](store::Position position) -> std::optional<std::string> {
                     const std::scoped_lock lock(mutex_);
                     if (position.get() <= delivered_) return std::nullopt;
                     return held_up_;
                   },
                   .listen =
                       [this](std::function<void()> listener) {
                         const std::scoped_lock lock(mutex_);
                         listener_ = std::move(listener);
                       }};
  }
  ~DeliveredTest() override { worker.reset(); }
  void deliver(std::uint64_t batches, std::string held_up = "") {
    const std::scoped_lock lock(mutex_);
    delivered_ = batches;
    held_up_ = std::move(held_up);
    if (listener_) listener_();
  }

 private:
  std::mutex mutex_;
  std::uint64_t batches_ = 0, delivered_ = 0;
  std::string held_up_;
  std::function<void()> listener_;
};

TEST_F(DeliveredTest, AcknowledgesInOrderOnceItIsDeliveredAndReceivesMeanwhile) {
  system.send({"1", "2"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
  intake.answer({});
  system.send({"3"});
  ASSERT_TRUE(intake.wait({"in/3"}));
  intake.answer({});
  ASSERT_TRUE(eventually([&] { return worker->progress().unfinished == 3; }));
  EXPECT_THAT(system.done(), IsEmpty());

  deliver(1);
  EXPECT_TRUE(is_done({"1", "2"}));
  deliver(2);
  EXPECT_TRUE(is_done({"1", "2", "3"}));
  EXPECT_TRUE(eventually([&] { return worker->progress().unfinished == 0; }));
}

TEST_F(DeliveredTest, SaysWhatHoldsItUpAndDoesNotWaitForItWhenItEnds) {
  deliver(0, "the task is paused");
  system.send({"1"});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));
  intake.answer({});

  EXPECT_TRUE(eventually([&] { return worker->progress().state == TaskState::Waiting; }));
  EXPECT_EQ(worker->progress().reason, "the task is paused");
  worker->stop();
  EXPECT_THAT(system.done(), IsEmpty());

  system.send({});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));  // it comes again
  intake.answer({});
  deliver(2);
  EXPECT_TRUE(is_done({"1"}));
  EXPECT_TRUE(eventually([&] { return worker->progress().state == TaskState::Running; }));
}

// Whoever ends cleanly hears of what is on its way, so that it need not come again.
TEST_F(DeliveredTest, WaitsForWhatIsOnItsWayWhenItEnds) {
  system.send({"1"});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));
  intake.answer({});
  ASSERT_TRUE(eventually([&] { return worker->progress().unfinished == 1; }));

  worker->request_stop();
  deliver(1);
  worker->stop();

  EXPECT_THAT(system.done(), ElementsAre("1"));
}

// Also without a clean stop: what was kept is there for the next run.
TEST_F(SourceWorkerTest, WhatItHasDoneIsKeptWhileItRuns) {
  before.delivered = 10;
  before.looped = 3;
  system.send({"1", "2"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
  intake.answer({});

  ASSERT_TRUE(eventually([&] {
    Progress kept;
    return load_totals(store, "T", kept) && kept.delivered == 12 && kept.looped == 3;
  }));
}

TEST_F(SourceWorkerTest, TotalsOfAnEarlierVersionAreUnderstood) {
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, "task_totals/T", "1 9 8 7 6 5 4 3");
  ASSERT_TRUE(store.append(batch));

  Progress kept;
  ASSERT_TRUE(load_totals(store, "T", kept));

  EXPECT_EQ(kept.delivered, 9U);
  EXPECT_EQ(kept.possible_duplicates, 3U);
  EXPECT_EQ(kept.looped, 0U);
}

TEST_F(SourceWorkerTest, AcknowledgesWhatIsDurableHereAndNotBefore) {
  system.send({"1", "2"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
  system.send({"3"});
  EXPECT_THAT(system.done(), IsEmpty());

  intake.answer({});

  EXPECT_TRUE(is_done({"1", "2"}));
  EXPECT_TRUE(intake.wait({"in/3"}));
  intake.answer({});
  EXPECT_TRUE(is_done({"1", "2", "3"}));
}

TEST_F(SourceWorkerTest, TriesAgainInPlaceBeforeAnythingNewer) {
  system.send({"1", "2", "3"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2", "in/3"}));
  system.send({"4"});

  intake.answer({std::nullopt, refusal(Errc::Overloaded), refusal(Errc::Overloaded)});

  ASSERT_TRUE(intake.wait({"in/2", "in/3"}));
  EXPECT_THAT(system.done(), IsEmpty());
  EXPECT_TRUE(eventually([&] { return worker->progress().retried == 2; }));
  intake.answer({});
  ASSERT_TRUE(intake.wait({"in/4"}));
  EXPECT_TRUE(is_done({"1", "2", "3"}));
}

TEST_F(SourceWorkerTest, KeepsWhatIsRefusedForGoodAsADeadLetterBeforeItAcknowledges) {
  system.send({"1", "2"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));

  intake.answer({refusal(Errc::InvalidArgument)});

  EXPECT_TRUE(is_done({"1", "2"}));
  const auto page = letters.page("T", 10, "");
  ASSERT_TRUE(page);
  const auto& items = page->at("items").as_array();
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].at("client_id").as_string(), "1");
  EXPECT_EQ(items[0].at("reason").as_string(), "topic in/1: no");
}

TEST_F(SourceWorkerTest, HoldsEverythingBackWhileDeadLettersHaveNoRoom) {
  DeadLetters full(store, 1);
  spec.drop_oldest_dead_letter = false;
  system.send({"", "2"});  // no key: no topic
  start(full);
  ASSERT_TRUE(intake.wait({"in/2"}));
  intake.answer({});

  EXPECT_TRUE(eventually([&] { return worker->progress().state == TaskState::Waiting; }));
  EXPECT_THAT(system.done(), IsEmpty());
  worker->stop();
}

TEST_F(SourceWorkerTest, StopsAtWhatIsRejectedAndIsDoneWithWhatStandsBefore) {
  spec.rejected = RejectedPolicy::Stop;
  system.send({"1", "2", "3"});
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2", "in/3"}));

  intake.answer({std::nullopt, refusal(Errc::InvalidArgument)});

  EXPECT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_TRUE(is_done({"1"}));
  EXPECT_TRUE(eventually([&] { return system.has_closed(); }));
  worker->stop();
  EXPECT_EQ(worker->progress().state, TaskState::Failed);
}

TEST_F(SourceWorkerTest, PublishesNothingBehindWhatStopsIt) {
  spec.rejected = RejectedPolicy::Stop;
  for (const std::string bad : {"a#", ""}) {  // no topic name; no topic
    system.send({"1", "2", bad, "3"});
    start();
    ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
    EXPECT_THAT(system.done(), IsEmpty());

    intake.answer({});

    EXPECT_TRUE(is_done({"1", "2"}));
    EXPECT_TRUE(eventually([&] { return system.has_closed(); }));
    worker->stop();
    EXPECT_EQ(worker->progress().state, TaskState::Failed);
    EXPECT_EQ(worker->progress().delivered, 2U);
    EXPECT_THAT(intake.topics(), IsEmpty());
    system.reset();
  }
}

TEST_F(SourceWorkerTest, StopsAtARecordThatComesFirstWithoutBeingAskedAgain) {
  spec.rejected = RejectedPolicy::Stop;
  system.send({"", "1"});
  start();

  EXPECT_TRUE(eventually([&] { return system.has_closed(); }));
  EXPECT_TRUE(eventually([&] { return worker->progress().state == TaskState::Failed; }));
  EXPECT_THAT(system.done(), IsEmpty());
  EXPECT_THAT(intake.topics(), IsEmpty());
}

TEST_F(SourceWorkerTest, IsDoneWithTheBeginningOfABatchThatItLeavesWhenItIsPaused) {
  system.send({"1", "2"});
  spec.retry_initial = spec.retry_maximum = 1h;
  start();
  ASSERT_TRUE(intake.wait({"in/1", "in/2"}));
  intake.answer({std::nullopt, refusal(Errc::Overloaded)});
  ASSERT_TRUE(eventually([&] { return worker->progress().retried == 1U; }));

  worker->stop();

  EXPECT_THAT(system.done(), ElementsAre("1"));
}

TEST_F(SourceWorkerTest, ReplacesASourceThatIsBrokenAndGoesOnBehindWhatIsDone) {
  system.send({"1"});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));
  intake.answer({});
  ASSERT_TRUE(is_done({"1"}));

  {
    const std::scoped_lock lock(system.mutex);
    system.broken = "it fell over";
  }
  system.send({"2"});

  ASSERT_TRUE(intake.wait({"in/2"}));
  EXPECT_EQ(system.opened, 2);
  EXPECT_EQ(worker->progress().last_error, "it fell over");
  intake.answer({});
  EXPECT_TRUE(is_done({"1", "2"}));
}

TEST_F(SourceWorkerTest, WaitsWhenItParksForWhatIsOnItsWay) {
  system.send({"1"});
  start();
  ASSERT_TRUE(intake.wait({"in/1"}));

  worker->request_stop();
  intake.answer({});
  worker->stop();

  EXPECT_THAT(system.done(), ElementsAre("1"));
  EXPECT_EQ(system.closed, 1);
  EXPECT_EQ(worker->progress().state, TaskState::Paused);
}

}  // namespace
}  // namespace sluice::connect
