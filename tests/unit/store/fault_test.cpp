#include <condition_variable>
#include <mutex>

#include "ledger.hpp"

namespace sluice::store {
namespace {

class Fault : public StoreTest {
 protected:
  // Listens for changes of health and commits.
  void listen() {
    store_->add_durable_listener([this](Position) {
      const std::scoped_lock lock(mutex_);
      changed_.notify_all();
    });
  }

  template <class Condition>
  void wait_until(Condition&& condition) {
    std::unique_lock lock(mutex_);
    // Health can also change between the look and the wait.
    while (!condition()) changed_.wait_for(lock, std::chrono::milliseconds(5));
  }

  [[nodiscard]] bool accepts() const { return store_->health().accepting; }

  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST_F(Fault, AFailedSyncClosesTheLogUntilRestart) {
  open();
  listen();
  const QueueId id = queue("q");
  publish("durable", {id});
  const Position durable = store_->durable();
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed);

  const auto batch = append("lost", {id});
  ASSERT_TRUE(batch);
  const auto waited = store_->wait_durable((*batch)->end());

  EXPECT_EQ(waited.error().code, Errc::Closed);
  EXPECT_EQ(store_->durable(), durable);
  EXPECT_FALSE(accepts());
  EXPECT_EQ(store_->health().reason, Errc::Closed);
  EXPECT_NE(store_->health().detail, "");
  EXPECT_EQ(append("refused", {id}).error().code, Errc::Closed);
  EXPECT_EQ(payloads(id).size(), 2U);  // readers are still served
  crash(Survives::Synced);
  open();
  EXPECT_TRUE(accepts());
  EXPECT_EQ(payloads(id), std::vector<std::string>{"durable"});
}

TEST_F(Fault, AFailedSyncForLackOfSpaceClosesTheLogToo) {
  open();
  files_.fail_nth(Operation::Sync, 1, Errc::NoSpace);

  const auto batch = append("x");
  ASSERT_TRUE(batch);

  EXPECT_EQ(store_->wait_durable((*batch)->end()).error().code, Errc::Closed);
}

TEST_F(Fault, AFailedWriteClosesTheLog) {
  open();
  files_.fail_nth(Operation::Write, 1, Errc::IoFailed);

  const auto batch = append("x");
  ASSERT_TRUE(batch);

  EXPECT_EQ(store_->wait_durable((*batch)->end()).error().code, Errc::Closed);
  EXPECT_EQ(store_->health().reason, Errc::Closed);
}

TEST_F(Fault, AFailedSyncBehindClosesTheLogWithDurabilityOs) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.checkpoint_bytes = 8 << 10;
  options_.segment_bytes = 1 << 20;
  open();
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed);  // the checkpoint's

  for (int i = 0; i < 20; ++i) static_cast<void>(append(std::string(1000, 'x')));

  wait_until([this] { return !accepts(); });
  EXPECT_EQ(store_->health().reason, Errc::Closed);
}

// A power cut takes back little even where hardly anything is published.
TEST_F(Fault, DurabilityOsSyncsTheLittleThatCameSoonAfter) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.sync_behind_after = std::chrono::milliseconds(1);
  open();
  const QueueId id = queue("q");
  publish("a", {id});
  wait_until([&] { return store_->statistics().synced == store_->durable(); });
  publish("b", {id});
  wait_until([&] { return store_->statistics().synced == store_->durable(); });

  crash(Survives::Synced);
  open();
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"a", "b"}));
}

// The system reports a failed sync once; the next one succeeds without what was lost.
TEST_F(Fault, AFailedSyncIsNotMadeGoodByALaterOne) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.checkpoint_bytes = 8 << 10;
  options_.segment_bytes = 1 << 20;
  options_.cache_bytes = 0;
  open();
  const QueueId id = queue("q");
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed);
  for (int i = 0; i < 20; ++i) static_cast<void>(append(std::string(1000, 'x'), {id}));
  wait_until([this] { return !accepts(); });

  store_.reset();  // must not write a checkpoint of what the disk may not have
  files_.restart(Survives::Synced);
  open();

  const auto opened = store_->open_queue("q", true);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(payloads(opened->id).empty());
}

