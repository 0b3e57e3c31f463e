#include "connect/window.hpp"

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

namespace sluice::connect {
namespace {

using store::Cursor;
using store::Position;
using State = Window::State;

class WindowTest : public testing::Test {
 protected:
  // Reads messages at these positions; reading goes on after `next`.
  Window::Token read(Window& window, std::initializer_list<std::uint64_t> positions,
                     std::uint64_t next, Window::Lane lane = Window::Lane::Main) {
    auto batch = window.new_batch();
    for (const auto position : positions) {
      const auto text = std::to_string(position);
      model::Message message;
      message.id.position = position;
      message.timestamp_ms = static_cast<std::int64_t>(1000 + position);
      message.topic = text;  // gone when this returns: the window has its own copy
      message.payload = text;
      batch->copy(message);
      batch->records.emplace_back();
      batch->records.back().value = batch->messages.back().payload;
    }
    return window.add(std::move(batch), Position(next), lane);
  }
  static std::vector<std::string> values(std::span<const Record> records) {
    std::vector<std::string> out;
    for (const auto& record : records) out.emplace_back(record.value);
    return out;
  }
  static Cursor cursor(std::uint64_t position, std::initializer_list<std::uint64_t> acknowledged) {
    Cursor out{Position(position), {}};
    for (const auto entry : acknowledged) out.acknowledged.emplace_back(entry);
    return out;
  }
  static Cursor cursor(std::uint64_t position, std::initializer_list<std::uint64_t> acknowledged,
                       std::uint64_t after, std::uint64_t up_to) {
    auto out = cursor(position, acknowledged);
    out.ahead = {Position(after), Position(up_to)};
    return out;
  }
  static constexpr auto kFresh = Window::Lane::Fresh;
};

// More than it has place for at first, and never from the beginning of its memory.
TEST_F(WindowTest, KeepsEverythingInItsPlaceWhileItGrows) {
  Window window(cursor(0, {}));
  Window::Token next_done = 0;
  std::uint64_t position = 0;
  for (int round = 0; round < 2000; ++round) {
    read(window, {position + 1, position + 2, position + 3}, position + 3);
    position += 3;
    for (;;) {
      const auto records = window.next_records(2);
      if (records.empty()) break;
      for (const auto& record : records) ASSERT_EQ(record.value, std::to_string(record.token + 1));
      window.handed_over(records);
    }
    const int finished = round < 1500 ? 1 : 8;
    for (int i = 0; i < finished && next_done < position; ++i) {
      ASSERT_EQ(window.timestamp_ms(next_done), static_cast<std::int64_t>(1001 + next_done));
      window.done(next_done++);
      ASSERT_EQ(window.cursor().position, Position(next_done));
    }
  }
  EXPECT_EQ(window.size(), position - next_done);
  EXPECT_EQ(window.in_sink(), window.size());
  while (next_done < position) window.done(next_done++);
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.bytes(), 0U);
}

TEST_F(WindowTest, FollowsWhatIsDone) {
  Window window(cursor(5, {}));
  EXPECT_EQ(window.cursor(), cursor(5, {}));
  const auto first = read(window, {10, 20, 30}, 35);
  EXPECT_EQ(window.cursor(), cursor(5, {}));

  window.handed_over(window.next_records(10));
  window.done(first + 1);
  EXPECT_EQ(window.cursor(), cursor(5, {20}));
  window.done(first);
  EXPECT_EQ(window.cursor(), cursor(20, {}));
  window.done(first + 2);

  // Nothing is open: all that was looked at is done with, matching or not.
  EXPECT_EQ(window.cursor(), cursor(35, {}));
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.bytes(), 0U);
}

TEST_F(WindowTest, DoesNotHandOutWhatTheCursorKnows) {
  Window window(cursor(10, {20, 40}));
  read(window, {20, 30}, 30);
  EXPECT_EQ(window.cursor(), cursor(20, {40}));
  read(window, {40, 50}, 50);

  EXPECT_EQ(window.unfinished(), 2U);
  EXPECT_EQ(values(window.next_records(10)), (std::vector<std::string>{"30"}));
  EXPECT_EQ(window.cursor(), cursor(20, {40}));
}

TEST_F(WindowTest, GivesARunOfOneBatchAndGoesOnBehindIt) {
  Window window({});
  read(window, {1, 2, 3}, 3);
  read(window, {4}, 4);

  EXPECT_EQ(values(window.next_records(2)), (std::vector<std::string>{"1", "2"}));
  window.handed_over(window.next_records(2));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"3"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"4"}));
}

