#include "store/embedded/retention.hpp"

#include "ledger.hpp"

namespace sluice::store {
namespace {

using embedded::Expiry;
using embedded::find_expired;
using embedded::hold_back;
using embedded::SealedSegment;

// --- the rule alone

// Ten files of 100 bytes, a second apart; the one that is written has 50.
std::vector<SealedSegment> ten_files() {
  std::vector<SealedSegment> sealed;
  for (std::uint64_t i = 0; i < 10; ++i) {
    sealed.push_back({i * 100, i * 100 + 100, static_cast<std::int64_t>(i + 1) * 1000});
  }
  return sealed;
}

Expiry expiry_of(const Retention& limits, const embedded::Needs& needs, std::int64_t now_ms = 0) {
  const auto sealed = ten_files();
  auto expiry = find_expired(sealed, 1050, limits, now_ms);
  hold_back(expiry, sealed, limits, needs);
  return expiry;
}

TEST(RetentionRule, KeepsEverythingWithoutABound) {
  EXPECT_EQ(expiry_of({}, {}, 1'000'000).go, 0U);
}

TEST(RetentionRule, TakesTheOldestUntilTheRestFits) {
  EXPECT_EQ(expiry_of({.time = {}, .bytes = 1050}, {}).go, 0U);
  EXPECT_EQ(expiry_of({.time = {}, .bytes = 1049}, {}).go, 1U);
  EXPECT_EQ(expiry_of({.time = {}, .bytes = 250}, {}).go, 8U);
  EXPECT_EQ(expiry_of({.time = {}, .bytes = 0}, {}).go, 10U);
}

TEST(RetentionRule, TakesWhatIsOlder) {
  const Retention limits{.time = std::chrono::milliseconds(5000), .bytes = {}};
  EXPECT_EQ(expiry_of(limits, {}, 6000).go, 0U);
  EXPECT_EQ(expiry_of(limits, {}, 6001).go, 1U);
  EXPECT_EQ(expiry_of(limits, {}, 9500).go, 4U);
}

TEST(RetentionRule, ATaskMayHoldLessThanAllTasksMay) {
  const Retention limits{.time = {}, .bytes = 250, .hold_sessions = 0, .hold_tasks = 300};
  const auto held = [&](std::vector<embedded::Needs::Bounded> own,
                        std::optional<std::uint64_t> others = {}) {
    const auto expiry =
        expiry_of(limits, {.sessions = {}, .tasks = others, .bounded_tasks = std::move(own)});
    EXPECT_EQ(expiry.held_for_tasks, 800 - expiry.go * 100);
    return expiry.held_for_tasks;
  };
  EXPECT_EQ(held({}), 0U);
  EXPECT_EQ(held({{0, 150}}), 100U);
  EXPECT_EQ(held({{0, 0}}), 0U);
  EXPECT_EQ(held({{0, 1 << 20}}), 300U) << "the bound for all holds, too";
  EXPECT_EQ(held({{750, 300}}), 100U);
  EXPECT_EQ(held({{0, 100}, {0, 200}}), 200U);
  EXPECT_EQ(held({{0, 100}}, 650), 200U);
}

TEST(RetentionRule, HoldsBackWhatSomebodyNeedsUpToABound) {
  Retention limits{.time = {}, .bytes = 250, .hold_sessions = 300, .hold_tasks = 100};

  const auto sessions = expiry_of(limits, {.sessions = 650, .tasks = {}});
  EXPECT_EQ(sessions.go, 6U);
  EXPECT_EQ(sessions.held_for_sessions, 200U);
  const auto overtaken = expiry_of(limits, {.sessions = 120, .tasks = {}});
  EXPECT_EQ(overtaken.go, 5U);
  EXPECT_EQ(overtaken.held_for_sessions, 300U);
  const auto both = expiry_of(limits, {.sessions = 799, .tasks = 0});
  EXPECT_EQ(both.go, 7U);
  EXPECT_EQ(both.held_for_tasks, 100U);
  EXPECT_EQ(expiry_of(limits, {.sessions = 800, .tasks = 990}).go, 8U);  // behind what expired
}

// --- the store

class RetentionTest : public StoreTest {
 protected:
  RetentionTest() {
    options_.segment_bytes = 16 << 10;
    options_.checkpoint_bytes = 32 << 10;
    options_.first_fill_bytes = 4 << 10;
    options_.cache_bytes = 1;
    options_.retention_interval = std::chrono::hours(1);
    options_.retention.bytes = 64 << 10;
  }

