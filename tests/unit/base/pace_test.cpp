#include "base/pace.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using std::chrono::milliseconds;

const Pace::Time kStart{std::chrono::hours(1)};

TEST(Pace, LetsTheNextBytesGoWhenTheOnesBeforeHadTheirTime) {
  Pace pace(1000);

  EXPECT_EQ(pace.take(500, kStart), kStart);
  EXPECT_EQ(pace.take(250, kStart), kStart + milliseconds(500));
  EXPECT_EQ(pace.take(1, kStart + milliseconds(600)), kStart + milliseconds(750));
}

TEST(Pace, DoesNotMakeUpForAPause) {
  Pace pace(1000);
  static_cast<void>(pace.take(100, kStart));
  const auto later = kStart + std::chrono::hours(1);

  EXPECT_EQ(pace.take(1000, later), later);
  EXPECT_EQ(pace.take(1000, later), later + milliseconds(1000));
}

TEST(Pace, WithoutABoundNeverWaits) {
  Pace pace(0);
  static_cast<void>(pace.take(1 << 30, kStart));

  EXPECT_EQ(pace.take(1 << 30, kStart), kStart);
}

}  // namespace
}  // namespace sluice
