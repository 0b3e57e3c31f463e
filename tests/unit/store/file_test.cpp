#include "base/file.hpp"

#include <array>
#include <climits>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <unistd.h>

#include "base/direct_file.hpp"
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

// On a disk, if the build is on one: memory file systems have other rules.
class DirectFiles : public ::testing::Test {
 protected:
  DirectFiles() { std::filesystem::remove(name_); }
  ~DirectFiles() override { std::filesystem::remove(name_); }

  const std::string name_ = "direct-file-test." + std::to_string(::getpid());
  std::unique_ptr<FileSystem> files_ = posix_file_system();
};

// Pieces of every size, one behind the other and over block boundaries, as a log writes them.
TEST_F(DirectFiles, WriteWhatIsNoWholeBlock) {
  auto direct = files_->open(name_, Mode::CreateDirect);
  ASSERT_TRUE(direct) << direct.error().detail;
  std::string wanted;
  std::uint64_t seed = 7;
  for (int i = 0; i < 200; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    const std::size_t sizes[] = {1, seed >> 33 & 0xff, 4096, seed >> 33 & 0x3fff, 1 << 20};
    std::string first(sizes[i % 5 == 4 && i % 40 != 4 ? 3 : i % 5],
                      static_cast<char>('a' + i % 26));
    std::string second(static_cast<std::size_t>(i % 3), static_cast<char>('A' + i % 26));
    const std::array<iovec, 2> parts{iovec{first.data(), first.size()},
                                     iovec{second.data(), second.size()}};
    ASSERT_TRUE((*direct)->write_at(wanted.size(), parts));
    wanted += first + second;
  }
  ASSERT_TRUE((*direct)->sync());

  auto plain = files_->open(name_, Mode::Read);
  ASSERT_TRUE(plain);
  std::string got(wanted.size() + 8192, 'x');
  const auto size = (*plain)->read_at(0, got.data(), got.size());
  ASSERT_TRUE(size);
  ASSERT_GE(*size, wanted.size());
  EXPECT_EQ(got.substr(0, wanted.size()), wanted);
  EXPECT_EQ(got.substr(wanted.size(), *size - wanted.size()),
            std::string(*size - wanted.size(), '\0'));
}

// Whole blocks in aligned memory, which pass by the system's cache, and everything else, which does
// not: the same bytes, also where the file ends inside a block.
TEST_F(DirectFiles, ReadBlocksAndPieces) {
  auto direct = files_->open(name_, Mode::CreateDirect);
  ASSERT_TRUE(direct);
  std::string text(3 * DirectFile::kBlockBytes, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  const std::array<iovec, 1> part{iovec{text.data(), text.size()}};
  ASSERT_TRUE((*direct)->write_at(0, part));
  ASSERT_TRUE((*direct)->truncate(2 * DirectFile::kBlockBytes + 100));
  text.resize(2 * DirectFile::kBlockBytes + 100);

  auto reader = files_->open(name_, Mode::ReadDirect);
  ASSERT_TRUE(reader) << reader.error().detail;
  const auto memory = DirectFile::allocate(4 * DirectFile::kBlockBytes);
  for (const auto* file : {direct->get(), reader->get()}) {
    for (const std::size_t offset : {std::size_t{0}, DirectFile::kBlockBytes, std::size_t{100}}) {
      for (const std::size_t size : {DirectFile::kBlockBytes, 4 * DirectFile::kBlockBytes}) {
        const auto wanted = std::string_view(text).substr(offset, size);
        ASSERT_EQ(file->read_at(offset, memory.get(), size), wanted.size());
        EXPECT_EQ(std::string_view(memory.get(), wanted.size()), wanted);
      }
    }
  }
}

// Blocks that are given as such are written from where they stand, and what follows goes on behind
// them.
TEST_F(DirectFiles, WriteWholeBlocks) {
  auto direct = files_->open(name_, Mode::CreateDirect);
  ASSERT_TRUE(direct);
  const auto blocks = DirectFile::allocate(2 * DirectFile::kBlockBytes);
  std::memset(blocks.get(), 'b', 2 * DirectFile::kBlockBytes);
  std::string text(100, 'a');
  const std::array<iovec, 1> piece{iovec{text.data(), text.size()}};
  const std::array<iovec, 2> whole{iovec{blocks.get(), DirectFile::kBlockBytes},
                                   iovec{blocks.get(), 2 * DirectFile::kBlockBytes}};
  ASSERT_TRUE((*direct)->write_at(0, piece));
  ASSERT_TRUE((*direct)->write_at(DirectFile::kBlockBytes, whole));
  ASSERT_TRUE((*direct)->write_at(text.size(), piece));
  ASSERT_TRUE((*direct)->write_at(4 * DirectFile::kBlockBytes, piece));

  std::string got(4 * DirectFile::kBlockBytes + 100, 'x');
  ASSERT_EQ((*direct)->read_at(0, got.data(), got.size()), got.size());
  EXPECT_EQ(got, std::string(200, 'a') + std::string(DirectFile::kBlockBytes - 200, '\0') +
                     std::string(3 * DirectFile::kBlockBytes, 'b') + std::string(100, 'a'));
}

// After a cut the block in front is read again, not remembered.
TEST_F(DirectFiles, WriteBehindACut) {
  auto direct = files_->open(name_, Mode::CreateDirect);
  ASSERT_TRUE(direct);
  std::string text(5000, 'a');
  const std::array<iovec, 1> part{iovec{text.data(), text.size()}};
  ASSERT_TRUE((*direct)->write_at(0, part));
  ASSERT_TRUE((*direct)->truncate(4500));
  std::string more(100, 'b');
  const std::array<iovec, 1> behind{iovec{more.data(), more.size()}};
  ASSERT_TRUE((*direct)->write_at(4500, behind));

  std::string got(4600, 'x');
  ASSERT_EQ((*direct)->read_at(0, got.data(), got.size()), 4600U);
  EXPECT_EQ(got, std::string(4500, 'a') + more);
}

}  // namespace
}  // namespace sluice::store
