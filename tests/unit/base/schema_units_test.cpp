#include <gtest/gtest.h>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

TEST(Units, ReadSizes) {
  const std::pair<std::string_view, std::int64_t> cases[] = {{"0", 0},
                                                             {"1024", 1024},
                                                             {"1B", 1},
                                                             {"5KiB", 5120},
                                                             {"5 MiB", 5 << 20},
                                                             {" 2GiB ", 2LL << 30},
                                                             {"8589934591GiB", 8589934591LL << 30}};
  for (const auto& [text, bytes] : cases) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(Units, RefuseWhatIsNoSize) {
  for (const auto* text : {"", " ", "KiB", "-1", "1KB", "1MB", "1 kib", "1.5MiB", "0x10", "1MiB1",
                           "8589934592GiB", "99999999999999999999"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::InvalidArgument);
  }
}

TEST(Units, ReadDurations) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"0", 0},         {"500ms", 500},       {"30s", 30'000},
      {"10m", 600'000}, {"72h", 259'200'000}, {"30 d", 2'592'000'000}};
  for (const auto& [text, ms] : cases) {
    const auto parsed = parse_duration_ms(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, ms) << text;
  }
}

TEST(Units, RefuseWhatIsNoDuration) {
  for (const auto* text : {"", "s", "250", "-5s", "1h30m", "1w", "1 S", "106751991168d"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
}

TEST(Units, AreWrittenInTheLargestThatDivides) {
  EXPECT_EQ(bytes_text(0), "0");
  EXPECT_EQ(bytes_text(1000), "1000");
  EXPECT_EQ(bytes_text(1536), "1536");
  EXPECT_EQ(bytes_text(2048), "2KiB");
  EXPECT_EQ(bytes_text(256 << 20), "256MiB");
  EXPECT_EQ(bytes_text(50LL << 30), "50GiB");
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(1500), "1500ms");
  EXPECT_EQ(duration_text(90'000), "90s");
  EXPECT_EQ(duration_text(30LL * 86'400'000), "30d");
}

TEST(Units, ComeBackAsTheyWere) {
  for (std::int64_t number = 0; number < 5'000'000'000; number = number * 3 + 7) {
    EXPECT_EQ(*parse_bytes(bytes_text(number)), number);
    EXPECT_EQ(*parse_duration_ms(duration_text(number)), number);
  }
}

}  // namespace
}  // namespace sluice::schema