TEST_F(WindowTest, PutsWhatCameBackInItsPlace) {
  Window window({});
  const auto first = read(window, {1, 2, 3, 4}, 4);
  window.handed_over(window.next_records(4));
  EXPECT_EQ(window.in_sink(), 4U);

  window.done(first + 2);
  window.give_back(first + 3);
  window.give_back(first + 1);
  window.done(first);

  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"2"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(window.attempts(first + 1), 2U);
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"4"}));
  EXPECT_EQ(window.cursor(), cursor(1, {3}));
}

TEST_F(WindowTest, TakesNothingForAnAttemptThatWasNone) {
  Window window({});
  const auto first = read(window, {1, 2}, 4);
  window.handed_over(window.next_records(2));
  window.give_back(first);
  window.was_not_tried(first + 1);
  window.give_back(first + 1);

  EXPECT_EQ(window.attempts(first), 1U);
  EXPECT_EQ(window.attempts(first + 1), 0U);
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"1", "2"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(window.attempts(first + 1), 1U);
}

TEST_F(WindowTest, HoldsTheCursorBackForADeadLetter) {
  Window window({});
  const auto first = read(window, {1, 2}, 2);
  window.hold(first);
  window.handed_over(window.next_records(9));
  window.done(first + 1);

  EXPECT_EQ(window.cursor(), cursor(0, {2}));
  EXPECT_EQ(window.message(first).topic, "1");
  EXPECT_EQ(window.oldest_timestamp_ms(), 1001);
  window.done(first);
  EXPECT_EQ(window.cursor(), cursor(2, {}));
}

// What is given to a transaction beforehand: neither what waits nor what is held is covered.
TEST_F(WindowTest, KnowsTheCursorOnceAllThatIsHandedOverIsDelivered) {
  Window window(cursor(0, {14}));
  EXPECT_FALSE(window.newest_in_sink());
  const auto first = read(window, {1, 2, 3, 4, 5}, 8);
  window.handed_over(window.next_records(4));
  EXPECT_EQ(window.cursor_once_delivered(), cursor(4, {14}));
  EXPECT_EQ(window.newest_in_sink()->position, 4U);
  window.hold(first + 1);
  EXPECT_EQ(window.cursor_once_delivered(), cursor(1, {3, 4, 14}));
  EXPECT_EQ(window.cursor(), cursor(0, {14}));
  window.give_back(first + 3);
  EXPECT_EQ(window.cursor_once_delivered(), cursor(1, {3, 14}));
  EXPECT_EQ(window.newest_in_sink()->position, 3U);
  window.handed_over(window.next_records(2));
  window.done(first + 1);
  EXPECT_EQ(window.cursor_once_delivered(), cursor(8, {14}));
}

TEST_F(WindowTest, UsesTheMemoryOfPassedBatchesAgain) {
  Window window({});
  std::uint64_t position = 0;
  for (int round = 0; round < 100; ++round) {
    const auto first = read(window, {position + 1, position + 2}, position + 2);
    position += 2;
    window.handed_over(window.next_records(9));
    EXPECT_EQ(window.record(first).value, std::to_string(position - 1));
    window.done(first + 1);
    window.done(first);
    EXPECT_EQ(window.size(), 0U);
  }
  EXPECT_EQ(window.cursor(), cursor(position, {}));
}

