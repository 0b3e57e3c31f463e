// Messages by topic and time, against a plain walk over all that was stored.
#include "store/find.hpp"

#include <algorithm>
#include <random>

#include "mqtt/topic.hpp"
#include "store_fixture.hpp"

namespace sluice::store {
namespace {

// What tells a payload from the others: most are filled up.
std::string short_of(std::string_view payload) {
  return std::string(payload.substr(0, payload.find('x')));
}

constexpr std::int64_t kBegin = 1'700'000'000'000;

struct Stored {
  Position position;
  std::int64_t time_ms = 0;
  std::string topic;
  std::string payload;
};

class Find : public StoreTest {
 protected:
  Find() { options_.topic_block_bytes = 2 << 10; }

  void publish_to(std::string_view topic, std::string payload = "") {
    const BatchPtr batch = store_->new_batch();
    auto fields = message(payload);
    fields.topic = topic;
    batch->add_message(fields, {});
    append_batch(batch);
  }

  void append_batch(const BatchPtr& batch) {
    ASSERT_TRUE(store_->append(batch));
    for (std::size_t i = 0; i < batch->message_count(); ++i) {
      const auto& given = batch->message(i);
      stored_.push_back({given.position(), given.timestamp_ms, std::string(given.topic),
                         std::string(given.payload)});
    }
    ASSERT_TRUE(store_->wait_durable(batch->end()));
  }

  [[nodiscard]] std::vector<std::string> expected(const FindRequest& request) const {
    std::vector<std::string> payloads;
    for (const auto& each : stored_) {
      if (!request.filter.empty() && !mqtt::matches(request.filter, each.topic)) continue;
      if (request.from_ms && each.time_ms < *request.from_ms) continue;
      if (request.before_ms && each.time_ms >= *request.before_ms) continue;
      payloads.push_back(short_of(each.payload));
    }
    if (request.newest_first) std::ranges::reverse(payloads);
    return payloads;
  }

  // Page by page to the end.
  std::vector<std::string> found(FindRequest request) {
    std::vector<std::string> payloads;
    scanned_ = 0;
    calls_ = 0;
    while (true) {
      const auto result = store_->find(request);
      EXPECT_TRUE(result) << result.error().detail;
      if (!result) return payloads;
      ++calls_;
      scanned_ += result->scanned_bytes;
      damaged_.insert(damaged_.end(), result->damaged.begin(), result->damaged.end());
      EXPECT_LE(result->messages.size(), request.maximum_messages);
      for (const auto& each : result->messages) payloads.push_back(short_of(each->payload));
      if (result->at_end) return payloads;
      const bool moves =
          request.beyond == Position() ||
          (request.newest_first ? result->next < request.beyond : result->next > request.beyond);
      EXPECT_TRUE(moves) << "a page that does not move would never end";
      if (!moves) return payloads;
      request.beyond = result->next;
    }
  }

  void expect_found(const FindRequest& request) {
    EXPECT_EQ(found(request), expected(request))
        << "filter " << request.filter << (request.newest_first ? ", newest first" : "") << ", "
        << request.maximum_messages << " messages, " << request.maximum_bytes << " bytes, "
        << request.maximum_scanned << " scanned";
  }

  std::vector<Stored> stored_;
  std::uint64_t scanned_ = 0;
  int calls_ = 0;
  std::vector<Position> damaged_;
};

// Topics and filters over few words, so that much matches and much does not; `$` and empty levels
// among them.
class Words {
 public:
  explicit Words(std::uint64_t seed) : random_(seed) {}
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  std::string topic() {
    std::string topic = draw(10) == 0 ? "$SYS" : level();
    for (auto more = draw(draw(20) == 0 ? 12 : 4); more > 0; --more) topic += "/" + level();
    return topic.empty() ? "/" : topic;
  }
  std::string filter() {
    std::string filter = wild_level();
    for (auto more = draw(4); more > 0; --more) filter += "/" + wild_level();
    if (draw(3) == 0) filter += "/#";
    return filter.empty() ? "#" : filter;
  }

