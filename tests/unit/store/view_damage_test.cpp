// The view is built from the log: whatever happens to its files, a start has all again.
#include <fstream>
#include <random>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

namespace fs = std::filesystem;

class ViewDamage : public StoreTest {
 protected:
  [[nodiscard]] std::string view() const { return directory_.path() + "/view"; }

  void fill() {
    open();
    id_ = queue("q");
    for (int i = 0; i < 300; ++i) {
      messages_.push_back(std::to_string(i));
      static_cast<void>(append(messages_.back(), {id_}));
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 40; ++i) {
      const auto key = std::to_string(100 + i);
      std::string value(2000, '\0');  // not to be compressed
      for (char& byte : value) byte = static_cast<char>('!' + random() % 90);
      state_.emplace_back(key, value);
      put(StateKind::Document, key, state_.back().second);
    }
    store_.reset();
  }
  void expect_all() {
    EXPECT_EQ(queue("q"), id_);
    EXPECT_EQ(payloads(id_), messages_);
    EXPECT_EQ(scan(StateKind::Document, ""), state_);
  }

  [[nodiscard]] std::vector<std::string> files_like(std::string_view part) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(view())) {
      if (entry.path().filename().string().find(part) != std::string::npos)
        found.push_back(entry.path());
    }
    return found;
  }
  static void flip(const std::string& path, std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
  [[nodiscard]] std::vector<std::string> kept() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().starts_with("view.damaged-"))
        found.push_back(entry.path());
    }
    return found;
  }

  // Damages one file of that kind at `count` places in turn; every start must have everything.
  void damage_each(std::string_view part, std::uint64_t count) {
    fill();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto files = files_like(part);
      ASSERT_FALSE(files.empty()) << part;
      const auto& path = files[i % files.size()];
      const auto size = fs::file_size(path);
      SCOPED_TRACE(path + " of " + std::to_string(size) + " bytes at " +
                   std::to_string(size * i / count));
      flip(path, size * i / count);
      open();
      if (HasFatalFailure()) return;
      expect_all();
      store_.reset();
      EXPECT_LE(kept().size(), 1U);
      if (HasFailure()) return;
    }
    EXPECT_EQ(kept().size(), 1U) << "no place was found to be damaged";
  }

  QueueId id_;
  std::vector<std::string> messages_;
  std::vector<std::pair<std::string, std::string>> state_;
};

TEST_F(ViewDamage, OfATable) {
  damage_each(".sst", 97);
}
TEST_F(ViewDamage, OfTheManifest) {
  damage_each("MANIFEST", 61);
}
TEST_F(ViewDamage, OfTheNameOfTheManifest) {
  damage_each("CURRENT", 16);
}

TEST_F(ViewDamage, AMissingFileOfAnyKind) {
  fill();
  for (const auto* part : {".sst", "MANIFEST", "CURRENT"}) {
    SCOPED_TRACE(part);
    ASSERT_TRUE(fs::remove(files_like(part).at(0)));
    open();
    expect_all();
    store_.reset();
  }
}

TEST_F(ViewDamage, AnEmptiedFileOfAnyKind) {
  fill();
  for (const auto* part : {".sst", "MANIFEST", "CURRENT"}) {
    SCOPED_TRACE(part);
    fs::resize_file(files_like(part).at(0), 0);
    open();
    expect_all();
    store_.reset();
  }
}

TEST_F(ViewDamage, AnOldCopyFromBeforeRetentionIsNoReasonToRefuse) {
  options_.segment_bytes = 16 << 10;
  options_.first_fill_bytes = 4 << 10;
  options_.retention.bytes = 32 << 10;
  open();
  id_ = queue("q");
  put(StateKind::Document, "a", "1");
  store_.reset();
  const auto copy = directory_.path() + "/copy";
  fs::copy(view(), copy);
  open();
  put(StateKind::Document, "b", "2");
  for (int i = 0; i < 200; ++i) publish(std::string(1000, 'x'), {id_});
  store_->set_readers({.holds = [] { return std::vector<Hold>(); }, .deleted = {}});
  store_->apply_retention();
  ASSERT_GT(store_->statistics().segments_deleted, 5U);
  const auto before = payloads(id_);
  store_.reset();
  fs::remove_all(view());
  fs::rename(copy, view());

  open();

  EXPECT_EQ(payloads(id_), before);
  EXPECT_EQ(get(StateKind::Document, "a"), "1");
  EXPECT_EQ(get(StateKind::Document, "b"), "2");
}

TEST_F(ViewDamage, MetWhileRunningIsToldAndMendedByTheNextStart) {
  fill();
  open();
  // A value that no cache holds yet, found by what is certain to stand in its block.
  for (const auto& path : files_like(".sst")) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const auto at = bytes.find(state_.back().second.substr(1000, 20));
    if (at != std::string::npos) flip(path, at);
  }

  const auto value = store_->get(StateKind::Document, "139");

  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, Errc::Corrupt);
  EXPECT_NE(store_->health().damage.find("view"), std::string::npos);
  EXPECT_NE(store_->health().damage.find("restart"), std::string::npos);
  reopen();
  expect_all();
  EXPECT_TRUE(store_->health().damage.empty());
}

}  // namespace
}  // namespace sluice::store
