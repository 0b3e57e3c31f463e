#include "store/embedded/recovery.hpp"

#include <fstream>

#include "store/embedded/record.hpp"
#include "store/embedded/segment.hpp"
#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using embedded::kSegmentHeaderBytes;

class Recovery : public StoreTest {
 protected:
  // The view must not stand between the test and the log's bytes.
  void crash_without_view(Survives survives) {
    crash(survives);
    forget_view();
  }

  [[nodiscard]] std::size_t find_in_log(std::string_view text) const {
    const std::size_t at = files_.content(last_segment()).find(text);
    EXPECT_NE(at, std::string::npos);
    return at;
  }
};

TEST_F(Recovery, OfAnEmptyDirectoryGivesAnEmptyStore) {
  open();
  EXPECT_EQ(store_->head(), Position(0));
  EXPECT_EQ(store_->durable(), Position(0));
  reopen();
  reopen();
  crash(Survives::Synced);
  open();
  EXPECT_EQ(store_->head(), Position(0));
}

TEST_F(Recovery, LeavesNoFilesBehindThatNeverHeldARecord) {
  open();
  publish("x");
  for (int i = 0; i < 5; ++i) reopen();

  std::size_t segments = 0;
  for (const std::string& path : files_.paths()) segments += path.ends_with(".log") ? 1 : 0;
  EXPECT_EQ(segments, 2U);  // the one with the message, and the one that is written next
}

TEST_F(Recovery, KeepsWhatWasDurableThroughAPowerCut) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 50; ++i) publish(std::to_string(i), {id});
  put(StateKind::Session, "c", "maybe");
  ASSERT_TRUE(store_->wait_durable(put(StateKind::Session, "d", "surely")));

  crash(Survives::Synced);
  open();

  EXPECT_EQ(payloads(id).size(), 50U);
  EXPECT_EQ(get(StateKind::Session, "c"), "maybe");
  EXPECT_EQ(get(StateKind::Session, "d"), "surely");
}

TEST_F(Recovery, BuildsALostViewFromAllSegments) {
  options_.checkpoint_bytes = 32 << 10;
  open();
  const QueueId id = queue("q");
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back(std::to_string(i) + std::string(2000, 'x'));
    publish(expected.back(), {id});
    put(StateKind::Cursor, std::to_string(i % 5), std::to_string(i));
  }
  const auto cursors = scan(StateKind::Cursor, "");
  store_.reset();
  forget_view();

  open();

  EXPECT_EQ(payloads(id), expected);
  EXPECT_EQ(scan(StateKind::Cursor, ""), cursors);
  EXPECT_GT(store_->statistics().checkpoints, 0U);  // a long replay writes them as it goes
}

TEST_F(Recovery, BuildsADamagedViewAgain) {
  open();
  const QueueId id = queue("q");
  publish("x", {id});
  store_.reset();
  std::ofstream(directory_.path() + "/view/CURRENT", std::ios::trunc) << "nonsense\n";

  open();

  EXPECT_EQ(payloads(id), std::vector<std::string>{"x"});
}

TEST_F(Recovery, CutsATornTailAndKeepsWhatIsBeforeIt) {
  open();
  const QueueId id = queue("q");
  publish("kept", {id});
  publish("torn", {id});
  const std::size_t at = find_in_log("torn");
  crash_without_view(Survives::All);
  // The last batch: nothing behind it proves that it was on disk.
  files_.overwrite(last_segment(), at, "T");

  open();

  EXPECT_EQ(payloads(id), std::vector<std::string>{"kept"});
  publish("new", {id});
  reopen();
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"kept", "new"}));
}

TEST_F(Recovery, RefusesDamageBeforeAProvenEnd) {
  open();
  const QueueId id = queue("q");
  publish("first", {id});
  publish("second", {id});
  const std::size_t at = find_in_log("first");
  const std::string path = last_segment();
  crash_without_view(Survives::All);
  files_.overwrite(path, at, "F");

  const auto opened = try_open();

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::Corrupt);
  EXPECT_NE(opened.error().detail.find(path), std::string::npos);
  EXPECT_NE(opened.error().detail.find("offset "), std::string::npos);
  EXPECT_NE(opened.error().detail.find("sluice log repair"), std::string::npos);
  // And changes nothing: what is there is there for the repair.
  EXPECT_NE(files_.content(path).find("second"), std::string::npos);
}

