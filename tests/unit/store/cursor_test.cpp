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
  bytes.front() = '\x02';

  EXPECT_EQ(decode_cursor(bytes).error().code, Errc::Unsupported);
}

}  // namespace
}  // namespace sluice::store
