// Everything at once: what the thread sanitizer is to look at.
#include <thread>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

class Concurrency : public StoreTest,
                    public ::testing::WithParamInterface<EmbeddedOptions::Durability> {
 protected:
  Concurrency() {
    options_.durability = GetParam();
    options_.segment_bytes = 32 << 10;
    options_.checkpoint_bytes = 16 << 10;
    options_.cache_bytes = 32 << 10;
    options_.prepare_segments = true;
  }

  static constexpr int kWriters = 3;
  static constexpr int kBatches = 150;

  // Batches of four messages, each with the writer's number and a count, and a state of its own.
  void write(int writer, QueueId own, QueueId common) {
    for (int i = 0; i < kBatches; ++i) {
      const BatchPtr batch = store_->new_batch();
      for (int k = 0; k < 4; ++k) {
        const std::string text = std::to_string(writer) + ":" + std::to_string(i * 4 + k) +
                                 std::string(static_cast<std::size_t>(i % 100), '.');
        batch->add_message(message(text), {{own, common}});
      }
      batch->put(StateKind::Cursor, std::to_string(writer), std::to_string(i));
      const auto end = store_->append(batch);
      if (!end && end.error().code == Errc::Overloaded) {
        --i;
        std::this_thread::yield();
        continue;
      }
      ASSERT_TRUE(end) << end.error().detail;
      if (i % 10 == 0) ASSERT_TRUE(store_->wait_durable(*end));
    }
  }

  // Each writer's messages come complete and in its order; returns how many came in all.
  int read_all(QueueId queue, Visibility visibility, std::uint64_t key, int expected) {
    std::vector<int> next(kWriters, 0);
    int seen = 0;
    Position after;
    while (seen < expected) {
      ReadRequest request;
      request.queues = {&queue, 1};
      request.after = after;
      request.maximum_messages = 64;
      request.visibility = visibility;
      auto cached = store_->read_cached(request);
      const auto result = cached ? Result<ReadResult>(std::move(*cached)) : store_->read(request);
      EXPECT_TRUE(result) << result.error().detail;
      if (!result) return seen;
      for (const ReadEntry& entry : result->entries) {
        const std::string text(entry.message->payload);
        const auto writer = static_cast<std::size_t>(text[0] - '0');
        EXPECT_EQ(std::stoi(text.substr(2)), next[writer]++);
        if (visibility == Visibility::Durable) {
          EXPECT_LT(entry.message->position(), store_->durable());
        }
        ++seen;
      }
      after = result->next;
      if (result->at_end && seen < expected) wait_for_more(queue, after, visibility, key);
      store_->trim_queue(QueueId(UINT64_MAX), after);
    }
    return seen;
  }

  void wait_for_more(QueueId queue, Position after, Visibility visibility, std::uint64_t key) {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
    store_->notify(key, {&queue, 1}, after, visibility, [&] {
      const std::scoped_lock lock(mutex);
      woken = true;
      changed.notify_one();
    });
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return woken; });
    }
    store_->cancel_notify(key);
  }
};

TEST_P(Concurrency, WritersReadersAndCheckpointsDoNotDisturbEachOther) {
  open();
  const QueueId common = queue("common");
  std::vector<QueueId> own;
  for (int i = 0; i < kWriters; ++i) own.push_back(queue("own" + std::to_string(i), i != 0));
  std::atomic<std::uint64_t> commits{0};
  const auto listener = store_->add_durable_listener([&](Position) { ++commits; });
  std::atomic<bool> done{false};
  constexpr int kAll = kWriters * kBatches * 4;

  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] { write(i, own[static_cast<std::size_t>(i)], common); });
  }
  std::thread ordered([&] { EXPECT_EQ(read_all(common, Visibility::Ordered, 1, kAll), kAll); });
  std::thread durable([&] { EXPECT_EQ(read_all(common, Visibility::Durable, 2, kAll), kAll); });
  std::thread other([&] {
    int i = 0;
    while (!done) {
      static_cast<void>(store_->statistics());
      static_cast<void>(store_->health());
      static_cast<void>(get(StateKind::Cursor, "1"));
      static_cast<void>(scan(StateKind::Cursor, ""));
      static_cast<void>(store_->count_after(own, Position(), 1 << 20));
      ++i;
      const QueueId made = queue("made" + std::to_string(i % 3), i % 2 == 0);
      store_->trim_queue(made, store_->durable());
      store_->drop_queue(made);
    }
  });
  for (std::thread& thread : threads) thread.join();
  ordered.join();
  durable.join();
  done = true;
  other.join();
  store_->remove_durable_listener(listener);

  EXPECT_GT(commits, 0U);
  EXPECT_EQ(payloads(common).size(), static_cast<std::size_t>(kAll));
  reopen();
  EXPECT_EQ(payloads(queue("common")).size(), static_cast<std::size_t>(kAll));
  for (int i = 0; i < kWriters; ++i) {
    EXPECT_EQ(get(StateKind::Cursor, std::to_string(i)), std::to_string(kBatches - 1));
  }
}

TEST_P(Concurrency, ClosesWhileOthersStillCall) {
  open();
  const QueueId id = queue("q");
  std::atomic<int> appended{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (append("x", {id})) ++appended;
    });
  }
  threads.emplace_back([&] {
    ReadRequest request;
    request.queues = {&id, 1};
    while (store_->read(request)) {
      if (!append("y")) break;
    }
  });
  while (appended < 20) std::this_thread::yield();

  store_->close();
  for (std::thread& thread : threads) thread.join();

  const int before = appended;
  reopen();
  EXPECT_EQ(payloads(queue("q")).size(), static_cast<std::size_t>(before));
}

INSTANTIATE_TEST_SUITE_P(Every, Concurrency,
                         ::testing::Values(EmbeddedOptions::Durability::Fsync,
                                           EmbeddedOptions::Durability::Os));

}  // namespace
}  // namespace sluice::store