TEST_F(WindowTest, LetsWhatIsBehindACutGoFirst) {
  Window window(cursor(0, {}));
  const auto old = read(window, {1, 2}, 2);
  window.cut(Position(50));
  EXPECT_EQ(window.newest_lane(), kFresh);
  EXPECT_EQ(window.read_position(), Position(2));
  EXPECT_EQ(window.read_position(kFresh), Position(50));
  const auto fresh = read(window, {60, 70}, 75, kFresh);

  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"60", "70"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"1", "2"}));
  window.handed_over(window.next_records(1));
  EXPECT_EQ(window.newest_in_sink()->position, 70U);
  EXPECT_EQ(window.oldest_timestamp_ms(), 1001);

  window.done(fresh + 1);
  EXPECT_EQ(window.cursor(), cursor(0, {70}));
  EXPECT_EQ(window.cursor_once_delivered(), cursor(1, {}, 50, 75));
  window.done(fresh);
  EXPECT_EQ(window.cursor(), cursor(0, {}, 50, 75));
  window.done(old);
  EXPECT_EQ(window.cursor(), cursor(1, {}, 50, 75));
  window.handed_over(window.next_records(1));
  window.done(old + 1);
  EXPECT_EQ(window.cursor(), cursor(2, {}, 50, 75));
  EXPECT_EQ(window.oldest_timestamp_ms(), 0) << "it has not been read";
  EXPECT_TRUE(window.empty());

  read(window, {40}, 50);
  const auto last = read(window, {80}, 80, kFresh);
  window.handed_over(window.next_records(9));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(window.cursor(), cursor(2, {}, 50, 70));
  EXPECT_EQ(window.cursor_once_delivered(), cursor(80, {}));
  window.done(last - 1);  // the back-log is done with: one lane again
  EXPECT_FALSE(window.cut_at());
  EXPECT_EQ(window.read_position(), Position(80));
  EXPECT_EQ(window.cursor(), cursor(70, {}));
  window.done(last);
  EXPECT_EQ(window.cursor(), cursor(80, {}));
}

TEST_F(WindowTest, WhatCameBackGoesBeforeWhatIsFresh) {
  Window window({});
  const auto old = read(window, {1, 2, 3}, 3);
  window.handed_over(window.next_records(2));
  window.cut(Position(10));
  read(window, {11}, 11, kFresh);
  window.give_back(old);
  window.give_back(old + 1);

  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"1", "2"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"11"}));
}

TEST_F(WindowTest, GoesOnAtBothPlaces) {
  Window window(cursor(5, {7, 80}, 50, 75));
  EXPECT_EQ(window.cut_at(), Position(50));
  EXPECT_EQ(window.cursor(), cursor(5, {7, 80}, 50, 75));
  EXPECT_EQ(window.known_up_to(Position(100)), 1U);
  EXPECT_EQ(window.known_up_to(Position(100), kFresh), 1U);
  read(window, {7, 8}, 50);
  read(window, {80, 90}, 90, kFresh);

  EXPECT_EQ(window.cursor(), cursor(7, {}, 50, 80));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"90"}));
  window.handed_over(window.next_records(9));
  EXPECT_EQ(values(window.next_records(9)), (std::vector<std::string>{"8"}));
  EXPECT_EQ(Window(window.cursor()).cursor(), cursor(7, {}, 50, 80));
}

TEST_F(WindowTest, ACutWithNothingBeforeItIsNone) {
  Window window(cursor(5, {}));
  window.cut(Position(5));
  EXPECT_FALSE(window.cut_at());
  EXPECT_EQ(window.cursor(), cursor(5, {}));
}

// What stands there of an earlier back-log must not come up again in the cursor.
TEST_F(WindowTest, OneCutAfterTheOther) {
  Window window(cursor(0, {}));
  window.cut(Position(10));
  const auto stuck = read(window, {11}, 11, kFresh);
  window.handed_over(window.next_records(9));
  const auto old = read(window, {5}, 10);
  window.done(old);
  EXPECT_FALSE(window.cut_at());
  EXPECT_EQ(window.cursor(), cursor(10, {}));
  window.cut(Position(20));
  const auto fresh = read(window, {21}, 21, kFresh);
  window.done(fresh);
  EXPECT_EQ(window.cursor(), cursor(10, {}, 20, 21));
  window.done(stuck);
  EXPECT_EQ(window.cursor(), cursor(11, {}, 20, 21));
  read(window, {}, 20);
  EXPECT_EQ(window.cursor(), cursor(21, {}));
}

TEST(Arena, GivesPiecesThatStayWhereTheyAre) {
  Arena arena;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<std::string_view, std::string>> pieces;
    for (std::size_t size = 1; size < 100'000; size = size * 3 + 1) {
      const std::string text(size, static_cast<char>('a' + size % 26));
      pieces.emplace_back(arena.copy(text), text);
      const auto numbers = arena.array<std::uint64_t>(3);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % alignof(std::uint64_t), 0U);
      EXPECT_EQ(numbers[2], 0U);
    }
    for (const auto& [piece, text] : pieces) EXPECT_EQ(piece, text);
    arena.reset();
    EXPECT_EQ(arena.bytes(), 0U);
  }
}

}  // namespace
}  // namespace sluice::connect
