#include "connect/origins.hpp"

#include <gtest/gtest.h>

namespace sluice::connect {
namespace {

TEST(Origins, AMessageCirclesThatBearsOnesOwn) {
  EXPECT_FALSE(circles("", "a", 4));
  EXPECT_FALSE(circles("b,>a", "a", 4));
  EXPECT_TRUE(circles("b,a", "a", 4));
  EXPECT_TRUE(circles("b,>a,c", outward_origin("a"), 0));
  EXPECT_FALSE(circles("a,>aa", outward_origin("a"), 0));
}

TEST(Origins, OnlyThoseThatBroughtItInAreHops) {
  EXPECT_TRUE(circles("b,c", "a", 2));
  EXPECT_FALSE(circles("b,>c,>d,>e", "a", 2));
  EXPECT_FALSE(circles("b,c,d,e,f", "a", 0));
}

}  // namespace
}  // namespace sluice::connect