TEST_F(Recovery, RefusesDamageToTheLastRecordAfterACleanEnd) {
  open();
  const QueueId id = queue("q");
  publish("last", {id});
  const std::size_t at = find_in_log("last");
  const std::string path = last_segment();
  store_.reset();
  forget_view();
  files_.overwrite(path, at, "L");

  EXPECT_EQ(try_open().error().code, Errc::Corrupt);
}

TEST_F(Recovery, RefusesDamageToEveryByteOfAProvenRecord) {
  open();
  const QueueId id = queue("q");
  const BatchPtr first = publish("first", {id});
  publish("second", {id});
  const std::string path = last_segment();
  crash_without_view(Survives::All);
  const std::string log = directory_.path() + "/log";
  const auto ignore = [](const auto&, const auto&, std::string_view) { return Result<void>(); };
  const std::string whole = files_.content(path);
  const std::size_t begin = first->message(0).position().get();
  const std::size_t end = first->end().get();

  for (std::size_t at = begin; at < end; ++at) {
    const char flipped = static_cast<char>(whole[at] ^ 0x10);
    files_.overwrite(path, at, {&flipped, 1});
    const auto recovered = embedded::recover(files_, log, {}, ignore);
    ASSERT_FALSE(recovered) << at;
    EXPECT_EQ(recovered.error().code, Errc::Corrupt) << at;
    files_.overwrite(path, at, {&whole[at], 1});
  }
}

TEST_F(Recovery, RefusesDamageInASegmentThatHasASuccessor) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 40; ++i) publish(std::string(4000, 'x'), {id});
  const std::string first = directory_.path() + "/log/" + embedded::segment_name(0);
  const std::size_t last_record = files_.content(first).find_last_of('x');
  crash_without_view(Survives::All);
  files_.overwrite(first, last_record, "y");

  EXPECT_EQ(try_open().error().code, Errc::Corrupt);
}

TEST_F(Recovery, RefusesAMissingSegment) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 60; ++i) publish(std::string(4000, 'x'), {id});
  crash_without_view(Survives::All);
  ASSERT_TRUE(files_.remove(directory_.path() + "/log/" + embedded::segment_name(64 << 10)));

  EXPECT_EQ(try_open().error().code, Errc::Corrupt);
}

TEST_F(Recovery, RefusesAViewThatIsAheadOfTheLog) {
  open();
  publish("x");
  store_.reset();
  for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));

  EXPECT_EQ(try_open().error().code, Errc::Corrupt);
}

TEST_F(Recovery, RefusesASegmentWithoutItsHeader) {
  open();
  publish("x");
  crash_without_view(Survives::All);
  files_.overwrite(last_segment(), 0, "NOTALOG!");

  EXPECT_EQ(try_open().error().code, Errc::Corrupt);
}

TEST_F(Recovery, RemovesAFileThatNeverGotItsHeader) {
  open();
  const QueueId id = queue("q");
  publish("x", {id});
  const std::string next = directory_.path() + "/log/" + embedded::segment_name(64 << 10);
  crash(Survives::All);
  ASSERT_TRUE(files_.open(next, FileSystem::Mode::CreateReadWrite));

  open();

  EXPECT_EQ(payloads(id), std::vector<std::string>{"x"});
  for (const std::string& path : files_.paths()) EXPECT_NE(path, next);
}

TEST_F(Recovery, RefusesWhatALaterVersionWrote) {
  open();
  publish("x");
  const std::string path = last_segment();
  crash_without_view(Survives::All);
  const std::string bytes = files_.content(path);
  const auto plan = embedded::decode_segment_header(bytes, 0);
  ASSERT_TRUE(plan && *plan);
  // A record of a kind that does not exist yet, otherwise whole, behind the last one.
  std::string frame(embedded::kFrameHeaderBytes, '\0');
  embedded::FrameHeader header;
  header.type = static_cast<embedded::RecordType>(99);
  embedded::begin_header(frame.data(), header);
  const std::size_t end = bytes.find_last_not_of('\0') + 1;
  embedded::seal_header(frame.data(), end, 0, (*plan)->seed);
  files_.overwrite(path, end, frame);

  EXPECT_EQ(try_open().error().code, Errc::Unsupported);
}

