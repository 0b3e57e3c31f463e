// The first files of the log: lost by accident is told from deleted by retention.
#include "store/embedded/begin.hpp"

#include <algorithm>

#include "store/embedded/inspect.hpp"
#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using embedded::inspect_log;
using embedded::LogReport;
using embedded::repair_log;

class Begin : public StoreTest {
 protected:
  Begin() {
    options_.segment_bytes = 16 << 10;
    options_.checkpoint_bytes = 32 << 10;
    options_.first_fill_bytes = 4 << 10;
    options_.cache_bytes = 1;
    options_.retention_interval = std::chrono::hours(1);
    options_.retention.bytes = 64 << 10;
  }

  static std::string text(int number) { return std::to_string(number) + std::string(1000, 'x'); }

  void fill(int messages) {
    for (int i = 0; i < messages; ++i) publish(text(next_++), {id_});
  }

  void retain() {
    store_->set_readers({.holds = [] { return std::vector<Hold>(); }, .deleted = {}});
    store_->apply_retention();
    store_->set_readers({});
  }

  // Several files, the first of which is the very first.
  void make_log() {
    open();
    id_ = queue("q");
    fill(100);
  }
  // Several files, the first ones are deleted.
  void make_retained_log() {
    make_log();
    retain();
    ASSERT_GT(store_->statistics().segments_deleted, 2U);
    fill(5);
  }

  [[nodiscard]] std::string begin_path() const { return directory_.path() + "/begin"; }
  [[nodiscard]] std::vector<std::string> segments() const {
    std::vector<std::string> found;
    for (const std::string& path : files_.paths()) {
      if (path.ends_with(".log")) found.push_back(path);
    }
    return found;
  }
  void remove(const std::string& path) { ASSERT_TRUE(files_.remove(path)); }
  void truncate(const std::string& path, std::uint64_t size) {
    auto file = files_.open(path, FileSystem::Mode::ReadWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(size));
    ASSERT_TRUE((*file)->sync());
  }
  void zero(const std::string& path) {
    files_.overwrite(path, 0, std::string(files_.content(path).size(), '\0'));
  }

  void expect_refused(const std::string& path) {
    for (const bool with_view : {true, false}) {
      if (!with_view) forget_view();
      const auto before = files_.paths();
      const auto opened = try_open();
      ASSERT_FALSE(opened) << (with_view ? "with the view" : "without the view");
      EXPECT_EQ(opened.error().code, Errc::Corrupt);
      EXPECT_NE(opened.error().detail.find(path), std::string::npos) << opened.error().detail;
      EXPECT_NE(opened.error().detail.find("sluice log repair"), std::string::npos);
      EXPECT_EQ(files_.paths(), before);
    }
  }

  LogReport inspected() {
    auto report = inspect_log(files_, directory_.path());
    EXPECT_TRUE(report) << report.error().detail;
    return report ? std::move(*report) : LogReport{};
  }

  // The loss is reported, accepted in so many words, and the rest is there.
  std::string repaired() {
    EXPECT_FALSE(inspected().is_usable());
    const auto done = repair_log(files_, directory_.path());
    EXPECT_TRUE(done) << done.error().detail;
    EXPECT_TRUE(inspected().is_usable());
    std::string all;
    if (done) {
      for (const auto& sentence : *done) all += sentence + "\n";
    }
    return all;
  }

  void expect_the_newest_are_there(int at_least) {
    const auto found = payloads(id_);
    ASSERT_GE(found.size(), static_cast<std::size_t>(at_least));
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i], text(next_ - static_cast<int>(found.size() - i)));
    }
  }

  // The queue's own record may have stood in what is gone.
  void expect_in_the_log(std::size_t at_least) {
    const std::vector<std::string> filters{"#"};
    ScanRequest request{.filters = filters, .after = {}, .before = store_->head()};
    std::vector<std::string> found;
    for (bool at_end = false; !at_end;) {
      const auto read = store_->scan_log(request);
      ASSERT_TRUE(read) << read.error().detail;
      for (const auto& entry : read->entries) found.emplace_back(entry.message->payload);
      request.after = read->next;
      at_end = read->at_end;
    }
    ASSERT_GE(found.size(), at_least);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i], text(next_ - static_cast<int>(found.size() - i)));
    }
  }

  QueueId id_;
  int next_ = 0;
};

TEST_F(Begin, ALostFirstFileIsRefused) {
  make_log();
  crash(Survives::All);
  const auto first = segments().front();
  remove(first);
  expect_refused(first);
}

TEST_F(Begin, SeveralLostFirstFilesAreRefused) {
  make_log();
  store_.reset();
  const auto all = segments();
  for (std::size_t i = 0; i < 3; ++i) remove(all[i]);
  expect_refused(all[0]);
}

TEST_F(Begin, AnEmptiedFirstFileIsRefused) {
  make_log();
  store_.reset();
  const auto first = segments().front();
  truncate(first, 0);
  expect_refused(first);
}

TEST_F(Begin, AFirstFileOfZerosIsRefused) {
  make_log();
  store_.reset();
  const auto first = segments().front();
  zero(first);
  expect_refused(first);
}

TEST_F(Begin, ATruncatedFirstFileIsRefusedEvenBehindACheckpoint) {
  make_log();
  store_.reset();
  const auto first = segments().front();
  truncate(first, 6000);
  expect_refused(first);
}

TEST_F(Begin, WhatRetentionDeletedIsNotMissed) {
  make_retained_log();
  for (const bool with_view : {true, false}) {
    crash(Survives::Synced);
    if (!with_view) forget_view();
    open();
    expect_the_newest_are_there(30);
    fill(3);
  }
  reopen();
  expect_the_newest_are_there(30);
}

