#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store_fixture.hpp"
#include "support/eventually.hpp"

namespace sluice::store {
namespace {

class Append : public StoreTest {};

TEST_F(Append, GivesBackEveryFieldOfAMessage) {
  open();
  NewMessage given;
  given.topic = "a/b";
  given.payload = std::string_view("\0\xff payload", 10);
  given.properties = "props";
  given.client_id = "client";
  given.host = "2001:db8::1";
  given.username = "user";
  given.packet_id = 65535;
  given.qos = 2;
  given.retain = true;
  given.dup = true;
  given.has_username = true;
  const QueueId id = queue("a/b");
  const BatchPtr batch = store_->new_batch();
  EXPECT_EQ(batch->add_message(given, {{id}}), 0U);
  ASSERT_TRUE(store_->append(batch));

  for (const bool from_file : {false, true}) {
    if (from_file) {
      reopen();
    }
    const auto found = store_->message_at(batch->message(0).position());
    ASSERT_TRUE(found) << found.error().detail;
    const model::Message& message = **found;
    EXPECT_EQ(message.id, batch->message(0).id);
    EXPECT_EQ(message.timestamp_ms, clock_.wall_ms());
    EXPECT_EQ(message.topic, given.topic);
    EXPECT_EQ(message.payload, given.payload);
    EXPECT_EQ(message.properties, given.properties);
    EXPECT_EQ(message.client_id, given.client_id);
    EXPECT_EQ(message.host, given.host);
    EXPECT_EQ(message.username, given.username);
    EXPECT_EQ(message.packet_id, given.packet_id);
    EXPECT_EQ(message.qos, given.qos);
    EXPECT_EQ(message.retain, given.retain);
    EXPECT_EQ(message.dup, given.dup);
    EXPECT_EQ(message.has_username, given.has_username);
  }
}

TEST_F(Append, PutsTimeNodeAndPositionIntoTheId) {
  options_.node = 0x1234;
  open();

  const BatchPtr batch = publish("x");

  const model::MessageId id = batch->message(0).id;
  EXPECT_EQ(id.time_and_node >> 16, static_cast<std::uint64_t>(clock_.wall_ms()));
  EXPECT_EQ(id.time_and_node & 0xffff, 0x1234U);
  EXPECT_EQ(id.position, batch->message(0).position().get());
}

// Whoever waits all the same gets it at once: what may wait is spared the disk, not the store.
TEST_F(Append, MakesDurableWhatMayWaitAsSoonAsSomebodyAsks) {
  open();
  Position end;
  for (int i = 0; i < 50; ++i) {
    const BatchPtr batch = store_->new_batch();
    batch->add_message(message("patient"), {});
    batch->let_wait();
    ASSERT_TRUE(store_->append(batch));
    end = batch->end();
    if (i % 5 == 0) ASSERT_TRUE(store_->wait_durable(end));
  }
  ASSERT_TRUE(store_->wait_durable(end));

  EXPECT_EQ(store_->durable(), end);
  EXPECT_LE(store_->statistics().commits, 50U);
}

// Nobody asks: it becomes durable by itself, and an urgent one takes all before it along.
TEST_F(Append, CommitsWhatMayWaitWithWhatMayNot) {
  open();
  std::mutex mutex;
  std::condition_variable changed;
  Position durable;
  const auto listener = store_->add_durable_listener([&](Position position) {
    const std::scoped_lock lock(mutex);
    durable = position;
    changed.notify_all();
  });
  const auto wait_for = [&](Position end) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return durable >= end; });
  };
  const BatchPtr patient = store_->new_batch();
  patient->add_message(message("patient"), {});
  patient->let_wait();

  ASSERT_TRUE(store_->append(patient));
  EXPECT_TRUE(wait_for(patient->end()));
  const BatchPtr again = store_->new_batch();
  again->add_message(message("patient"), {});
  again->let_wait();
  ASSERT_TRUE(store_->append(again));
  const auto urgent = append("urgent");
  ASSERT_TRUE(urgent);
  EXPECT_TRUE(wait_for((*urgent)->end()));
  store_->remove_durable_listener(listener);
}

