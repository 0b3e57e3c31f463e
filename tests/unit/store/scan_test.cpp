// The log read without a queue: for a task that starts before its queue existed.
#include <random>
#include <set>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

class Scan : public StoreTest {
 protected:
  BatchPtr publish_to(std::string_view topic, std::string_view payload) {
    const BatchPtr batch = store_->new_batch();
    auto fields = message(payload);
    fields.topic = topic;
    batch->add_message(fields, {});
    EXPECT_TRUE(store_->append(batch));
    EXPECT_TRUE(store_->wait_durable(batch->end()));
    return batch;
  }

  // Walks from `after` to `before`, a small piece at a time.
  std::vector<std::string> walk(std::vector<std::string> filters, Position after, Position before,
                                std::size_t scanned = 4 << 10) {
    std::vector<std::string> payloads;
    steps_ = 0;
    while (true) {
      ScanRequest request{.filters = filters, .after = after, .before = before};
      request.maximum_messages = 7;
      request.maximum_bytes = 4 << 10;
      request.maximum_scanned = scanned;
      const auto result = store_->scan_log(request);
      EXPECT_TRUE(result) << result.error().detail;
      if (!result) return payloads;
      ++steps_;
      for (const auto& entry : result->entries) payloads.emplace_back(entry.message->payload);
      if (result->at_end) {
        EXPECT_EQ(result->next, std::max(after, before));
        return payloads;
      }
      EXPECT_GT(result->next, after) << "a step that does not move would never end";
      if (result->next <= after) return payloads;
      after = result->next;
    }
  }

  [[nodiscard]] Position end() const { return Position(store_->head().get() - 1); }

  int steps_ = 0;
};

TEST_F(Scan, FindsWhatNoQueueHoldsInOrderAcrossSegments) {
  open();
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const auto text = std::to_string(i) + std::string(1000, 'x');
    publish_to(i % 3 == 0 ? "plant/a" : "other", text);
    put(StateKind::Cursor, "c", text);
    if (i % 3 == 0) expected.push_back(text);
  }
  ASSERT_TRUE(store_->wait_durable(store_->head()));
  ASSERT_GT(store_->statistics().segments, 5U);

  EXPECT_EQ(walk({"plant/+"}, Position(), end()), expected);
  EXPECT_GT(steps_, 50);
  EXPECT_EQ(walk({"+/+/+"}, Position(), end()), std::vector<std::string>{});
  EXPECT_GT(steps_, 50);  // bounded also where nothing is found
}

TEST_F(Scan, GivesAMessageThatSeveralFiltersMatchOnce) {
  open();
  publish_to("a/b", "1");
  EXPECT_EQ(walk({"a/b", "a/+", "#"}, Position(), end()), std::vector<std::string>{"1"});
}

TEST_F(Scan, BeginsAtAnyPlaceAndEndsBeforeTheSeam) {
  open();
  std::vector<Position> positions;
  for (int i = 0; i < 40; ++i) {
    positions.push_back(
        publish_to("t", std::to_string(i) + std::string(4000, 'x'))->message(0).position());
  }
  const auto seam = end();
  publish_to("t", "behind the seam");

  for (std::size_t first = 0; first < positions.size(); ++first) {
    const auto exact = walk({"#"}, positions[first], seam);
    EXPECT_EQ(exact.size(), positions.size() - first - 1);
    // Not where a record begins: what follows is found all the same.
    const auto before = walk({"#"}, Position(positions[first].get() - 1), seam);
    ASSERT_EQ(before.size(), positions.size() - first);
    EXPECT_TRUE(before.front().starts_with(std::to_string(first) + "x"));
    EXPECT_EQ(walk({"#"}, Position(positions[first].get() + 77), seam), exact);
  }
  EXPECT_TRUE(walk({"#"}, seam, seam).empty());
}

TEST_F(Scan, GoesOnWhereItStoppedAfterACrash) {
  open();
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(std::to_string(i) + std::string(2000, 'x'));
    publish_to("t", expected.back());
  }
  const auto seam = end();
  const std::vector<std::string> filters{"#"};
  ScanRequest request{.filters = filters, .after = {}, .before = seam};
  request.maximum_messages = 40;
  const auto first = store_->scan_log(request);
  ASSERT_TRUE(first);
  crash(Survives::Synced);
  open();
  publish_to("t", "of the next run");

  auto found = walk({"#"}, first->next, seam);

  ASSERT_EQ(first->entries.size() + found.size(), expected.size());
  EXPECT_EQ(found, std::vector<std::string>(expected.begin() + 40, expected.end()));
}