TEST_F(Begin, TheFirstFileBehindRetentionIsMissed) {
  make_retained_log();
  store_.reset();
  const auto first = segments().front();
  remove(first);
  expect_refused(first);
}

TEST_F(Begin, AnEmptiedFirstFileBehindRetentionIsMissed) {
  make_retained_log();
  crash(Survives::Synced);
  const auto first = segments().front();
  truncate(first, 0);
  expect_refused(first);
}

TEST_F(Begin, AnotherFileInThePlaceOfTheFirstIsRefused) {
  make_retained_log();
  store_.reset();
  const auto first = segments().front();
  const auto plan = embedded::decode_segment_header(
      files_.content(first), *embedded::base_of(first.substr(first.size() - 24)));
  ASSERT_TRUE(plan && *plan);
  embedded::SegmentPlan other = **plan;
  ++other.generation;
  files_.overwrite(first, 0, embedded::encode_segment_header(other));
  expect_refused(first);
}

TEST_F(Begin, ALogThatIsGoneAsAWholeIsMissed) {
  open();
  id_ = queue("q");
  fill(2);
  crash(Survives::Synced);
  forget_view();
  const auto first = segments().front();
  for (const std::string& path : segments()) remove(path);
  expect_refused(first);
}

TEST_F(Begin, ADirectoryFromBeforeItWasRecordedStarts) {
  make_retained_log();
  crash(Survives::Synced);
  remove(begin_path());

  open();

  expect_the_newest_are_there(30);
  store_.reset();
  const auto first = segments().front();
  remove(first);  // from now on it is watched
  expect_refused(first);
}

TEST_F(Begin, WithoutTheRecordTheVeryFirstFileProvesItself) {
  make_log();
  crash(Survives::Synced);
  remove(begin_path());
  open();
  EXPECT_EQ(payloads(id_).size(), 100U);
}

TEST_F(Begin, ADamagedRecordCountsOnlyWhereItIsNeeded) {
  make_log();
  crash(Survives::Synced);
  files_.overwrite(begin_path(), 20, "#");
  open();
  EXPECT_EQ(payloads(id_).size(), 100U);
  retain();
  store_.reset();
  files_.overwrite(begin_path(), 20, "#");
  expect_refused(begin_path());

  EXPECT_NE(repaired().find("begins with"), std::string::npos);
  open();
  expect_the_newest_are_there(30);
}

TEST_F(Begin, NamesAnotherFileWhenTheFirstNeverHeldARecord) {
  open();
  for (int i = 0; i < 3; ++i) {
    crash(Survives::Synced);
    open();
  }
  id_ = queue("q");
  fill(100);
  crash(Survives::Synced);
  forget_view();
  open();
  expect_the_newest_are_there(100);
}

TEST_F(Begin, AFullDiskAtTheVeryFirstStartIsNoLoss) {
  options_.first_fill_bytes = 0;
  for (std::uint64_t room = 0; room < 6000; room += 500) {
    files_.set_capacity(room);
    open();
    store_.reset();
    open();
    files_.set_capacity(UINT64_MAX);
    store_.reset();
    open();
    id_ = queue("q");
    fill(20);
    crash(Survives::Synced);
    open();
    expect_the_newest_are_there(20);
    store_.reset();
    for (const std::string& path : files_.paths()) remove(path);
    forget_view();
  }
}

TEST_F(Begin, RepairAcceptsTheLossAndSaysExactlyWhatIsGone) {
  make_retained_log();
  store_.reset();
  const auto all = segments();
  remove(all[0]);
  remove(all[1]);
  const auto report = inspected();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].file, all[0]);
  EXPECT_TRUE(report.damages[0].is_missing);
  const auto from = *embedded::base_of(all[0].substr(all[0].size() - 24));
  EXPECT_EQ(report.damages[0].base, from);
  const auto to = report.segments.front().plan.previous_end;
  EXPECT_EQ(report.damages[0].bytes, to - from);

  const std::string said = repaired();

  EXPECT_NE(said.find("positions " + std::to_string(from) + " to " + std::to_string(to)),
            std::string::npos)
      << said;
  open();
  expect_the_newest_are_there(10);
  reopen();
  EXPECT_TRUE(repair_log(files_, directory_.path()) &&
              repair_log(files_, directory_.path())->empty());
}

TEST_F(Begin, RepairOfAnEmptiedFirstFileKeepsTheRest) {
  make_log();
  store_.reset();
  truncate(segments().front(), 0);
  EXPECT_NE(repaired().find("are gone"), std::string::npos);
  open();
  expect_in_the_log(80);
}

TEST_F(Begin, AfterARepairOfALogThatIsGonePositionsStillGrow) {
  make_retained_log();
  const Position head = store_->head();
  store_.reset();
  for (const std::string& path : segments()) remove(path);
  EXPECT_NE(repaired().find("nothing is left"), std::string::npos);

  open();

  const QueueId id = queue("q");
  EXPECT_GT(publish("x", {id})->message(0).position(), head);
  EXPECT_EQ(payloads(id), std::vector<std::string>{"x"});
  crash(Survives::Synced);
  open();
  EXPECT_EQ(payloads(id), std::vector<std::string>{"x"});
}

TEST_F(Begin, RepairMovesAFirstFileWithoutHeaderAway) {
  make_log();
  store_.reset();
  files_.overwrite(segments().front(), 0, "NOTALOG!");
  EXPECT_NE(repaired().find("moved away"), std::string::npos);
  open();
  expect_in_the_log(80);
}

}  // namespace
}  // namespace sluice::store