TEST_F(Fault, AFullDiskRefusesMessagesTakesStateAndComesBack) {
  options_.first_fill_bytes = 0;
  options_.segment_bytes = 1 << 20;
  options_.reserve_bytes = 64 << 10;
  open();
  listen();
  const QueueId id = queue("q");
  publish("before", {id});
  files_.set_capacity(files_.used() + 1000);

  // The one that meets the full disk was ordered: it stays, and the reserve takes it.
  const auto met = append(std::string(5000, 'm'), {id});
  ASSERT_TRUE(met);
  wait_until([this] { return !accepts(); });
  EXPECT_EQ(store_->health().reason, Errc::NoSpace);
  const auto refused = append("refused", {id});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::NoSpace);
  EXPECT_TRUE(store_->wait_durable((*met)->end()));
  EXPECT_TRUE(store_->wait_durable(put(StateKind::Cursor, "c", "advanced")));
  EXPECT_EQ(payloads(id).size(), 2U);

  files_.set_capacity(UINT64_MAX);
  wait_until([this] { return accepts(); });
  publish("after", {id});
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"before", std::string(5000, 'm'), "after"}));
  crash(Survives::Synced);
  open();
  EXPECT_EQ(payloads(id).size(), 3U);
  EXPECT_EQ(get(StateKind::Cursor, "c"), "advanced");
}

TEST_F(Fault, AFullDiskWithoutReserveKeepsWhatWasOrderedUntilThereIsSpace) {
  options_.first_fill_bytes = 0;
  open();
  listen();
  const QueueId id = queue("q");
  publish("before", {id});
  ASSERT_TRUE(files_.remove(directory_.path() + "/reserve"));
  files_.set_capacity(files_.used() + 100);

  const auto waiting = append(std::string(5000, 'w'), {id});
  ASSERT_TRUE(waiting);
  const auto waited = store_->wait_durable((*waiting)->end());
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, Errc::NoSpace);
  const BatchPtr state = store_->new_batch();
  state->put(StateKind::Cursor, "c", "1");
  const auto refused = store_->append(state);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::NoSpace);
  EXPECT_FALSE(accepts());

  files_.set_capacity(UINT64_MAX);
  wait_until([&] { return store_->durable() >= (*waiting)->end(); });
  wait_until([this] { return accepts(); });
  publish("after", {id});
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"before", std::string(5000, 'w'), "after"}));
}

// Whoever meets it, the committing thread is the one that tries again.
TEST_F(Fault, AFullDiskMetByTheThreadThatAppendsIsWaitedOut) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.segment_bytes = 1 << 20;
  options_.reserve_bytes = 64 << 10;
  open();
  listen();
  const QueueId id = queue("q");
  std::vector<std::string> expected;
  for (int round = 0; round < 5; ++round) {
    expected.push_back("before " + std::to_string(round));
    publish(expected.back(), {id});
    files_.set_capacity(files_.used() + 1000);
    expected.push_back(std::string(5000, 'm'));
    ASSERT_TRUE(append(expected.back(), {id}));
    wait_until([this] { return !accepts(); });
    EXPECT_EQ(append("refused", {id}).error().code, Errc::NoSpace);

    files_.set_capacity(UINT64_MAX);
    wait_until([this] { return accepts(); });
  }
  EXPECT_EQ(payloads(id), expected);

  crash(Survives::All);
  open();
  EXPECT_EQ(payloads(id), expected);
}

TEST_F(Fault, OpensOnAFullDisk) {
  options_.first_fill_bytes = 0;  // nothing that recovery could give back
  open();
  const QueueId id = queue("q");
  publish("x", {id});
  crash(Survives::Synced);
  files_.set_capacity(files_.used());

  open();
  listen();

  EXPECT_EQ(payloads(id), std::vector<std::string>{"x"});
  EXPECT_FALSE(accepts());
  EXPECT_EQ(store_->health().reason, Errc::NoSpace);
  const auto refused = append("refused", {id});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::NoSpace);
  files_.set_capacity(UINT64_MAX);
  wait_until([this] { return accepts(); });
  publish("y", {id});
  reopen();
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"x", "y"}));
}

TEST_F(Fault, RefusesMoreThanMayWaitAndTakesMoreAgainLater) {
  options_.maximum_waiting_bytes = 20'000;
  options_.first_fill_bytes = 0;
  options_.reserve_bytes = 0;
  open();
  listen();
  const QueueId id = queue("q");
  // A disk that takes nothing for a while.
  files_.set_capacity(files_.used());
  std::vector<std::string> expected;
  Errc refused = Errc::Closed;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i) + std::string(1000, 'x');
    if (const auto batch = append(text, {id})) {
      expected.push_back(text);
    } else {
      refused = batch.error().code;
      break;
    }
  }
  EXPECT_LE(expected.size(), 20U);
  EXPECT_TRUE(refused == Errc::Overloaded || refused == Errc::NoSpace);

  files_.set_capacity(UINT64_MAX);
  wait_until([this] { return accepts(); });
  expected.push_back("again");
  publish("again", {id});
  EXPECT_EQ(payloads(id), expected);
}

