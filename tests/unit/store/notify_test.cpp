#include <condition_variable>
#include <mutex>
#include <thread>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

class Notify : public StoreTest {
 protected:
  void wait_at(QueueId queue, std::uint64_t key = 1, Visibility visibility = Visibility::Ordered) {
    store_->notify(key, {&queue, 1}, store_->head(), visibility, [this] {
      const std::scoped_lock lock(mutex_);
      ++calls_;
      called_.notify_all();
    });
  }

  int calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  std::mutex mutex_;
  std::condition_variable called_;
  int calls_ = 0;
};

TEST_F(Notify, WakesOnceForTheFirstEntry) {
  open();
  const QueueId id = queue("q");
  wait_at(id);
  EXPECT_EQ(calls(), 0);

  ASSERT_TRUE(append("for nobody"));
  EXPECT_EQ(calls(), 0);
  ASSERT_TRUE(append("1", {id}));
  EXPECT_EQ(calls(), 1);
  ASSERT_TRUE(append("2", {id}));
  EXPECT_EQ(calls(), 1);
}

TEST_F(Notify, WakesAtOnceForWhatIsThere) {
  open();
  const QueueId id = queue("q");
  ASSERT_TRUE(append("1", {id}));

  store_->notify(1, {&id, 1}, Position(), Visibility::Ordered, [this] { ++calls_; });

  EXPECT_EQ(calls_, 1);
}

TEST_F(Notify, WakesAtOnceForWhatOnlyTheViewHolds) {
  open();
  QueueId id = queue("q");
  publish("1", {id});
  reopen();
  id = queue("q");

  store_->notify(1, {&id, 1}, Position(), Visibility::Durable, [this] { ++calls_; });

  EXPECT_EQ(calls_, 1);
}

TEST_F(Notify, WaitsUntilTheEntryIsDurableForWhoWantsThat) {
  open();
  const QueueId id = queue("q");
  wait_at(id, 1, Visibility::Durable);

  const auto batch = append("1", {id});
  ASSERT_TRUE(batch);

  std::unique_lock lock(mutex_);
  called_.wait(lock, [this] { return calls_ > 0; });
  EXPECT_GE(store_->durable(), (*batch)->end());
}

TEST_F(Notify, DoesNotWakeForWhatNeverBecomesDurable) {
  open();
  const QueueId id = queue("q");
  publish("0", {id});
  wait_at(id, 1, Visibility::Durable);
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed, true);

  const auto batch = append("1", {id});
  ASSERT_TRUE(batch);
  EXPECT_EQ(store_->wait_durable((*batch)->end()).error().code, Errc::Closed);

  store_.reset();
  EXPECT_EQ(calls_, 0);
}

TEST_F(Notify, WatchesSeveralQueuesWithOneCall) {
  open();
  const std::vector<QueueId> ids = {queue("a"), queue("b", false)};
  store_->notify(1, ids, store_->head(), Visibility::Ordered, [this] { ++calls_; });

  ASSERT_TRUE(append("1", {ids[1]}));
  ASSERT_TRUE(append("2", {ids[0]}));

  EXPECT_EQ(calls_, 1);
}

TEST_F(Notify, ReplacesAnEarlierCallOfTheSameKey) {
  open();
  const QueueId id = queue("q");
  int first = 0;
  store_->notify(1, {&id, 1}, store_->head(), Visibility::Ordered, [&] { ++first; });
  wait_at(id, 1);

  ASSERT_TRUE(append("1", {id}));

  EXPECT_EQ(first, 0);
  EXPECT_EQ(calls(), 1);
}

TEST_F(Notify, IsSilentOnceCancelled) {
  open();
  const QueueId id = queue("q");
  wait_at(id, 1);
  wait_at(id, 2);
  wait_at(id, 3, Visibility::Durable);
  store_->cancel_notify(1);
  store_->cancel_notify(3);
  store_->cancel_notify(99);

  publish("1", {id});

  store_.reset();
  EXPECT_EQ(calls_, 1);
}

TEST_F(Notify, LosesNoEntryBetweenReadingAndWaiting) {
  open();
  const QueueId id = queue("q");
  constexpr int kMessages = 2000;
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(append("x", {id}));
  });

  int seen = 0;
  Position after;
  while (seen < kMessages) {
    ReadRequest request;
    request.queues = {&id, 1};
    request.after = after;
    const auto result = store_->read(request);
    ASSERT_TRUE(result);
    seen += static_cast<int>(result->entries.size());
    after = result->next;
    if (!result->entries.empty()) continue;
    // Would hang here for ever if a wake could get lost.
    bool woken = false;
    store_->notify(7, {&id, 1}, after, Visibility::Ordered, [&] {
      const std::scoped_lock lock(mutex_);
      woken = true;
      called_.notify_all();
    });
    std::unique_lock lock(mutex_);
    called_.wait(lock, [&] { return woken; });
  }

  writer.join();
  EXPECT_EQ(seen, kMessages);
}

TEST_F(Notify, CancelWaitsForACallUnderWay) {
  open();
  const QueueId id = queue("q");
  std::thread writer([&] {
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(append("x", {id}));
  });

  for (int i = 0; i < 500; ++i) {
    auto alive = std::make_unique<int>(0);
    store_->notify(5, {&id, 1}, store_->head(), Visibility::Ordered, [&] { ++*alive; });
    store_->cancel_notify(5);
    EXPECT_LE(*alive, 1);
    alive.reset();  // a call now would be a use after free
  }

  writer.join();
}

}  // namespace
}  // namespace sluice::store
