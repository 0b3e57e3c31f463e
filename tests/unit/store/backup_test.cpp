// A copy of a log that is being written, and what becomes of it.
#include "store/embedded/backup.hpp"

#include <algorithm>

#include "store/embedded/inspect.hpp"
#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using embedded::BackupManifest;
using embedded::LogSnapshot;

std::string text(int number) {
  return std::to_string(number) + std::string(500, 'x');
}

class Backup : public StoreTest {
 protected:
  Backup() {
    options_.segment_bytes = 16 << 10;
    options_.first_fill_bytes = 4 << 10;
    options_.cache_bytes = 1;
    options_.retention_interval = std::chrono::hours(1);
  }

  // Several files with messages and state.
  void make_log(int messages = 100) {
    open();
    id_ = queue("q");
    put(StateKind::Session, "meter", "away");
    fill(messages);
  }
  void fill(int messages) {
    for (int i = 0; i < messages; ++i) publish(text(next_++), {id_});
  }

  [[nodiscard]] Result<BackupManifest> back_up(const Result<LogSnapshot>& snapshot) {
    if (!snapshot) return tl::unexpected(snapshot.error());
    return embedded::write_backup(files_, *snapshot, backup_, 1'700'000'000'000, {});
  }
  void back_up_running() {
    const auto made = back_up(embedded::snapshot_of_running(files_, directory_.path(), durable()));
    ASSERT_TRUE(made) << made.error().detail;
  }
  [[nodiscard]] std::uint64_t durable() const { return store_->durable().get(); }

  [[nodiscard]] Result<BackupManifest> restore() {
    return embedded::restore_backup(files_, backup_, target_.path(), {});
  }
  // The store of the restored directory from now on.
  void open_restored() {
    store_.reset();
    options_.directory = target_.path();
    open();
  }

  void expect_messages(int count) {
    const auto found = payloads(queue("q"));
    ASSERT_EQ(found.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) EXPECT_EQ(found[static_cast<std::size_t>(i)], text(i));
  }

  TempDirectory target_;
  const std::string backup_ = "/backup";
  QueueId id_;
  int next_ = 0;
};

TEST_F(Backup, HoldsWhatWasDurableAndNothingOfWhatCameLater) {
  make_log();
  const auto snapshot =
      embedded::snapshot_of_running(files_, directory_.path(), store_->durable().get());
  fill(50);
  put(StateKind::Session, "meter", "connected");
  const auto made = back_up(snapshot);
  ASSERT_TRUE(made) << made.error().detail;

  const auto restored = restore();

  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_EQ(restored->messages(), 100U);
  EXPECT_GT(restored->files.size(), 3U);
  open_restored();
  expect_messages(100);
  EXPECT_EQ(get(StateKind::Session, "meter"), "away");
}

TEST_F(Backup, HoldsFilesThatRetentionDeletesMeanwhile) {
  options_.retention.bytes = 32 << 10;
  make_log();
  const auto snapshot = embedded::snapshot_of_running(files_, directory_.path(), durable());
  store_->set_readers({.holds = [] { return std::vector<Hold>(); }, .deleted = {}});
  store_->apply_retention();
  store_->set_readers({});
  ASSERT_GT(store_->statistics().segments_deleted, 1U);

  const auto made = back_up(snapshot);

  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_TRUE(restore());
  open_restored();
  expect_messages(100);
}

TEST_F(Backup, OfALogThatHasLostItsFirstFilesToRetentionHasAllState) {
  options_.retention.bytes = 32 << 10;
  make_log();
  store_->set_readers({.holds = [] { return std::vector<Hold>(); }, .deleted = {}});
  store_->apply_retention();
  store_->set_readers({});
  ASSERT_GT(store_->statistics().segments_deleted, 1U);
  back_up_running();

  ASSERT_TRUE(restore());

  open_restored();
  EXPECT_EQ(get(StateKind::Session, "meter"), "away");
  EXPECT_EQ(payloads(queue("q")).back(), text(99));
}

// The copy of a directory in which nobody writes is what a start would have kept of it.
TEST_F(Backup, OfAServerThatWasKilledIsWhatItsStartWouldKeep) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    make_log(30);
    for (int i = 0; i < 10; ++i) {
      const auto batch = store_->new_batch();
      batch->begin_atomic();
      batch->add_message(message(text(next_++)), {&id_, 1});
      batch->put(StateKind::Session, "meter", std::to_string(i));
      batch->end_atomic();
      EXPECT_TRUE(store_->append(batch));
    }
    crash(Survives::Anything, seed);
    const auto made = back_up(embedded::snapshot_of_stopped(files_, directory_.path()));
    ASSERT_TRUE(made) << made.error().detail << ", seed " << seed;
    open();
    const auto kept = payloads(queue("q"));
    const auto state = get(StateKind::Session, "meter");
    ASSERT_TRUE(restore());
    open_restored();
    EXPECT_EQ(payloads(queue("q")), kept) << "seed " << seed;
    EXPECT_EQ(get(StateKind::Session, "meter"), state) << "seed " << seed;

    store_.reset();
    for (const auto& path : files_.paths()) EXPECT_TRUE(files_.remove(path));
    options_.directory = directory_.path();
    for (const auto* view : {&directory_, &target_}) {
      std::filesystem::remove_all(view->path() + "/view");
    }
    next_ = 0;
  }
}

TEST_F(Backup, NeverCarriesDamageAway) {
  make_log();
  const auto path = files_.paths()[1];
  files_.overwrite(path, files_.content(path).size() / 2, "damage");

  const auto made = back_up(embedded::snapshot_of_running(files_, directory_.path(), durable()));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::Corrupt);
}