  // One round, with what `holds_` says; otherwise nothing is deleted.
  void retain() {
    store_->set_readers(
        {.holds = [this] { return holds_; },
         .deleted =
             [this](Position begin, const std::map<std::string, std::uint64_t>& lost) {
               begin_ = begin;
               for (const auto& [owner, count] : lost) lost_[owner] += count;
             }});
    store_->apply_retention();
    store_->set_readers({});
  }

  void fill(int messages, std::vector<QueueId> queues = {}) {
    for (int i = 0; i < messages; ++i) publish(text(next_++), queues);
  }
  static std::string text(int number) { return std::to_string(number) + std::string(1000, 'x'); }

  [[nodiscard]] std::size_t segment_files() const {
    std::size_t count = 0;
    for (const std::string& path : files_.paths()) count += path.ends_with(".log") ? 1 : 0;
    return count;
  }

  std::vector<Hold> holds_;
  Position begin_;
  std::map<std::string, std::uint64_t> lost_;
  int next_ = 0;
};

TEST_F(RetentionTest, DeletesNothingBeforeItKnowsTheReaders) {
  open();
  fill(200);
  store_->apply_retention();
  EXPECT_GT(store_->statistics().log_bytes, 200U << 10);
  EXPECT_EQ(store_->statistics().segments_deleted, 0U);
}

TEST_F(RetentionTest, KeepsTheLogWithinItsBoundAndTellsWhatWasLost) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 20; ++i) {
    fill(30, {id});
    retain();
    // The one that is written comes on top.
    EXPECT_LE(store_->statistics().log_bytes, (64U << 10) + (16U << 10));
  }
  EXPECT_EQ(begin_, store_->statistics().begin);
  EXPECT_GT(store_->statistics().segments_deleted, 20U);
  const auto kept = payloads(id);
  ASSERT_FALSE(kept.empty());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i], text(600 - static_cast<int>(kept.size() - i)));
  }
}

TEST_F(RetentionTest, CountsExactlyWhatWasDeletedBeforeItWasRead) {
  open();
  const QueueId id = queue("q");
  holds_ = {{.of = Hold::Of::Task, .queue = id, .after = Position()}};
  options_.retention.hold_tasks = 0;
  reopen();
  fill(300, {id});
  retain();

  const auto skipped = store_->skip_deleted({{id}}, Position());
  ASSERT_TRUE(skipped);
  const auto left = payloads(id, skipped->next);
  EXPECT_GT(skipped->lost, 100U);
  EXPECT_EQ(skipped->lost + left.size(), 300U);
  // A reader that comes by itself learns the same.
  std::uint64_t lost = 0;
  Position after;
  for (bool at_end = false; !at_end;) {
    const auto read = store_->read({.queues = {&id, 1}, .after = after});
    ASSERT_TRUE(read);
    lost += read->lost;
    after = read->next;
    at_end = read->at_end;
  }
  EXPECT_EQ(lost, skipped->lost);
}

TEST_F(RetentionTest, HoldsBackForAConsumerUpToItsBudget) {
  options_.retention.hold_tasks = 128 << 10;
  open();
  const QueueId id = queue("q");
  holds_ = {{.of = Hold::Of::Task, .queue = id, .after = Position()}};
  fill(110, {id});
  retain();
  EXPECT_EQ(payloads(id).size(), 110U);
  EXPECT_GT(store_->statistics().held_for_tasks, 64U << 10);

  fill(300, {id});
  retain();

  EXPECT_LT(payloads(id).size(), 250U);
  EXPECT_LE(store_->statistics().held_for_tasks, 128U << 10);
  EXPECT_LE(store_->statistics().log_bytes, (64U << 10) + (128U << 10) + (16U << 10));
  // It has read everything: nothing is held.
  holds_[0].after = store_->head();
  retain();
  EXPECT_EQ(store_->statistics().held_for_tasks, 0U);
  EXPECT_LE(store_->statistics().log_bytes, (64U << 10) + (16U << 10));
}

