#include "store_fixture.hpp"

namespace sluice::store {
namespace {

class Read : public StoreTest {
 protected:
  Result<ReadResult> read(std::vector<QueueId> queues, Position after = {},
                          std::size_t maximum = 256, std::size_t bytes = 1 << 20,
                          Visibility visibility = Visibility::Ordered) {
    ReadRequest request;
    request.queues = queues;
    request.after = after;
    request.maximum_messages = maximum;
    request.maximum_bytes = bytes;
    request.visibility = visibility;
    return store_->read(request);
  }
};

TEST_F(Read, MergesQueuesByPositionAndGivesAMessageOnce) {
  open();
  const QueueId a = queue("a");
  const QueueId b = queue("b");
  publish("1", {a});
  publish("2", {b});
  publish("3", {a, b});
  publish("4", {a});

  const auto result = read({a, b});

  ASSERT_TRUE(result);
  ASSERT_EQ(result->entries.size(), 4U);
  const std::vector<std::uint64_t> masks = {1, 2, 3, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result->entries[i].message->payload, std::to_string(i + 1));
    EXPECT_EQ(result->entries[i].queue_mask, masks[i]);
  }
  EXPECT_TRUE(result->at_end);
}

TEST_F(Read, SharesTheLastMaskBitAmongAllQueuesBeyondThe63rd) {
  open();
  std::vector<QueueId> queues;
  for (int i = 0; i < 70; ++i) queues.push_back(queue("q" + std::to_string(i)));
  publish("x", {queues[2], queues[63], queues[69]});

  const auto result = read(queues);

  ASSERT_TRUE(result);
  ASSERT_EQ(result->entries.size(), 1U);
  EXPECT_EQ(result->entries[0].queue_mask, (1ULL << 2) | (1ULL << 63));
}

TEST_F(Read, StopsAtTheMaximumAndGoesOnFromThere) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 5; ++i) publish(std::to_string(i), {id});

  const auto first = read({id}, {}, 2);
  ASSERT_TRUE(first);
  const auto second = read({id}, first->next, 10);
  ASSERT_TRUE(second);

  EXPECT_EQ(first->entries.size(), 2U);
  EXPECT_FALSE(first->at_end);
  EXPECT_EQ(first->next, first->entries[1].message->position());
  EXPECT_EQ(second->entries.size(), 3U);
  EXPECT_TRUE(second->at_end);
  EXPECT_EQ(second->next, store_->head());
}

TEST_F(Read, StopsAtTheMaximumOfBytesButGivesAtLeastOne) {
  open();
  const QueueId id = queue("q");
  for (int i = 0; i < 4; ++i) publish(std::string(1000, 'x'), {id});

  EXPECT_EQ(read({id}, {}, 256, 2000)->entries.size(), 2U);
  EXPECT_EQ(read({id}, {}, 256, 1)->entries.size(), 1U);
}

TEST_F(Read, ShowsWhatIsOnlyOrderedToThoseWhoWantIt) {
  open();
  const QueueId id = queue("q");
  const BatchPtr durable = publish("durable", {id});
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed, true);
  ASSERT_TRUE(append("ordered", {id}));

  const auto ordered = read({id});
  const auto only_durable = read({id}, {}, 256, 1 << 20, Visibility::Durable);

  ASSERT_TRUE(ordered);
  ASSERT_TRUE(only_durable);
  EXPECT_EQ(ordered->entries.size(), 2U);
  ASSERT_EQ(only_durable->entries.size(), 1U);
  EXPECT_EQ(only_durable->entries[0].message->payload, "durable");
  EXPECT_EQ(only_durable->next, durable->end());
}

