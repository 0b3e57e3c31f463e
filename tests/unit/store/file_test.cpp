#include "base/file.hpp"

#include <array>
#include <climits>
#include <numeric>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using Mode = FileSystem::Mode;

class Files : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_.path() + "/" + name;
  }

  TempDirectory directory_;
  std::unique_ptr<FileSystem> files_ = posix_file_system();
};

TEST_F(Files, WritesMorePartsThanOneCallTakesAndReadsThemBack) {
  std::vector<std::string> texts;
  for (int i = 0; i < IOV_MAX + 500; ++i) texts.push_back(std::to_string(i) + ",");
  texts[3].clear();
  std::vector<iovec> parts;
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});
  const std::string all = std::accumulate(texts.begin(), texts.end(), std::string());
  auto file = files_->open(path("f"), Mode::CreateReadWrite);
  ASSERT_TRUE(file);

  ASSERT_TRUE((*file)->write_at(10, parts));
  ASSERT_TRUE((*file)->sync());

  EXPECT_EQ((*file)->size().value(), all.size() + 10);
  std::string got(all.size() + 100, 'x');
  EXPECT_EQ((*file)->read_at(10, got.data(), got.size()).value(), all.size());
  EXPECT_EQ(got.substr(0, all.size()), all);
  EXPECT_EQ((*file)->read_at(all.size() + 10, got.data(), 1).value(), 0U);
}

TEST_F(Files, TruncatesRenamesListsAndRemoves) {
  ASSERT_TRUE(files_->create_directories(path("a/b")));
  ASSERT_TRUE(files_->create_directories(path("a/b")));
  auto file = files_->open(path("a/b/1"), Mode::CreateReadWrite);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->truncate(77));
  EXPECT_EQ((*file)->size().value(), 77U);

  ASSERT_TRUE(files_->rename(path("a/b/1"), path("a/b/2")));
  ASSERT_TRUE(files_->sync_directory(path("a/b")));

  EXPECT_EQ(files_->list(path("a/b")).value(), std::vector<std::string>{"2"});
  ASSERT_TRUE(files_->remove(path("a/b/2")));
  EXPECT_TRUE(files_->list(path("a/b")).value().empty());
  EXPECT_GT(files_->free_bytes(path("a")).value(), 0U);
}

TEST_F(Files, KeepsFilesAndDirectoriesToTheirOwner) {
  ASSERT_TRUE(files_->create_directories(path("private")));
  ASSERT_TRUE(files_->open(path("private/f"), Mode::CreateReadWrite));

  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path("private")).permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(path("private/f")).permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(Files, NamesThePathAndTheReasonOfAFailure) {
  const auto missing = files_->open(path("missing"), Mode::Read);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::NotFound);
  EXPECT_NE(missing.error().detail.find(path("missing")), std::string::npos);
  EXPECT_EQ(files_->list(path("missing")).error().code, Errc::NotFound);
  EXPECT_EQ(files_->remove(path("missing")).error().code, Errc::NotFound);
  EXPECT_EQ(files_->rename(path("missing"), path("x")).error().code, Errc::NotFound);
}

TEST_F(Files, SayNoSpaceWhenTheDiskIsFull) {
  // The kernel's own full disk.
  auto full = files_->open("/dev/full", Mode::ReadWrite);
  if (!full) GTEST_SKIP() << "no /dev/full here";
  std::string text = "x";
  const std::array<iovec, 1> part{iovec{text.data(), text.size()}};

  EXPECT_EQ((*full)->write_at(0, part).error().code, Errc::NoSpace);
}

}  // namespace
}  // namespace sluice::store
