#include "broker/access/login_cache.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Digest key(unsigned char number) {
  Digest digest{};
  digest[0] = number;
  return digest;
}

TEST(LoginCache, RemembersBothAnswers) {
  LoginCache cache(8);
  cache.remember(key(1), true);
  cache.remember(key(2), false);

  EXPECT_EQ(cache.find(key(1)), true);
  EXPECT_EQ(cache.find(key(2)), false);
  EXPECT_EQ(cache.find(key(3)), std::nullopt);
}

TEST(LoginCache, ForgetsTheLongestUnused) {
  LoginCache cache(2);
  cache.remember(key(1), true);
  cache.remember(key(2), true);
  ASSERT_EQ(cache.find(key(1)), true);

  cache.remember(key(3), true);

  EXPECT_EQ(cache.find(key(1)), true);
  EXPECT_EQ(cache.find(key(2)), std::nullopt);
  EXPECT_EQ(cache.find(key(3)), true);
}

TEST(LoginCache, KeepsRightAnswersWhileSomebodyGuesses) {
  LoginCache cache(16);
  cache.remember(key(255), true);

  for (unsigned char guess = 0; guess < 200; ++guess) cache.remember(key(guess), false);

  EXPECT_EQ(cache.find(key(255)), true);
  EXPECT_LE(cache.size(), 1U + 3U);
}

}  // namespace
}  // namespace sluice::broker