TEST_F(RetentionTest, AConsumerWithNothingToReadHoldsNothing) {
  options_.retention.hold_sessions = 1 << 30;
  open();
  const QueueId id = queue("q");
  publish("read long ago", {id});
  holds_ = {{.queue = id, .after = store_->head()}};
  fill(300);
  retain();
  EXPECT_LE(store_->statistics().log_bytes, (64U << 10) + (16U << 10));
}

TEST_F(RetentionTest, CountsForABackFillWhatItHadNotRead) {
  options_.retention.hold_tasks = 0;
  open();
  fill(100);
  const Position read = store_->head();
  fill(200);
  holds_ = {{.of = Hold::Of::Task,
             .after = Position(),
             .read = read,
             .filters = {"plant/#"},
             .owner = "task"},
            {.of = Hold::Of::Task, .after = {}, .read = {}, .filters = {"b/#"}, .owner = "other"}};

  retain();

  const std::vector<std::string> filters{"#"};
  std::uint64_t left = 0;
  ScanRequest request{.filters = filters, .after = {}, .before = store_->head()};
  for (bool at_end = false; !at_end;) {
    const auto result = store_->scan_log(request);
    ASSERT_TRUE(result);
    left += result->entries.size();
    request.after = result->next;
    at_end = result->at_end;
  }
  EXPECT_GT(lost_["task"], 50U);
  EXPECT_EQ(lost_["task"] + left, 200U);
  EXPECT_FALSE(lost_.contains("other"));
}

