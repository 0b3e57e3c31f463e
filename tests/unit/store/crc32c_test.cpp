#include "base/crc32c.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  std::string ascending(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) ascending[i] = static_cast<char>(i);
  const std::string descending(ascending.rbegin(), ascending.rend());

  for (const auto crc : {crc32c, crc32c_portable}) {
    EXPECT_EQ(crc(std::string(32, '\0'), 0), 0x8a9136aaU);
    EXPECT_EQ(crc(std::string(32, '\xff'), 0), 0x62a8ab43U);
    EXPECT_EQ(crc(ascending, 0), 0x46dd794eU);
    EXPECT_EQ(crc(descending, 0), 0x113fdb5cU);
    EXPECT_EQ(crc("123456789", 0), 0xe3069283U);
    EXPECT_EQ(crc("", 0), 0U);
  }
}

TEST(Crc32c, IsTheSameBothWaysAtEveryLength) {
  std::mt19937_64 random(1);
  std::string bytes(5000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());

  for (std::size_t size = 0; size < bytes.size(); size += size < 600 ? 1 : 97) {
    const std::string_view part = std::string_view(bytes).substr(bytes.size() - size);
    const auto before = static_cast<std::uint32_t>(random());
    ASSERT_EQ(crc32c(part, before), crc32c_portable(part, before)) << size;
  }
}

TEST(Crc32c, GoesOnFromWhatStandsBefore) {
  const std::string text = "a record, its length and its place";

  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view all = text;
    EXPECT_EQ(crc32c(all.substr(cut), crc32c(all.substr(0, cut))), crc32c(all));
  }
}

}  // namespace
}  // namespace sluice
