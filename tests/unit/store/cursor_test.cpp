#include <gtest/gtest.h>

#include "store/store.hpp"

namespace sluice::store {
namespace {

TEST(Cursor, SurvivesEncoding) {
  const Cursor cursor{Position(1'000'000'007),
                      {Position(1'000'000'100), Position(1ULL << 40), Position(UINT64_MAX)}};

  const auto decoded = decode_cursor(encode(cursor));

  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, cursor);
}

TEST(Cursor, RefusesEveryCutOfItsBytes) {
  const std::string whole = encode({Position(77777), {Position(88888), Position(99999)}});

  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(decode_cursor(whole.substr(0, size)).error().code, Errc::Corrupt) << size;
  }
  EXPECT_EQ(decode_cursor(whole + "x").error().code, Errc::Corrupt);
}

TEST(Cursor, WithSomethingAheadSurvivesEncoding) {
  const Cursor cursor{Position(1'000),
                      {Position(1'100), Position(9'000'000)},
                      {Position(1ULL << 40), Position((1ULL << 40) + 7)}};
  const auto bytes = encode(cursor);

  const auto decoded = decode_cursor(bytes);

  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, cursor);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(decode_cursor(bytes.substr(0, size)).error().code, Errc::Corrupt) << size;
  auto nothing = bytes;
  nothing.back() = '\0';
  EXPECT_EQ(decode_cursor(nothing).error().code, Errc::Corrupt);
  const Cursor far{Position(UINT64_MAX - 10), {}, {Position(UINT64_MAX - 5), Position(UINT64_MAX)}};
  auto farther = encode(far);
  EXPECT_EQ(*decode_cursor(farther), far);
  farther.back() = '\6';
  EXPECT_EQ(decode_cursor(farther).error().code, Errc::Corrupt);
}

TEST(Cursor, KnowsWhatItIsDoneWith) {
  const Cursor cursor{Position(10), {Position(15)}, {Position(20), Position(30)}};
  for (const std::uint64_t position : {1U, 10U, 15U, 21U, 30U})
    EXPECT_TRUE(cursor.covers(Position(position))) << position;
  for (const std::uint64_t position : {11U, 14U, 16U, 20U, 31U})
    EXPECT_FALSE(cursor.covers(Position(position))) << position;
}

TEST(Cursor, ClosesUpWithWhatIsAhead) {
  Cursor cursor{Position(10), {Position(15)}, {Position(20), Position(30)}};
  const auto before = cursor;
  cursor.close_up();
  EXPECT_EQ(cursor, before);
  for (const std::uint64_t position : {20U, 25U, 40U}) {
    cursor = before;
    cursor.acknowledged.emplace_back(35);
    cursor.position = Position(position);
    cursor.close_up();
    const auto reached = std::max<std::uint64_t>(position, 30);
    EXPECT_EQ(cursor.position, Position(reached));
    EXPECT_EQ(cursor.acknowledged.size(), reached < 35 ? 1U : 0U);
    EXPECT_FALSE(cursor.has_ahead());
  }
}

TEST(Cursor, RefusesACountThatItsBytesCannotHold) {
  std::string bytes = encode({Position(1), {}});
  bytes.back() = '\x7f';

  EXPECT_EQ(decode_cursor(bytes).error().code, Errc::Corrupt);
}

TEST(Cursor, RefusesPositionsThatDoNotAscend) {
  std::string bytes = encode({Position(1), {Position(2)}});
  bytes.back() = '\0';

  EXPECT_EQ(decode_cursor(bytes).error().code, Errc::Corrupt);
}

TEST(Cursor, RefusesALaterVersion) {
  std::string bytes = encode({Position(1), {}});
  bytes.front() = '\x03';

  EXPECT_EQ(decode_cursor(bytes).error().code, Errc::Unsupported);
}

}  // namespace
}  // namespace sluice::store