TEST_F(Fault, OverloadedLetsSmallStatePassAndEnds) {
  // Two files: the second cannot be made, so nothing more becomes durable and all waits.
  options_.maximum_waiting_bytes = 4'000;
  open();
  const BatchPtr first = store_->new_batch();
  first->add_message(message(std::string(3'900, 'x')), {});
  Errc second = Errc::Closed;
  bool state_passed = false;

  // Inside the order nothing can be committed of what is not staged: the bound is met for certain.
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 2000 && second != Errc::Overloaded; ++i) {
    const auto appended = append(std::string(3'900, 'y'));
    if (appended) continue;
    second = appended.error().code;
    const BatchPtr state = store_->new_batch();
    state->put(StateKind::Cursor, "c", "1");
    state_passed = store_->append(state).has_value();
  }

  EXPECT_EQ(second, Errc::Overloaded);
  EXPECT_TRUE(state_passed);
  ASSERT_TRUE(store_->wait_durable(store_->head()));
  EXPECT_TRUE(append("again"));
}

// Fails the nth operation of the file system for n = 1, 2, ... until there are no more: whatever
// was reported durable is there after the restart, in order, once, and no group is there by half.
class Anomaly : public Fault, public ::testing::WithParamInterface<std::pair<Errc, bool>> {
 protected:
  void SetUp() override {
    options_.segment_bytes = 8 << 10;
    options_.checkpoint_bytes = 8 << 10;
    options_.first_fill_bytes = 4 << 10;
    options_.cache_bytes = 0;
  }

  // True: the failure was met.
  bool run(std::uint64_t nth) {
    const auto [with, and_all_later] = GetParam();
    Ledger ledger(nth);
    files_.fail_nth(nth, with, and_all_later);
    const auto opened = try_open();
    if (opened) {
      ledger.open_queues(*store_);
      for (int i = 0; i < 30 && ledger.has_queues(); ++i) {
        if (!ledger.append(*store_)) break;
        if (i % 5 == 0 && !store_->wait_durable(ledger.end())) break;
      }
      ledger.note_durable(*store_);
    }
    const bool met = files_.failed();
    crash(Survives::Anything, nth);
    forget_view();
    open();
    if (ledger.has_queues() && !HasFatalFailure()) ledger.check(*store_);
    store_.reset();
    return met;
  }
};

TEST_P(Anomaly, NothingDurableIsLostWhicheverOperationFails) {
  std::uint64_t nth = 1;
  for (; nth < 1000; ++nth) {
    SCOPED_TRACE("operation " + std::to_string(nth));
    const bool met = run(nth);
    if (HasFailure() || !met) break;
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
  }
  EXPECT_GT(nth, 20U);
  RecordProperty("operations", std::to_string(nth));
}

// The same while the server starts after a power cut, whose remains it has to cut and to write
// again: what it finds in the end is what any start would have found.
TEST_P(Anomaly, NothingIsLostWhicheverOperationOfAStartFails) {
  const auto [with, and_all_later] = GetParam();
  std::uint64_t nth = 1;
  bool met = true;
  for (; nth < 200 && met && !HasFailure(); ++nth) {
    SCOPED_TRACE("operation " + std::to_string(nth));
    Ledger ledger(nth);
    open();
    ledger.open_queues(*store_);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(ledger.append(*store_));
      if (i == 15) ASSERT_TRUE(store_->wait_durable(ledger.end()));
    }
    ledger.note_durable(*store_);
    crash(Survives::Anything, nth);
    if (nth % 2 == 0) forget_view();

    files_.fail_nth(nth, with, and_all_later);
    const auto opened = try_open();
    met = files_.failed();
    files_.fail_nothing();
    if (opened && store_->health().accepting) ledger.check(*store_);
    crash(Survives::Anything, nth + 1);
    if (nth % 3 == 0) forget_view();
    open();

    ledger.check(*store_);
    store_.reset();
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
  }
  EXPECT_GT(nth, 8U);
  RecordProperty("operations", std::to_string(nth));
}

INSTANTIATE_TEST_SUITE_P(Every, Anomaly,
                         ::testing::Values(std::pair(Errc::IoFailed, false),
                                           std::pair(Errc::IoFailed, true),
                                           std::pair(Errc::NoSpace, false),
                                           std::pair(Errc::NoSpace, true)));

}  // namespace
}  // namespace sluice::store
