#include "base/shared_value.hpp"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(SharedValue, IsOneForAllThatShareIt) {
  const SharedValue<int> value(7);
  const auto other = value;

  EXPECT_EQ(*other, 7);
  EXPECT_EQ(&*other, &*value);
}

TEST(SharedValue, EndsWithTheLastOfThem) {
  auto witness = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = witness;
  {
    SharedValue<std::shared_ptr<int>> value(std::move(witness));
    auto other = value;
    value = SharedValue<std::shared_ptr<int>>(std::make_shared<int>(2));

    EXPECT_EQ(**other, 1);
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace sluice