TEST_F(RetentionTest, DeletesByTheAgeOfMessagesAlsoWhereNobodyPublishes) {
  options_.retention = {.time = std::chrono::milliseconds(60'000), .bytes = {}};
  open();
  const QueueId id = queue("q");
  const std::int64_t begin = clock_.wall_ms();
  publish("old", {id});
  retain();
  EXPECT_EQ(payloads(id).size(), 1U);

  clock_.set(begin + 30'000);  // the file is left, so that it can go in time
  retain();
  publish("young", {id});
  clock_.set(begin + 61'000);
  retain();
  EXPECT_EQ(payloads(id), std::vector<std::string>{"young"});

  clock_.set(begin + 200'000);
  retain();
  retain();
  EXPECT_TRUE(payloads(id).empty());
  EXPECT_LE(segment_files(), 3U);
}

TEST_F(RetentionTest, KeepsWhatIsLiveEvenIfTheViewIsLost) {
  open();
  const QueueId kept = queue("kept");
  store_->drop_queue(queue("dropped"));
  put(StateKind::Retained, "topic", "retained");
  put(StateKind::Document, "task/1", "old");
  put(StateKind::Document, "task/1", "new");
  put(StateKind::Session, "gone", "x");
  erase(StateKind::Session, "gone");
  for (int i = 0; i < 30; ++i) {
    put(StateKind::Cursor, "c", std::to_string(i));
    fill(30, {kept});
    retain();
  }
  const auto before = payloads(kept);
  ASSERT_GT(store_->statistics().segments_deleted, 40U);

  for (int round = 0; round < 2; ++round) {
    crash(Survives::Synced);
    forget_view();
    open();
    EXPECT_EQ(get(StateKind::Retained, "topic"), "retained");
    EXPECT_EQ(get(StateKind::Document, "task/1"), "new");
    EXPECT_EQ(get(StateKind::Session, "gone"), std::nullopt);
    EXPECT_EQ(get(StateKind::Cursor, "c"), "29");
    EXPECT_EQ(queue("kept"), kept);
    EXPECT_EQ(payloads(kept), before);
  }
}

TEST_F(RetentionTest, ARestartAfterADeletionFindsTheQueuesWithTheirEntries) {
  open();
  const QueueId id = queue("q");
  fill(300, {id});
  retain();
  const auto before = payloads(id);
  crash(Survives::Synced);
  open();
  EXPECT_EQ(queue("q"), id);
  EXPECT_EQ(payloads(id), before);
  fill(1, {id});
  EXPECT_EQ(payloads(id).size(), before.size() + 1);
}

TEST_F(RetentionTest, DoesNotTakeBackWhatChangesWhileItIsWrittenAgain) {
  options_.checkpoint_bytes = 1 << 20;
  open();
  for (int i = 0; i < 50; ++i) put(StateKind::Session, std::to_string(i), "first");
  fill(100);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int round = 0; !stop; ++round) {
      for (int i = 0; i < 50; ++i)
        put(StateKind::Session, std::to_string(i), std::to_string(round));
      EXPECT_TRUE(store_->wait_durable(store_->head()));
    }
    for (int i = 0; i < 50; ++i) put(StateKind::Session, std::to_string(i), "last");
  });
  for (int i = 0; i < 20; ++i) {
    fill(20);
    retain();
  }
  stop = true;
  writer.join();
  retain();
  ASSERT_TRUE(store_->wait_durable(store_->head()));
  crash(Survives::Synced);
  forget_view();
  open();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(get(StateKind::Session, std::to_string(i)), "last");
}

TEST_F(RetentionTest, StopsWhereMostOfTheLogIsLive) {
  open();
  for (int i = 0; i < 200; ++i) put(StateKind::Retained, std::to_string(i), text(i));
  ASSERT_TRUE(store_->wait_durable(store_->head()));
  for (int i = 0; i < 20; ++i) retain();
  // Larger than the bound, as all of it is needed; and not written again and again.
  EXPECT_LT(store_->statistics().state_bytes_rewritten, 100U << 10);
  EXPECT_EQ(scan(StateKind::Retained, "").size(), 200U);
}

TEST_F(RetentionTest, KeepsToAPartOfASmallDisk) {
  options_.retention.bytes = 1 << 30;
  options_.reserve_bytes = 4 << 10;
  files_.set_capacity(256 << 10);
  open();
  for (int i = 0; i < 80; ++i) {
    fill(8);
    retain();
  }
  EXPECT_TRUE(store_->health().accepting);
  EXPECT_LE(files_.used(), 256U << 10);
}

TEST_F(RetentionTest, LetsAFullDiskReturnToServiceOnceAHeldConsumerHasRead) {
  options_.reserve_bytes = 32 << 10;
  options_.retention.hold_tasks = 1 << 30;
  files_.set_capacity(300 << 10);
  open();
  const QueueId id = queue("q");
  put(StateKind::Retained, "topic", "retained");
  holds_ = {{.of = Hold::Of::Task, .queue = id, .after = Position()}};
  int acknowledged = 0;
  while (true) {
    const auto batch = append(text(acknowledged), {id});
    if (!batch || !store_->wait_durable((*batch)->end())) break;
    ++acknowledged;
    retain();
    ASSERT_LT(acknowledged, 1000);
  }
  ASSERT_FALSE(store_->health().accepting);
  ASSERT_GT(acknowledged, 100);
  // All is still there for it. One that was not acknowledged may be there too.
  const auto held = payloads(id);
  ASSERT_GE(held.size(), static_cast<std::size_t>(acknowledged));
  for (int i = 0; i < acknowledged; ++i) ASSERT_EQ(held[static_cast<std::size_t>(i)], text(i));

  holds_[0].after = store_->head();
  retain();

  for (int i = 0; i < 20'000 && !store_->health().accepting; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // it looks by itself
  }
  ASSERT_TRUE(store_->health().accepting);
  publish("again", {id});
  EXPECT_EQ(get(StateKind::Retained, "topic"), "retained");
}

// Fails the nth operation of the file system for n = 1, 2, ... while segments are deleted, then
// cuts the power: what is live and what is kept is there after the restart, with and without the
// view.
class RetentionAnomaly : public RetentionTest,
                         public ::testing::WithParamInterface<std::pair<Errc, bool>> {
 protected:
  bool run(std::uint64_t nth) {
    const auto [with, and_all_later] = GetParam();
    open();
    const QueueId id = queue("q");
    put(StateKind::Retained, "a", "retained");
    put(StateKind::Document, "b", "document");
    EXPECT_TRUE(store_->wait_durable(store_->head()));
    next_ = 0;
    for (int i = 0; i < 80; ++i) publish(text(next_++), {id});
    files_.fail_nth(nth, with, and_all_later);
    int durable = 80;
    for (int i = 0; i < 2; ++i) {
      retain();
      for (int j = 0; j < 15; ++j) {
        const auto batch = append(text(next_), {id});
        if (!batch) break;
        ++next_;
        if (!store_->wait_durable((*batch)->end())) break;
        durable = next_;
      }
    }
    const bool met = files_.failed();
    crash(Survives::Anything, nth);
    for (const bool with_view : {true, false}) {
      if (!with_view) forget_view();
      open();
      if (HasFatalFailure()) return met;
      check(id, durable);
      crash(Survives::Anything, nth + 1);
    }
    return met;
  }

  void check(QueueId id, int durable) {
    EXPECT_EQ(get(StateKind::Retained, "a"), "retained");
    EXPECT_EQ(get(StateKind::Document, "b"), "document");
    EXPECT_EQ(queue("q"), id);
    const auto found = payloads(id);
    ASSERT_FALSE(found.empty());
    // A run without a gap that ends where nothing durable is missing, within the bound that is
    // always kept.
    const int first = std::stoi(found.front());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i], text(first + static_cast<int>(i)));
    }
    EXPECT_GE(first + static_cast<int>(found.size()), durable);
    EXPECT_LE(first, std::max(0, next_ - 30));
  }
};