TEST_F(Append, NeverGivesALowerTime) {
  open();
  const BatchPtr first = publish("x");

  clock_.set(1'000);
  const BatchPtr second = publish("y");
  reopen();
  const BatchPtr third = publish("z");

  EXPECT_EQ(second->message(0).timestamp_ms, first->message(0).timestamp_ms);
  EXPECT_EQ(third->message(0).timestamp_ms, first->message(0).timestamp_ms);
  EXPECT_LT(first->message(0).id, second->message(0).id);
  EXPECT_LT(second->message(0).id, third->message(0).id);
}

TEST_F(Append, IsOrderedAtOnceAndDurableWhenSynced) {
  open();
  const Position before = store_->head();
  Position seen;

  const BatchPtr batch = store_->new_batch();
  batch->add_message(message("x"), {});
  const auto end = store_->append(batch, [&] { seen = batch->message(0).position(); });

  ASSERT_TRUE(end);
  EXPECT_EQ(*end, batch->end());
  EXPECT_EQ(store_->head(), *end);
  EXPECT_GT(seen, before);
  EXPECT_LT(seen, *end);
  ASSERT_TRUE(store_->wait_durable(*end));
  EXPECT_GE(store_->durable(), *end);
}

TEST_F(Append, LetsNoMessageBeginWhereTheLogOnceEnded) {
  open();
  const QueueId id = queue("q");
  const Position head = store_->head();

  publish("x", {id});

  EXPECT_EQ(payloads(id, head), std::vector<std::string>{"x"});
}

TEST_F(Append, TakesAnEmptyBatch) {
  open();
  publish("x");
  const Position head = store_->head();
  bool ordered = false;

  const BatchPtr batch = store_->new_batch();
  const auto end = store_->append(batch, [&] { ordered = true; });

  ASSERT_TRUE(end);
  EXPECT_TRUE(ordered);
  EXPECT_EQ(*end, head);
  EXPECT_TRUE(store_->wait_durable(*end));
}

TEST_F(Append, TakesABatchLargerThanASegment) {
  open();
  const QueueId id = queue("q");
  const std::string large(3 * options_.segment_bytes, 'x');

  publish("before", {id});
  publish(large, {id});
  publish("after", {id});
  reopen();

  EXPECT_EQ(payloads(id), (std::vector<std::string>{"before", large, "after"}));
}

TEST_F(Append, RollsFromSegmentToSegment) {
  open();
  const QueueId id = queue("q");
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(std::string(5000, static_cast<char>('a' + i % 26)));
    publish(expected.back(), {id});
  }

  EXPECT_GE(store_->statistics().segments, 7U);
  EXPECT_EQ(payloads(id), expected);
  reopen();
  EXPECT_EQ(payloads(id), expected);
}

TEST_F(Append, KeepsViewsRightWhenTheBatchGrows) {
  open();
  const QueueId id = queue("q");
  const BatchPtr batch = store_->new_batch();
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back("payload number " + std::to_string(i));
    batch->add_message(message(expected.back()), {{id}});
  }

  ASSERT_TRUE(store_->append(batch));

  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(batch->message(i).payload, expected[i]);
    EXPECT_EQ(batch->message(i).topic, "plant/1/state");
  }
  EXPECT_EQ(batch->message_count(), expected.size());
  EXPECT_EQ(payloads(id), expected);
}

TEST_F(Append, KeepsAMessageAliveAsLongAsSomebodyHoldsIt) {
  open();
  MessagePtr held;
  {
    const BatchPtr batch = publish("kept");
    held = message_of(batch, 0);
  }

  store_->close();
  store_.reset();

  EXPECT_EQ(held->payload, "kept");
}

TEST_F(Append, CallsListenersAfterEveryCommit) {
  open();
  std::mutex mutex;
  std::condition_variable changed;
  Position heard;
  const auto listener = store_->add_durable_listener([&](Position durable) {
    const std::scoped_lock lock(mutex);
    heard = durable;
    changed.notify_all();
  });

  const auto batch = append("x");
  ASSERT_TRUE(batch);

  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return heard >= (*batch)->end(); });
  }
  store_->remove_durable_listener(listener);
  const Position last = heard;
  publish("y");
  EXPECT_EQ(heard, last);
}

TEST_F(Append, HandsOnWhatIsOrderedBeforeACommitIsHeardOf) {
  open();
  std::atomic<std::uint64_t> handed_on{0};
  std::atomic<bool> early{false};
  const auto listener = store_->add_durable_listener([&](Position durable) {
    if (durable.get() > handed_on) early = true;
  });

  for (int i = 0; i < 50; ++i) {
    const BatchPtr batch = store_->new_batch();
    batch->add_message(message("x"), {});
    const auto end = store_->append(batch, [&] { handed_on = batch->end().get(); });
    ASSERT_TRUE(end);
    ASSERT_TRUE(store_->wait_durable(*end));
  }

  store_->remove_durable_listener(listener);
  EXPECT_FALSE(early);
}

TEST_F(Append, IsRefusedOnceTheStoreIsClosed) {
  open();
  publish("x");
  store_->close();
  store_->close();

  EXPECT_EQ(append("y").error().code, Errc::Closed);
  EXPECT_EQ(store_->wait_durable(Position(UINT64_MAX)).error().code, Errc::Closed);
}

