// The next segment's file is filled ahead by another thread, under another name.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

// Every wait wakes now and then for nothing, as condition variables may.
class RestlessThreads final : public Threads {
 public:
  std::unique_ptr<Thread> start(std::function<void()> body) override {
    return system_threads().start(std::move(body));
  }
  bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
            FunctionRef<bool()> until, std::chrono::nanoseconds at_most) override {
    const auto end = std::chrono::steady_clock::now() + std::min(at_most, kLong);
    while (!until()) {
      if (at_most != kForever && std::chrono::steady_clock::now() >= end) return false;
      changed.wait_for(lock, std::chrono::microseconds(200));
    }
    return true;
  }

 private:
  static constexpr std::chrono::nanoseconds kLong = std::chrono::hours(1);
};

// Gives whoever wants to fill the prepared file the time to open it while it gets its new name.
class SlowRename final : public FileSystem {
 public:
  explicit SlowRename(FileSystem& files) : files_(files) {}
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
    if (path.ends_with(".prepared")) {
      const std::scoped_lock lock(mutex_);
      ++opened_;
      changed_.notify_all();
    }
    return files_.open(path, mode);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (from.ends_with(".prepared")) {
      std::unique_lock lock(mutex_);
      const auto before = opened_;
      changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return opened_ > before; });
      ++renamed_;
    }
    return files_.rename(from, to);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return files_.list(directory);
  }
  Result<void> create_directories(const std::string& path) override {
    return files_.create_directories(path);
  }
  Result<void> remove(const std::string& path) override { return files_.remove(path); }
  Result<void> sync_directory(const std::string& path) override {
    return files_.sync_directory(path);
  }
  Result<std::uint64_t> free_bytes(const std::string& path) override {
    return files_.free_bytes(path);
  }
  Result<std::uint64_t> total_bytes(const std::string& path) override {
    return files_.total_bytes(path);
  }
  [[nodiscard]] int renamed() {
    const std::scoped_lock lock(mutex_);
    return renamed_;
  }

 private:
  FileSystem& files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int opened_ = 0;
  int renamed_ = 0;
};

class PreparedSegment : public StoreTest {};

// Found by the simulation, seed 3: zeros were written over records that were durable.
TEST_F(PreparedSegment, IsNotFilledAnyMoreOnceItIsTaken) {
  RestlessThreads threads;
  SlowRename slow(files_);
  options_.threads = &threads;
  options_.prepare_segments = true;
  options_.segment_bytes = 16 << 10;
  options_.first_fill_bytes = 16 << 10;
  options_.cache_bytes = 0;
  auto opened = open_embedded(slow, clock_, options_);
  ASSERT_TRUE(opened) << opened.error().detail;
  store_ = std::move(*opened);
  const auto id = queue("q");
  std::vector<std::string> expected;

  for (int i = 0; i < 400; ++i) {
    expected.push_back(std::to_string(i) + std::string(500, 'x'));
    publish(expected.back(), {id});
  }
  crash(Survives::All);
  forget_view();
  open();

  EXPECT_EQ(payloads(id), expected);
  EXPECT_GT(slow.renamed(), 0);
  store_.reset();  // before its threads
}

}  // namespace
}  // namespace sluice::store