TEST_F(Recovery, KeepsAnAtomicGroupWholeOrNotAtAll) {
  open();
  const QueueId id = queue("q");
  publish("before", {id});
  const BatchPtr batch = store_->new_batch();
  batch->put(StateKind::Document, "alone", "1");
  batch->begin_atomic();
  batch->put(StateKind::Document, "group/1", "1");
  batch->add_message(message("group message"), {{id}});
  batch->put(StateKind::Document, "group/2", "value of the last");
  batch->end_atomic();
  ASSERT_TRUE(store_->append(batch));
  ASSERT_TRUE(store_->wait_durable(batch->end()));
  const std::size_t last = find_in_log("value of the last");
  crash_without_view(Survives::All);
  files_.overwrite(last_segment(), last, "V");

  open();

  EXPECT_EQ(payloads(id), std::vector<std::string>{"before"});
  EXPECT_EQ(get(StateKind::Document, "alone"), "1");
  EXPECT_EQ(get(StateKind::Document, "group/1"), std::nullopt);
  EXPECT_EQ(get(StateKind::Document, "group/2"), std::nullopt);
}

TEST_F(Recovery, NeverGivesAPositionAgain) {
  open();
  const QueueId id = queue("q");
  publish("durable", {id});
  files_.fail_nth(Operation::Write, 1, Errc::IoFailed, true);
  // Ordered, so perhaps seen by a subscriber, but never on the disk: in this segment and the next.
  std::vector<Position> gone;
  for (int i = 0; i < 40; ++i) {
    const auto batch = append(std::string(4000, 'g'), {id});
    if (!batch) break;
    gone.push_back((*batch)->message(0).position());
  }
  ASSERT_FALSE(gone.empty());

  crash(Survives::Synced);
  open();
  const BatchPtr batch = publish("new", {id});

  EXPECT_GT(batch->message(0).position(), gone.back());
  for (const Position position : gone) {
    EXPECT_EQ(store_->message_at(position).error().code, Errc::NotFound);
  }
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"durable", "new"}));
}

TEST_F(Recovery, WritesAgainWhatAFailedSyncMayHaveLost) {
  open();
  const QueueId id = queue("q");
  publish("durable", {id});
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed);
  const auto doubtful = append("doubtful", {id});
  ASSERT_TRUE(doubtful);
  EXPECT_EQ(store_->wait_durable((*doubtful)->end()).error().code, Errc::Closed);

  // The process starts again and sees the record, because the system still has it in memory.
  crash(Survives::All);
  open();
  ASSERT_EQ(payloads(id), (std::vector<std::string>{"durable", "doubtful"}));
  // Now it counts as durable: it must really be on the disk.
  crash(Survives::Synced);
  open();
  EXPECT_EQ(payloads(id), (std::vector<std::string>{"durable", "doubtful"}));
}

TEST_F(Recovery, LetsOneProcessIn) {
  open();

  const auto second = open_embedded(files_, clock_, options_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::AlreadyExists);
  EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
  store_->close();
  EXPECT_TRUE(open_embedded(files_, clock_, options_));
}

TEST_F(Recovery, WorksOnRealFiles) {
  const auto files = posix_file_system();
  options_.prepare_segments = true;
  options_.segment_bytes = 1 << 20;
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    auto opened = open_embedded(*files, clock_, options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    const QueueId id = queue("q");
    for (int i = 0; i < 50; ++i) {
      expected.push_back(std::to_string(expected.size()) + std::string(30'000, 'x'));
      ASSERT_TRUE(append(expected.back(), {id}));
    }
    EXPECT_EQ(payloads(id), expected);
    store_.reset();
  }
}

}  // namespace
}  // namespace sluice::store