TEST_F(Backup, OfAnEmptyDirectoryIsRefused) {
  ASSERT_TRUE(files_.create_directories(directory_.path() + "/log"));

  const auto snapshot = embedded::snapshot_of_stopped(files_, directory_.path());

  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Errc::NotFound);
}

TEST_F(Backup, ThatIsDamagedAnywhereIsRefused) {
  make_log(40);
  back_up_running();
  store_.reset();
  for (const auto& path : files_.paths()) {
    if (!path.starts_with(backup_)) continue;
    const auto whole = files_.content(path);
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 97);
    for (std::size_t at = 0; at < whole.size(); at += step) {
      files_.overwrite(path, at, std::string(1, static_cast<char>(whole[at] ^ 1)));

      const auto checked = embedded::check_backup(files_, backup_, {});

      EXPECT_FALSE(checked) << path << " at " << at;
      files_.overwrite(path, at, whole.substr(at, 1));
    }
  }
  EXPECT_TRUE(embedded::check_backup(files_, backup_, {}));
}

TEST_F(Backup, ThatLacksAFileOrAPartOfOneIsRefused) {
  make_log(40);
  back_up_running();
  for (const auto& path : files_.paths()) {
    if (!path.starts_with(backup_)) continue;
    const auto whole = files_.content(path);
    {
      auto file = files_.open(path, FileSystem::Mode::ReadWrite);
      ASSERT_TRUE((*file)->truncate(whole.size() - 1));
    }
    EXPECT_FALSE(embedded::check_backup(files_, backup_, {})) << path;
    ASSERT_TRUE(files_.remove(path));
    EXPECT_FALSE(embedded::check_backup(files_, backup_, {})) << path;
    auto again = files_.open(path, FileSystem::Mode::CreateReadWrite);
    files_.overwrite(path, 0, whole);
  }
  EXPECT_TRUE(embedded::check_backup(files_, backup_, {}));
}

// Whatever the moment at which the machine dies: a start has all of it, or refuses.
TEST_F(Backup, HalfRestoredIsNeverTakenForWhole) {
  make_log(40);
  back_up_running();
  store_.reset();
  const auto before = files_.operations();
  ASSERT_TRUE(restore());
  const auto operations = files_.operations() - before;
  options_.directory = target_.path();
  for (std::uint64_t nth = 1; nth <= operations; ++nth) {
    for (const auto& path : files_.paths()) {
      if (path.starts_with(target_.path())) EXPECT_TRUE(files_.remove(path));
    }
    EXPECT_TRUE(files_.sync_directory(target_.path() + "/log"));
    EXPECT_TRUE(files_.sync_directory(target_.path()));
    std::filesystem::remove_all(target_.path() + "/view");
    files_.fail_nth(nth, Errc::IoFailed, true);
    EXPECT_FALSE(restore()) << nth;
    files_.fail_nothing();
    files_.halt();
    files_.restart(Survives::Anything, nth);

    const auto opened = try_open();

    if (!opened) continue;
    // Before anything of it was durable it is a directory like any other.
    const auto found = payloads(queue("q"));
    EXPECT_TRUE(found.empty() || found.size() == 40U) << nth;
    EXPECT_TRUE(!found.empty() || nth < 8) << nth;
    store_.reset();
  }
}

// Whoever noted positions of the server that was copied must not meet them again for others.
TEST_F(Backup, RestoredGoesOnBehindEveryPositionOfTheServerThatWasCopied) {
  make_log(20);
  back_up_running();
  for (int i = 0; i < 5; ++i) {
    reopen();
    fill(10);
  }
  const auto last = store_->head();

  ASSERT_TRUE(restore());

  open_restored();
  const auto batch = publish("first after the restore", {queue("q")});
  EXPECT_GT(batch->message(0).position(), last);
  EXPECT_EQ(payloads(queue("q")).size(), 21U);
  reopen();
  EXPECT_EQ(payloads(queue("q")).size(), 21U);
}

TEST_F(Backup, OfARestoredLogIsABackupLikeAnyOther) {
  make_log(20);
  back_up_running();
  ASSERT_TRUE(restore());
  open_restored();
  id_ = queue("q");
  fill(20);

  const auto made = embedded::snapshot_of_running(files_, target_.path(), durable());

  ASSERT_TRUE(made) << made.error().detail;
  const auto written = embedded::write_backup(files_, *made, "/second", 0, {});
  ASSERT_TRUE(written) << written.error().detail;
  EXPECT_EQ(written->messages(), 40U);
  EXPECT_TRUE(embedded::check_backup(files_, "/second", {}));
}

TEST(BackupManifestText, GivesBackWhatWasWritten) {
  BackupManifest manifest;
  manifest.made_ms = 5;
  manifest.end = 1ULL << 60;
  manifest.files = {{.base = 0, .bytes = 7, .crc = 0xFFFFFFFF, .messages = 3, .changes = 2},
                    {.base = 1ULL << 59, .bytes = 9, .crc = 0, .messages = 1, .changes = 0}};

  const auto read = embedded::decode_manifest(embedded::encode_manifest(manifest));

  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->files, manifest.files);
  EXPECT_EQ(read->end, manifest.end);
  EXPECT_EQ(read->bytes(), 16U);
  const auto later = embedded::decode_manifest("sluice-backup 2\nwhatever");
  EXPECT_EQ(later.error().code, Errc::Unsupported);
}

}  // namespace
}  // namespace sluice::store