 private:
  std::string level() {
    static constexpr const char* kLevels[] = {"plant", "7",        "state", "a-rather-long-level",
                                              "",      "12345678", "x"};
    if (draw(4) == 0) return "device-" + std::to_string(draw(200));
    return kLevels[draw(std::size(kLevels))];
  }
  std::string wild_level() { return draw(3) == 0 ? "+" : level(); }
  std::mt19937_64 random_;
};

class FindModel : public Find, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(FindModel, IsAPlainWalkForEveryFilterTimeOrderAndPage) {
  const std::uint64_t seed = GetParam();
  Words words(seed);
  if (seed % 3 != 0) options_.checkpoint_bytes = 40 << 10;
  open();
  std::int64_t now = kBegin;
  for (int i = 0; i < 400; ++i) {
    now += static_cast<std::int64_t>(words.draw(50));
    clock_.set(now);
    const BatchPtr batch = store_->new_batch();
    for (auto count = 1 + words.draw(3); count > 0; --count) {
      const std::string topic = words.topic();
      const std::string payload =
          std::to_string(i) + "." + std::to_string(count) + std::string(words.draw(400), 'x');
      auto fields = message(payload);
      fields.topic = topic;
      batch->add_message(fields, {});
      if (words.draw(4) == 0) batch->put(StateKind::Session, "c", "state");
    }
    append_batch(batch);
    if (words.draw(200) == 0) reopen();
    if (words.draw(200) == 0) {
      crash(Survives::Synced, seed);
      if (words.draw(2) == 0) forget_view();
      open();
    }
  }
  for (int question = 0; question < 60; ++question) {
    const std::string filter = words.draw(10) == 0 ? "" : words.filter();
    FindRequest request{.filter = filter, .newest_first = words.draw(2) == 0};
    const auto span = static_cast<std::uint64_t>(now - kBegin);
    if (words.draw(2) == 0) request.from_ms = kBegin + static_cast<std::int64_t>(words.draw(span));
    if (words.draw(2) == 0)
      request.before_ms = kBegin + static_cast<std::int64_t>(words.draw(span));
    request.maximum_messages = 1 + words.draw(40);
    request.maximum_bytes = 1 + words.draw(4000);
    request.maximum_scanned = words.draw(20 << 10);
    expect_found(request);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FindModel, ::testing::Range<std::uint64_t>(1, 13));

TEST_F(Find, ReadsOnlyTheBlocksThatMayHoldAnAnswer) {
  open();
  for (int i = 0; i < 1000; ++i) {
    clock_.set(kBegin + i * 1000);
    publish_to(i == 700 ? "plant/7/alarm" : "plant/" + std::to_string(i % 20) + "/state",
               std::to_string(i) + std::string(200, 'x'));
  }
  reopen();  // from the view
  const auto everything = store_->statistics().log_bytes;

  expect_found({.filter = "plant/7/alarm"});
  EXPECT_LT(scanned_, everything / 20) << everything;
  expect_found({.filter = "plant/+/alarm", .newest_first = true});
  EXPECT_LT(scanned_, everything / 20);
  expect_found({.filter = "other/#"});
  EXPECT_LT(scanned_, everything / 20);
  expect_found({.filter = "plant/#", .from_ms = kBegin + 300'000, .before_ms = kBegin + 310'000});
  EXPECT_LT(scanned_, everything / 20);
}

TEST_F(Find, DoesABoundedShareInOneCallEvenIfNothingIsFound) {
  open();
  for (int i = 0; i < 300; ++i) publish_to("a/" + std::to_string(i), std::string(500, 'x'));

  // No level of it is known: every block has to be read.
  const FindRequest request{.filter = "+/+/+", .maximum_scanned = 16 << 10};
  const auto first = store_->find(request);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->messages.empty());
  EXPECT_FALSE(first->at_end);
  EXPECT_LE(first->scanned_bytes, 16U << 10);
  expect_found(request);
  EXPECT_GT(calls_, 10);
}

TEST_F(Find, GivesOneMessageAtLeastHoweverLargeItIs) {
  open();
  for (int i = 0; i < 5; ++i) publish_to("a", std::to_string(i) + std::string(30'000, 'x'));
  for (const bool newest_first : {false, true}) {
    expect_found({.filter = "a", .newest_first = newest_first, .maximum_bytes = 1000});
    EXPECT_GE(calls_, 5);
  }
}

TEST_F(Find, PagesFromTheNewestStayRightWhileMessagesCome) {
  open();
  for (int i = 0; i < 50; ++i) publish_to("a", std::to_string(i));
  FindRequest request{.filter = "a", .newest_first = true, .maximum_messages = 10};
  const auto first = store_->find(request);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->messages.front()->payload, "49");
  publish_to("a", "50");

  request.beyond = first->next;
  const auto second = store_->find(request);

  ASSERT_TRUE(second);
  EXPECT_EQ(second->messages.front()->payload, "39");
}

TEST_F(Find, WhatIsNotDurableIsNotShown) {
  open();
  publish_to("a", "durable");
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed, true);
  const auto doubtful = append("doubtful");
  ASSERT_TRUE(doubtful);
  ASSERT_FALSE(store_->wait_durable((*doubtful)->end()));

  expect_found({});
  expect_found({.newest_first = true});
}

TEST_F(Find, ATornTailIsNotShownAndWhatFollowsIsFound) {
  open();
  for (int i = 0; i < 20; ++i) publish_to("a", std::to_string(i) + std::string(300, 'x'));
  files_.fail_nth(Operation::Sync, 1, Errc::IoFailed, true);
  static_cast<void>(append("torn"));
  crash(Survives::Synced);
  open();
  publish_to("a", "after");

  expect_found({});
  expect_found({.filter = "a", .newest_first = true, .maximum_messages = 3});
}

TEST_F(Find, GoesOnBehindARecordThatIsDamaged) {
  open();
  for (int i = 0; i < 40; ++i) publish_to("t", std::to_string(i) + std::string(900, 'x'));
  const std::string first = directory_.path() + "/log/00000000000000000000.log";
  files_.overwrite(first, files_.content(first).find("7xxx"), "8");

  const auto forward = found({.filter = "t"});
  ASSERT_EQ(damaged_.size(), 1U);
  EXPECT_EQ(damaged_[0], stored_[7].position);
  // Only the rest of its block is left out.
  EXPECT_GE(forward.size(), 36U);
  EXPECT_LT(forward.size(), 40U);
  EXPECT_FALSE(store_->health().damage.empty());
}

TEST_F(Find, WhatRetentionDeletedIsNotFoundAndLeavesNoTrace) {
  options_.retention.bytes = 200 << 10;
  options_.retention_interval = std::chrono::hours(1);
  open();
  store_->set_readers({.holds = [] { return std::vector<Hold>(); }, .deleted = {}});
  for (int i = 0; i < 600; ++i) publish_to("a/b", std::to_string(i) + std::string(1000, 'x'));
  store_->apply_retention();
  const auto begin = store_->statistics().begin;
  ASSERT_GT(begin, stored_.front().position);
  std::erase_if(stored_, [&](const Stored& each) { return each.position < begin; });

  expect_found({.filter = "a/#"});
  expect_found({.filter = "a/#", .newest_first = true});
  reopen();
  expect_found({.filter = "a/#", .maximum_messages = 7});
  crash(Survives::Synced);
  forget_view();
  open();
  expect_found({.filter = "a/#", .newest_first = true});
}

TEST_F(Find, AnEmptyLogHoldsNothing) {
  open();
  expect_found({});
  expect_found({.filter = "#", .newest_first = true});
}

}  // namespace
}  // namespace sluice::store
