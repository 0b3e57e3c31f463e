#include "connect/text.hpp"

#include <bit>
#include <charconv>
#include <random>

#include <gtest/gtest.h>

namespace sluice::connect {
namespace {

std::string shown(double number) {
  std::string text;
  append_json(text, boost::json::value(number));
  return text;
}

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

TEST(JsonText, WritesTheShortestTextOfANumber) {
  for (const double number : {0.0,
                              -0.0,
                              1.0,
                              -1.5,
                              21.5,
                              0.1,
                              0.001,
                              0.0011,
                              0.0009,
                              99'999.0,
                              100'000.0,
                              100'000.5,
                              123'456'789.125,
                              999'999'999.999999,
                              1e9,
                              1e9 + 0.5,
                              1e15,
                              5e-324,
                              0.1 + 0.2,
                              1.0 / 3,
                              4.35,
                              1.005,
                              1234567.891})
    EXPECT_EQ(shown(number), shortest(number));
}

TEST(JsonText, WritesEveryNumberAsTheStandardLibraryDoes) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = random();
    auto number = std::bit_cast<double>(bits);
    if (i % 2 == 0) {  // as devices measure: some digits, some of them behind the point
      static constexpr double kPowers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
      number = static_cast<double>(static_cast<std::int64_t>(bits >> (bits % 40 + 14))) /
               kPowers[bits % 9];
    }
    if (i % 8 == 1) number = std::nextafter(number, 0.0);
    if (i % 8 == 2) number = std::nextafter(number, 1e300);
    if (!std::isfinite(number)) continue;
    ASSERT_EQ(shown(number), shortest(number)) << bits;
  }
}

}  // namespace
}  // namespace sluice::connect
