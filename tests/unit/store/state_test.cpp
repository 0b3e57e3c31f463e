#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class State : public StoreTest {};

TEST_F(State, IsWhatTheHeadOfTheStreamSays) {
  open();

  put(StateKind::Session, "c", "1");
  EXPECT_EQ(get(StateKind::Session, "c"), "1");
  put(StateKind::Session, "c", "2");
  EXPECT_EQ(get(StateKind::Session, "c"), "2");
  EXPECT_EQ(get(StateKind::Will, "c"), std::nullopt);
  erase(StateKind::Session, "c");
  EXPECT_EQ(get(StateKind::Session, "c"), std::nullopt);
}

TEST_F(State, TakesEmptyAndBinaryKeysAndValues) {
  open();
  const std::string binary("\0\xff\0", 3);
  put(StateKind::Retained, "", "");
  put(StateKind::Retained, binary, binary);

  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(get(StateKind::Retained, ""), "");
    EXPECT_EQ(get(StateKind::Retained, binary), binary);
    EXPECT_EQ(scan(StateKind::Retained, ""), (Pairs{{"", ""}, {binary, binary}}));
  }
}

TEST_F(State, ScansChangesOverTheView) {
  open();
  put(StateKind::Subscription, "c1/a", "1");
  put(StateKind::Subscription, "c1/c", "3");
  put(StateKind::Subscription, "c1/e", "5");
  put(StateKind::Subscription, "c2/a", "x");
  put(StateKind::Session, "c1/b", "of another kind");
  reopen();  // all of that is in the view now
  put(StateKind::Subscription, "c1/b", "2");
  put(StateKind::Subscription, "c1/c", "three");
  erase(StateKind::Subscription, "c1/e");
  erase(StateKind::Subscription, "c1/nothing");

  EXPECT_EQ(scan(StateKind::Subscription, "c1/"),
            (Pairs{{"c1/a", "1"}, {"c1/b", "2"}, {"c1/c", "three"}}));
  EXPECT_EQ(scan(StateKind::Subscription, "").size(), 4U);
  EXPECT_EQ(scan(StateKind::Subscription, "c3"), Pairs{});
}

TEST_F(State, ScansWhatStandsBehindAKey) {
  open();
  for (const auto* key : {"c1/a", "c1/b", "c1/d", "c2/a"}) put(StateKind::Will, key, "stored");
  reopen();  // all of that is in the view now
  put(StateKind::Will, "c1/c", "changed");
  put(StateKind::Will, "c1/d", "changed");
  const auto behind = [&](std::string_view after) {
    std::string keys;
    EXPECT_TRUE(store_->scan_behind(StateKind::Will, "c1/", after,
                                    [&](std::string_view key, std::string_view) {
                                      keys += key.substr(3);
                                      return true;
                                    }));
    return keys;
  };

  EXPECT_EQ(behind(""), "abcd");
  EXPECT_EQ(behind("a"), "abcd");
  EXPECT_EQ(behind("c1/"), "abcd");
  EXPECT_EQ(behind("c1/a"), "bcd");
  EXPECT_EQ(behind("c1/aa"), "bcd");  // which is not there
  EXPECT_EQ(behind("c1/c"), "d");
  EXPECT_EQ(behind("c1/d"), "");
  EXPECT_EQ(behind("c3"), "");
}

TEST_F(State, StopsAScanWhenAsked) {
  open();
  put(StateKind::Will, "a", "1");
  put(StateKind::Will, "b", "2");
  int visits = 0;

  ASSERT_TRUE(store_->scan(StateKind::Will, "", [&](std::string_view, std::string_view) {
    ++visits;
    return false;
  }));

  EXPECT_EQ(visits, 1);
}

TEST_F(State, SurvivesCheckpointsRestartsAndTheLossOfTheView) {
  options_.checkpoint_bytes = 4 << 10;
  open();
  for (int i = 0; i < 500; ++i) {
    put(StateKind::Cursor, "c" + std::to_string(i % 7), std::to_string(i));
    if (i % 11 == 0) erase(StateKind::Cursor, "c" + std::to_string(i % 7));
  }
  const Pairs before = scan(StateKind::Cursor, "");

  reopen();
  EXPECT_EQ(scan(StateKind::Cursor, ""), before);
  store_.reset();
  forget_view();
  open();
  EXPECT_EQ(scan(StateKind::Cursor, ""), before);
  EXPECT_GT(before.size(), 3U);
}

TEST_F(State, ChangesInOneBatchWithMessages) {
  open();
  const QueueId id = queue("q");
  const BatchPtr batch = store_->new_batch();
  batch->begin_atomic();
  batch->add_message(message("m"), {{id}});
  batch->put(StateKind::Incoming, "c/1", "seen");
  batch->end_atomic();
  batch->begin_atomic();
  batch->end_atomic();
  EXPECT_EQ(batch->message_count(), 1U);
  EXPECT_FALSE(batch->empty());
  ASSERT_TRUE(store_->append(batch));

  crash(Survives::Synced);  // perhaps before the commit: then neither is there
  open();
  EXPECT_EQ(get(StateKind::Incoming, "c/1").has_value(), !payloads(queue("q")).empty());
}

}  // namespace
}  // namespace sluice::store