TEST_F(Append, MakesEverythingDurableWhenItCloses) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append(std::to_string(i), {id}));

  store_.reset();
  files_.restart(Survives::Synced);
  open();

  EXPECT_EQ(payloads(id).size(), 100U);
}

TEST_F(Append, CountsWhatItDoes) {
  open();
  publish("x");
  publish("y");

  const Statistics statistics = store_->statistics();

  EXPECT_EQ(statistics.messages_appended, 2U);
  EXPECT_GT(statistics.bytes_appended, 0U);
  EXPECT_GE(statistics.commits, 2U);
  EXPECT_GE(statistics.syncs, 2U);
  EXPECT_EQ(statistics.segments, 1U);
  EXPECT_GT(statistics.log_bytes, statistics.bytes_appended);
  EXPECT_EQ(statistics.head, statistics.durable);
}

TEST_F(Append, WorksWithDurabilityOfTheOperatingSystem) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.sync_behind_after = std::chrono::hours(1);
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 30; ++i) publish(std::string(5000, 'x'), {id});

  // Only where a segment was left behind.
  EXPECT_LE(store_->statistics().syncs, store_->statistics().segments);
  crash(Survives::All);
  open();
  EXPECT_EQ(payloads(id).size(), 30U);
}

// Nothing is to be waited for: no other thread needs to be woken and to wake this one again.
TEST_F(Append, IsWrittenByTheThreadThatAppendsWithDurabilityOfTheOperatingSystem) {
  options_.durability = EmbeddedOptions::Durability::Os;
  open();
  std::atomic<int> heard_here = 0;
  store_->add_durable_listener([&, self = std::this_thread::get_id()](Position) {
    if (std::this_thread::get_id() == self) ++heard_here;
  });

  // Not while the committing thread is at work, as it is after the start or a slow write.
  int durable_at_once = 0;
  for (int i = 0; i < 10'000 && durable_at_once < 10; ++i) {
    const auto heard_before = heard_here.load();
    const auto batch = append("x");
    ASSERT_TRUE(batch);
    if (heard_here > heard_before) {
      EXPECT_GE(store_->durable(), (*batch)->end());
      ++durable_at_once;
    } else {
      ASSERT_TRUE(store_->wait_durable((*batch)->end()));
    }
  }

  EXPECT_EQ(durable_at_once, 10);
}

// A write beside a sync may wait for the disk, and this thread may serve clients.
TEST_F(Append, LeavesToTheCommittingThreadWhatComesDuringASync) {
  options_.durability = EmbeddedOptions::Durability::Os;
  options_.sync_behind_after = std::chrono::milliseconds(1);
  open();
  std::atomic<int> heard_here = 0;
  store_->add_durable_listener([&, self = std::this_thread::get_id()](Position) {
    if (std::this_thread::get_id() == self) ++heard_here;
  });
  files_.hold_syncs(true);
  publish("x");
  ASSERT_TRUE(test::eventually([&] { return files_.syncs_held() == 1; }));
  const auto heard_before = heard_here.load();

  for (int i = 0; i < 20; ++i) publish("y");

  EXPECT_EQ(heard_here, heard_before);
  EXPECT_EQ(files_.syncs_held(), 1) << "what is published is durable before it is synced";
  files_.hold_syncs(false);
}

TEST_F(Append, LeavesToTheCommittingThreadWhatMustBeSynced) {
  open();
  std::atomic<int> heard_here = 0;
  store_->add_durable_listener([&, self = std::this_thread::get_id()](Position) {
    if (std::this_thread::get_id() == self) ++heard_here;
  });

  for (int i = 0; i < 20; ++i) publish("x");

  EXPECT_EQ(heard_here, 0);
}

TEST_F(Append, MeasuresEachCommitOnce) {
  metrics::Histogram append_seconds;
  metrics::Histogram sync_seconds;
  options_.append_seconds = &append_seconds;
  options_.sync_seconds = &sync_seconds;
  open();
  const auto count = [](const metrics::Histogram& histogram) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < metrics::Histogram::kBuckets; ++i) sum += histogram.bucket(i);
    return sum;
  };
  const BatchPtr batch = store_->new_batch();
  for (int i = 0; i < 1000; ++i) batch->add_message(message("x"), {});
  ASSERT_TRUE(store_->append(batch));
  ASSERT_TRUE(store_->wait_durable(batch->end()));
  for (int i = 0; i < 5; ++i) publish("y");
  store_->close();

  const auto statistics = store_->statistics();
  EXPECT_EQ(count(append_seconds), statistics.commits);
  EXPECT_EQ(count(sync_seconds), statistics.syncs);
  EXPECT_LT(statistics.commits, 10U);
  EXPECT_GT(append_seconds.sum(), 0.0);
  store_.reset();
}

}  // namespace
}  // namespace sluice::store
