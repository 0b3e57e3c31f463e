// A store on files in memory, small enough that segments roll and checkpoints happen.
#pragma once
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/embedded/engine.hpp"
#include "support/faulty_file_system.hpp"

namespace sluice::store {

using test::FaultyFileSystem;
using Survives = FaultyFileSystem::Survives;
using Operation = FaultyFileSystem::Operation;

class SetClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return wall_ms_.load(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
  void set(std::int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  std::atomic<std::int64_t> wall_ms_{1'700'000'000'000};
};

// A directory that ends with the test: for the lock and the view, which are always real.
class TempDirectory {
 public:
  TempDirectory() {
    static std::atomic<int> number{0};
    // In memory where there is such a place: the view is opened hundreds of times.
    const std::filesystem::path memory = "/dev/shm";
    const auto base =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    path_ = base / ("sluice-store-" + std::to_string(::getpid()) + "-" + std::to_string(++number));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options_.directory = directory_.path();
    options_.segment_bytes = 64 << 10;
    options_.cache_bytes = 1 << 20;
    options_.checkpoint_bytes = 1 << 30;
    options_.reserve_bytes = 8 << 10;
    options_.first_fill_bytes = 16 << 10;
    options_.prepare_segments = false;
    options_.retry_interval = std::chrono::milliseconds(1);
  }

  // What a test listens with ends before the store does, otherwise.
  void TearDown() override { store_.reset(); }

  Result<void> try_open() {
    SL_TRY(store, open_embedded(files_, clock_, options_));
    store_ = std::move(store);
    return {};
  }

  void open() {
    const auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().detail;
  }

  void reopen() {
    store_.reset();
    open();
  }

  // The process ends without a word; what it had not synced meets `survives`.
  void crash(Survives survives, std::uint64_t seed = 0) {
    files_.halt();
    store_.reset();
    files_.restart(survives, seed);
  }

  void forget_view() { std::filesystem::remove_all(directory_.path() + "/view"); }

  [[nodiscard]] QueueId queue(std::string_view filter, bool persistent = true) {
    const auto opened = store_->open_queue(filter, persistent);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? opened->id : QueueId();
  }

  static NewMessage message(std::string_view payload) {
    NewMessage message;
    message.topic = "plant/1/state";
    message.payload = payload;
    message.client_id = "meter-1";
    message.host = "192.0.2.1";
    message.qos = 1;
    return message;
  }

  Result<BatchPtr> append(std::string_view payload, std::vector<QueueId> queues = {}) {
    const BatchPtr batch = store_->new_batch();
    batch->add_message(message(payload), queues);
    SL_TRY_VOID(store_->append(batch));
    return batch;
  }

  // Durable when this returns.
  BatchPtr publish(std::string_view payload, std::vector<QueueId> queues = {}) {
    auto batch = append(payload, std::move(queues));
    EXPECT_TRUE(batch) << batch.error().detail;
    if (!batch) return nullptr;
    const auto durable = store_->wait_durable((*batch)->end());
    EXPECT_TRUE(durable) << durable.error().detail;
    return *batch;
  }

  Position put(StateKind kind, std::string_view key, std::string_view value) {
    const BatchPtr batch = store_->new_batch();
    batch->put(kind, key, value);
    EXPECT_TRUE(store_->append(batch));
    return batch->end();
  }

  Position erase(StateKind kind, std::string_view key) {
    const BatchPtr batch = store_->new_batch();
    batch->erase(kind, key);
    EXPECT_TRUE(store_->append(batch));
    return batch->end();
  }

  [[nodiscard]] std::vector<std::string> payloads(QueueId queue, Position after = {}) {
    std::vector<std::string> texts;
    while (true) {
      ReadRequest request;
      request.queues = {&queue, 1};
      request.after = after;
      request.maximum_messages = 100;
      const auto result = store_->read(request);
      EXPECT_TRUE(result) << result.error().detail;
      if (!result) return texts;
      for (const ReadEntry& entry : result->entries) texts.emplace_back(entry.message->payload);
      after = result->next;
      if (result->at_end) return texts;
    }
  }

  [[nodiscard]] std::optional<std::string> get(StateKind kind, std::string_view key) {
    auto value = store_->get(kind, key);
    EXPECT_TRUE(value) << value.error().detail;
    return value ? *value : std::nullopt;
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> scan(StateKind kind,
                                                                      std::string_view prefix) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const auto scanned =
        store_->scan(kind, prefix, [&](std::string_view key, std::string_view value) {
          pairs.emplace_back(key, value);
          return true;
        });
    EXPECT_TRUE(scanned) << scanned.error().detail;
    return pairs;
  }

  // The last file of the log.
  [[nodiscard]] std::string last_segment() const {
    std::string last;
    for (const std::string& path : files_.paths()) {
      if (path.ends_with(".log")) last = path;
    }
    return last;
  }

  FaultyFileSystem files_;
  SetClock clock_;
  TempDirectory directory_;
  EmbeddedOptions options_;
  std::unique_ptr<Store> store_;
};

}  // namespace sluice::store