TEST_P(RetentionAnomaly, LosesNothingThatIsKeptWhicheverOperationFails) {
  std::uint64_t nth = 1;
  for (; nth < 1000; ++nth) {
    SCOPED_TRACE("operation " + std::to_string(nth));
    const bool met = run(nth);
    store_.reset();
    if (HasFailure() || !met) break;
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
  }
  EXPECT_GT(nth, 50U);
  RecordProperty("operations", std::to_string(nth));
}

INSTANTIATE_TEST_SUITE_P(Every, RetentionAnomaly,
                         ::testing::Values(std::pair(Errc::IoFailed, false),
                                           std::pair(Errc::IoFailed, true),
                                           std::pair(Errc::NoSpace, false),
                                           std::pair(Errc::NoSpace, true)));

// The power is cut after each operation: no failure is seen before, and only what was synced, and
// some of the rest, is left.
TEST_F(RetentionTest, SurvivesAPowerCutAfterEveryOperation) {
  for (std::uint64_t cut = 1; cut < 400; ++cut) {
    SCOPED_TRACE("cut after operation " + std::to_string(cut));
    open();
    const QueueId id = queue("q");
    put(StateKind::Retained, "a", "retained");
    ASSERT_TRUE(store_->wait_durable(store_->head()));
    next_ = 0;
    fill(100, {id});
    const auto before = files_.operations();
    files_.fail_nth(cut, Errc::IoFailed, true);  // from there on nothing reaches the disk
    retain();
    const auto needed = files_.operations() - before;
    crash(Survives::Anything, cut);
    forget_view();
    open();
    ASSERT_EQ(get(StateKind::Retained, "a"), "retained");
    const auto found = payloads(id);
    ASSERT_FALSE(found.empty());
    ASSERT_EQ(found.back(), text(99));
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i], text(100 - static_cast<int>(found.size() - i)));
    }
    store_.reset();
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
    if (cut > needed) {
      EXPECT_GT(cut, 5U);
      break;
    }
  }
}

}  // namespace
}  // namespace sluice::store