TEST_F(Read, FindsInFilesWhatTheCacheHasForgotten) {
  options_.cache_bytes = 8 << 10;
  open();
  const QueueId id = queue("q");
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    // Small ones side by side, large ones longer than what is read at once.
    expected.push_back(i % 50 == 7 ? std::string(40'000, 'L') : "small " + std::to_string(i));
    publish(expected.back(), {id});
  }

  EXPECT_EQ(payloads(id), expected);

  const Statistics statistics = store_->statistics();
  EXPECT_GT(statistics.cache_misses, 0U);
  EXPECT_GT(statistics.cache_hits, 0U);
}

TEST_F(Read, ServesFromTheCacheWithoutFiles) {
  open();
  const QueueId id = queue("q");
  publish("x", {id});
  files_.halt();
  ReadRequest request;
  request.queues = {&id, 1};

  const auto result = store_->read_cached(request);

  ASSERT_TRUE(result);
  EXPECT_EQ(result->entries.at(0).message->payload, "x");
}

TEST_F(Read, FromTheCacheGivesNothingWhereFilesWouldBeNeeded) {
  options_.cache_bytes = 8 << 10;
  open();
  const QueueId id = queue("q");
  const BatchPtr first = publish("first", {id});
  for (int i = 0; i < 20; ++i) publish(std::string(1000, 'x'), {id});
  const BatchPtr last = publish("last", {id});
  ReadRequest request;
  request.queues = {&id, 1};

  EXPECT_FALSE(store_->read_cached(request));
  request.after = Position(last->message(0).position().get() - 1);
  ASSERT_TRUE(store_->read_cached(request));
  EXPECT_EQ(store_->read_cached(request)->entries.size(), 1U);

  reopen();
  request.after = Position();
  EXPECT_FALSE(store_->read_cached(request));
}

TEST_F(Read, OfAnEmptyQueueEndsAtTheHead) {
  open();
  const QueueId id = queue("q");
  publish("for nobody");

  const auto result = read({id});

  ASSERT_TRUE(result);
  EXPECT_TRUE(result->entries.empty());
  EXPECT_TRUE(result->at_end);
  EXPECT_EQ(result->next, store_->head());
}

TEST_F(Read, FindsAMessageByItsPositionAndNothingElsewhere) {
  options_.cache_bytes = 0;
  open();
  const BatchPtr batch = publish("x");
  publish("y");
  const Position position = batch->message(0).position();

  ASSERT_TRUE(store_->message_at(position));
  EXPECT_EQ((*store_->message_at(position))->payload, "x");
  EXPECT_EQ(store_->message_at(Position(position.get() + 1)).error().code, Errc::NotFound);
  EXPECT_EQ(store_->message_at(Position(0)).error().code, Errc::NotFound);
  EXPECT_EQ(store_->message_at(store_->head()).error().code, Errc::NotFound);
  EXPECT_EQ(store_->message_at(Position(UINT64_MAX)).error().code, Errc::NotFound);
}

TEST_F(Read, SaysWhenARecordInAFileIsDamaged) {
  options_.cache_bytes = 0;
  open();
  const QueueId id = queue("q");
  const BatchPtr batch = publish("some payload", {id});
  publish("another", {id});
  const std::string path = last_segment();
  const std::size_t at = files_.content(path).find("some payload");
  files_.overwrite(path, at, "S");

  EXPECT_EQ(read({id}).error().code, Errc::Corrupt);
  EXPECT_EQ(store_->message_at(batch->message(0).position()).error().code, Errc::Corrupt);
}

TEST_F(Read, CountsTheEntriesBehindAPosition) {
  options_.checkpoint_bytes = 16 << 10;
  options_.cache_bytes = 4 << 10;
  open();
  const QueueId a = queue("a");
  const QueueId b = queue("b");
  std::vector<Position> positions;
  for (int i = 0; i < 300; ++i) {
    const BatchPtr batch =
        publish(std::string(200, 'x'), i % 3 == 0 ? std::vector{a, b} : std::vector{a});
    positions.push_back(batch->message(0).position());
  }
  const std::vector<QueueId> both = {a, b};

  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(store_->count_after({{a}}, Position(), 10'000), 300U);
    EXPECT_EQ(store_->count_after(both, Position(), 10'000), 400U);
    EXPECT_EQ(store_->count_after(both, Position(), 50), 50U);
    for (const std::size_t i : {0U, 1U, 99U, 150U, 298U, 299U}) {
      EXPECT_EQ(store_->count_after({{a}}, positions[i], 10'000), 299U - i) << i;
    }
  }
}

TEST_F(Read, ForgetsWhatIsTrimmedAndQueuesThatAreDropped) {
  open();
  const QueueId id = queue("q");
  const BatchPtr first = publish("1", {id});
  publish("2", {id});

  store_->trim_queue(id, first->message(0).position());
  EXPECT_EQ(payloads(id), std::vector<std::string>{"2"});

  store_->drop_queue(id);
  EXPECT_TRUE(payloads(id).empty());
  EXPECT_EQ(store_->statistics().queues, 0U);
  const QueueId again = queue("q");
  EXPECT_NE(again, id);
  reopen();
  EXPECT_EQ(queue("q"), again);
}

TEST_F(Read, ErasesTrimmedEntriesFromTheViewAndWritesSmallBlocksAgain) {
  options_.cache_bytes = 0;
  open();
  const QueueId id = queue("q");
  std::vector<Position> positions;
  std::vector<std::string> expected;
  // Every restart writes a checkpoint: some with many entries, some with few.
  for (const int messages : {5000, 3, 3, 200, 3, 5000}) {
    const BatchPtr batch = store_->new_batch();
    for (int i = 0; i < messages; ++i) {
      expected.push_back(std::to_string(expected.size()));
      batch->add_message(message(expected.back()), {{id}});
    }
    ASSERT_TRUE(store_->append(batch));
    for (std::size_t i = 0; i < batch->message_count(); ++i) {
      positions.push_back(batch->message(i).position());
    }
    reopen();
  }
  EXPECT_EQ(payloads(id), expected);

  store_->trim_queue(id, positions[5100]);
  EXPECT_EQ(payloads(id).size(), expected.size() - 5101);
  publish("one more", {id});
  reopen();

  // Whole blocks are gone; what is left of a block that was cut costs nothing but its room.
  const std::uint64_t left = store_->count_after({{id}}, Position(), UINT64_MAX);
  EXPECT_LT(left, expected.size() - 4000);
  EXPECT_GE(left, expected.size() - 5101 + 1);
  EXPECT_EQ(payloads(id, positions[5100]).size(), expected.size() - 5101 + 1);
}

TEST_F(Read, KeepsAVolatileQueueInMemoryAlone) {
  options_.maximum_volatile_entries = 3;
  open();
  const QueueId id = queue("q", false);
  const QueueId persistent = queue("q");
  EXPECT_TRUE(is_volatile(id));
  EXPECT_FALSE(is_volatile(persistent));
  EXPECT_EQ(queue("q", false), id);
  for (int i = 0; i < 5; ++i) publish(std::to_string(i), {id, persistent});

  const auto result = read({id});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->entries.size(), 3U);
  EXPECT_EQ(result->lost, 2U);
  EXPECT_EQ(result->entries[0].message->payload, "2");

  reopen();
  EXPECT_TRUE(payloads(id).empty());
  EXPECT_EQ(payloads(queue("q")).size(), 5U);
}

TEST_F(Read, FindsAQueueAgainWithItsPlaceOfBirth) {
  open();
  publish("before");
  const auto made = store_->open_queue("a/+", true);
  ASSERT_TRUE(made);
  ASSERT_TRUE(store_->wait_durable(made->durable_at));
  const auto known = store_->open_queue("a/+", true);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->id, made->id);

  for (const bool lost_view : {false, true}) {
    store_.reset();
    if (lost_view) forget_view();
    open();
    const auto found = store_->open_queue("a/+", true);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made->id);
    EXPECT_EQ(found->created, made->created);
  }
}

}  // namespace
}  // namespace sluice::store
