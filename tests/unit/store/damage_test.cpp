// Damage on the disk in the middle of an old file, met by whoever reads there.
#include <algorithm>
#include <set>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

class DamageTest : public StoreTest {
 protected:
  DamageTest() { options_.cache_bytes = 1; }

  static std::string text(int number) {
    return "<" + std::to_string(number) + ">" + std::string(500, 'x');
  }

  // Two hundred messages in several files, and one byte of some of them flipped behind our back.
  void make_damaged(const std::set<int>& damaged) {
    open();
    id_ = queue("q");
    for (int i = 0; i < 200; ++i) {
      const auto batch = publish(text(i), {id_});
      if (damaged.contains(i)) places_.push_back(batch->message(0).position());
    }
    for (const int number : damaged) flip(number);
  }
  void flip(int number) {
    for (const std::string& path : files_.paths()) {
      const auto at = files_.content(path).find(text(number));
      if (path.ends_with(".log") && at != std::string::npos) files_.overwrite(path, at, "#");
    }
  }

  // What a reader of that kind gets until it is at the end, or an error.
  struct Outcome {
    std::vector<std::string> texts;
    std::vector<Position> damaged;
    std::optional<Error> error;
  };
  Outcome read_all(bool pass_damaged, std::size_t at_once = 37) {
    Outcome outcome;
    ReadRequest request{.queues = {&id_, 1}, .after = {}, .maximum_messages = at_once};
    request.pass_damaged = pass_damaged;
    for (int reads = 0; reads < 1000; ++reads) {
      const auto result = store_->read(request);
      if (!result) {
        outcome.error = result.error();
        return outcome;
      }
      for (const auto& entry : result->entries) outcome.texts.emplace_back(entry.message->payload);
      outcome.damaged.insert(outcome.damaged.end(), result->damaged.begin(), result->damaged.end());
      request.after = result->next;
      if (result->at_end) return outcome;
    }
    ADD_FAILURE() << "an endless loop";
    return outcome;
  }
  static std::vector<std::string> all_but(const std::set<int>& missing, int end = 200) {
    std::vector<std::string> texts;
    for (int i = 0; i < end; ++i) {
      if (!missing.contains(i)) texts.push_back(text(i));
    }
    return texts;
  }

  QueueId id_;
  std::vector<Position> places_;
};

TEST_F(DamageTest, AReaderThatMustNotMissAnythingGetsAllBeforeItAndThenTheReason) {
  make_damaged({120});
  for (const std::size_t at_once : {1U, 7U, 37U, 256U}) {
    const auto outcome = read_all(false, at_once);
    EXPECT_EQ(outcome.texts, all_but({}, 120));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, Errc::Corrupt);
    EXPECT_NE(outcome.error->detail.find(".log is damaged at offset "), std::string::npos);
    EXPECT_NE(outcome.error->detail.find("position " + std::to_string(places_[0].get())),
              std::string::npos)
        << outcome.error->detail;
    EXPECT_NE(outcome.error->detail.find("sluice log verify"), std::string::npos);
  }
}

TEST_F(DamageTest, AReaderThatPassesItIsToldEveryPlace) {
  make_damaged({0, 50, 51, 120, 199});
  for (const std::size_t at_once : {1U, 7U, 37U, 256U}) {
    const auto outcome = read_all(true, at_once);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.texts, all_but({0, 50, 51, 120, 199}));
    EXPECT_EQ(outcome.damaged, places_);
  }
}

TEST_F(DamageTest, NothingButDamageIsPassedToo) {
  std::set<int> all;
  for (int i = 0; i < 200; ++i) all.insert(i);
  make_damaged(all);
  const auto outcome = read_all(true);
  EXPECT_TRUE(outcome.texts.empty());
  EXPECT_EQ(outcome.damaged, places_);
}

TEST_F(DamageTest, AWalkOverTheLogGivesAllBeforeItAndThenTheReason) {
  make_damaged({120});
  const std::vector<std::string> filters{"#"};
  for (const std::size_t at_once : {1U, 37U, 256U}) {
    ScanRequest request{.filters = filters, .after = {}, .before = store_->durable()};
    request.maximum_messages = at_once;
    std::vector<std::string> texts;
    std::optional<Error> error;
    while (!error) {
      const auto result = store_->scan_log(request);
      if (!result) {
        error = result.error();
        break;
      }
      for (const auto& entry : result->entries) texts.emplace_back(entry.message->payload);
      ASSERT_FALSE(result->at_end);
      request.after = result->next;
    }
    EXPECT_EQ(texts, all_but({}, 120));
    EXPECT_EQ(error->code, Errc::Corrupt);
    EXPECT_NE(error->detail.find("offset "), std::string::npos);
  }
}

TEST_F(DamageTest, HealthAndStatisticsTellOfIt) {
  make_damaged({120});
  EXPECT_TRUE(store_->health().damage.empty());
  EXPECT_EQ(store_->statistics().damaged_reads, 0U);

  static_cast<void>(read_all(false));

  EXPECT_TRUE(store_->health().accepting);  // what comes is not concerned
  EXPECT_NE(store_->health().damage.find("offset "), std::string::npos);
  EXPECT_EQ(store_->statistics().damaged_reads, 1U);
  static_cast<void>(read_all(true));
  EXPECT_EQ(store_->statistics().damaged_reads, 2U);
  EXPECT_EQ(store_->message_at(places_[0]).error().code, Errc::Corrupt);
  EXPECT_EQ(store_->statistics().damaged_reads, 3U);
  publish("new", {id_});
  EXPECT_EQ(read_all(true).texts.back(), "new");
}

// A bad sector: the disk says so itself, and only there.
TEST_F(DamageTest, ASectorThatCannotBeReadDoesNotHideWhatIsAroundIt) {
  make_damaged({});
  const auto position = [&](int number) {
    ReadRequest request{.queues = {&id_, 1}, .after = {}, .maximum_messages = 1};
    for (int i = 0; i < number; ++i) request.after = store_->read(request)->next;
    return store_->read(request)->entries.at(0).message->position();
  }(120);
  std::string path;
  for (const std::string& candidate : files_.paths()) {
    if (files_.content(candidate).find(text(120)) != std::string::npos) path = candidate;
  }
  const auto at = files_.content(path).find(text(120));
  files_.fail_reads_of(path, at, at + 1);

  const auto task = read_all(false);
  EXPECT_EQ(task.texts, all_but({}, 120));
  ASSERT_TRUE(task.error);
  EXPECT_EQ(task.error->code, Errc::Corrupt);
  const auto session = read_all(true);
  EXPECT_EQ(session.texts, all_but({120}));
  EXPECT_EQ(session.damaged, std::vector<Position>{position});
}

}  // namespace
}  // namespace sluice::store