TEST_F(Scan, GivesNothingThatIsNotDurable) {
  open();
  publish_to("t", "durable");
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed, true);
  const auto doubtful = append("doubtful");
  ASSERT_TRUE(doubtful);
  ASSERT_FALSE(store_->wait_durable((*doubtful)->end()));
  const std::vector<std::string> filters{"#"};

  const auto result = store_->scan_log({.filters = filters, .after = {}, .before = end()});

  ASSERT_TRUE(result);
  EXPECT_FALSE(result->at_end);
  ASSERT_EQ(result->entries.size(), 1U);
  EXPECT_EQ(result->entries[0].message->payload, "durable");
}

TEST_F(Scan, SaysWhereTheLogIsDamaged) {
  open();
  for (int i = 0; i < 40; ++i) publish_to("t", std::to_string(i) + std::string(4000, 'x'));
  const std::string first = directory_.path() + "/log/00000000000000000000.log";
  files_.overwrite(first, files_.content(first).find("7xxx"), "8");
  const std::vector<std::string> filters{"#"};

  ScanRequest request{.filters = filters, .after = {}, .before = end(), .maximum_bytes = 1 << 30};
  const auto before = store_->scan_log(request);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->entries.size(), 7U);
  request.after = before->next;
  const auto result = store_->scan_log(request);

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::Corrupt);
  EXPECT_NE(result.error().detail.find("offset"), std::string::npos);
}

TEST_F(Scan, FindsAPlaceByTime) {
  open();
  constexpr std::int64_t kBeginning = 1'700'000'000'000;
  std::vector<std::string> all;
  for (int i = 0; i < 100; ++i) {
    clock_.set(kBeginning + (i / 2) * 1000);
    all.push_back(std::to_string(i) + std::string(3000, 'x'));
    publish_to("t", all.back());
  }
  const auto found = [&](std::int64_t wall_ms) {
    const auto position = store_->position_before(wall_ms);
    EXPECT_TRUE(position) << position.error().detail;
    return walk({"#"}, *position, end());
  };

  EXPECT_EQ(found(0), all);
  for (int i = 0; i < 50; ++i) {
    const std::vector<std::string> rest(all.begin() + i * 2, all.end());
    EXPECT_EQ(found(kBeginning + i * 1000), rest) << i;
    if (i > 0) EXPECT_EQ(found(kBeginning + i * 1000 - 1), rest) << i;
  }
  EXPECT_TRUE(found(kBeginning + 50'000).empty());
  reopen();  // the new segment holds nothing yet
  EXPECT_EQ(found(kBeginning + 49'000).size(), 2U);
}

TEST_F(Scan, OfAnEmptyLogEndsAtOnce) {
  open();
  const std::vector<std::string> filters{"#"};
  const auto result = store_->scan_log({.filters = filters, .after = {}, .before = Position()});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at_end);
  ASSERT_TRUE(store_->position_before(5));
  EXPECT_EQ(store_->log_bytes(Position(), store_->head()), 0U);
}

// Over the gaps that files leave between them.
TEST_F(Scan, FindsThePlaceSoManyBytesBackFromAnother) {
  open();
  for (int run = 0; run < 4; ++run) {
    for (int i = 0; i < 40; ++i) publish(std::string(1000, 'x'));
    reopen();
    publish("x");
  }
  const auto end = store_->durable();
  const auto all = store_->log_bytes(Position(), end);
  ASSERT_GT(all, 160'000U);
  ASSERT_LT(all + 100'000, end.get()) << "there are no gaps";
  for (const std::uint64_t bytes : {0U, 1U, 500U, 41'000U, 80'000U, 123'456U}) {
    const auto from = store_->back_from(end, bytes);
    EXPECT_EQ(store_->log_bytes(from, end), bytes);
    EXPECT_EQ(store_->log_bytes(store_->back_from(from, bytes), from),
              bytes <= all / 2 ? bytes : all - bytes);
  }
  EXPECT_EQ(store_->back_from(end, all), Position());
  EXPECT_EQ(store_->back_from(end, 1ULL << 50), Position());
}

// Whatever was appended while the queue was made: what the walk gives and what the queue gives
// meet without a gap and without an overlap.
TEST_F(Scan, MeetsTheQueueAtTheSeam) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    open();
    std::vector<std::string> expected;
    std::optional<QueueId> id;
    Position seam;
    for (int i = 0; i < 60; ++i) {
      if (i == static_cast<int>(10 + seed * 2)) {
        id = queue("#");
        seam = end();
      }
      expected.push_back(std::to_string(i) + std::string(random() % 3000, 'x'));
      const auto batch = id ? append(expected.back(), {*id}) : append(expected.back());
      ASSERT_TRUE(batch);
      if (random() % 7 == 0) reopen();
    }
    ASSERT_TRUE(store_->wait_durable(store_->head()));

    auto found = walk({"#"}, Position(), seam);
    for (auto& text : payloads(*id, seam)) found.push_back(std::move(text));

    EXPECT_EQ(found, expected) << "seed " << seed;
    store_.reset();
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
  }
}

}  // namespace
}  // namespace sluice::store
