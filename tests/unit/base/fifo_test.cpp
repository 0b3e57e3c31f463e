#include "base/fifo.hpp"

#include <array>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Fifo, GivesBackInOrder) {
  Fifo<int> fifo;
  for (int i = 0; i < 100; ++i) fifo.push_back(i);

  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(fifo.size(), static_cast<std::size_t>(100 - i));
    EXPECT_EQ(fifo.front(), i);
    fifo.pop_front();
  }
  EXPECT_TRUE(fifo.empty());
}

TEST(Fifo, LetsGoOfWhatWasTakenOut) {
  Fifo<std::shared_ptr<int>> fifo;
  const auto first = std::make_shared<int>(1);
  const auto second = std::make_shared<int>(2);
  fifo.push_back(first);
  fifo.push_back(second);
  fifo.push_back(std::make_shared<int>(3));

  fifo.pop_front();
  fifo.erase_front(fifo.begin() + 1);

  EXPECT_EQ(first.use_count(), 1);
  EXPECT_EQ(second.use_count(), 1);
  EXPECT_EQ(*fifo.front(), 3);
}

// A queue that is never empty must not grow with what went through it.
TEST(Fifo, UsesTheRoomInFrontAgain) {
  Fifo<std::string> fifo;
  fifo.push_back("first");
  std::set<const std::string*> places;
  for (int i = 0; i < 100'000; ++i) {
    fifo.push_back("another");
    fifo.pop_front();
    places.insert(&fifo.front());
  }

  EXPECT_EQ(fifo.size(), 1U);
  EXPECT_LE(places.size(), 16U);
}

// Counts how often its kind is moved.
struct Moved {
  static inline int times = 0;
  Moved() = default;
  Moved(Moved&& /*other*/) noexcept { ++times; }
  Moved& operator=(Moved&& /*other*/) noexcept {
    ++times;
    return *this;
  }
  ~Moved() {}  // NOLINT(modernize-use-equals-default): as if it owned something
  std::array<char, 100> payload{};
};

TEST(Fifo, DoesNotGrowAnewEachTimeItFills) {
  Fifo<Moved> fifo;
  const auto fill_and_empty = [&fifo] {
    for (int i = 0; i < 300; ++i) fifo.push_back(Moved());
    for (int i = 0; i < 300; ++i) fifo.pop_front();
  };
  fill_and_empty();
  Moved::times = 0;
  fill_and_empty();
  // Each comes in by a move; the memory that follows the size moves less than half of them.
  EXPECT_LE(Moved::times, 300 + 150);
}

TEST(Fifo, KeepsNoMemoryOfABurst) {
  Fifo<Moved> fifo;
  for (int i = 0; i < 3000; ++i) fifo.push_back(Moved());
  for (int i = 0; i < 2999; ++i) fifo.pop_front();
  EXPECT_LE(fifo.capacity() * sizeof(Moved), 8192U);
  fifo.pop_front();
  EXPECT_LE(fifo.capacity() * sizeof(Moved), 1024U);
}

TEST(Fifo, IsWhatADequeIs) {
  std::mt19937 random(7);
  Fifo<int> fifo;
  std::deque<int> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto at = model.empty() ? 0 : static_cast<std::ptrdiff_t>(random() % model.size());
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        fifo.push_back(step);
        model.push_back(step);
        break;
      case 3:
        fifo.insert(fifo.begin() + at, step);
        model.insert(model.begin() + at, step);
        break;
      case 4:
        if (model.empty()) break;
        fifo.erase(fifo.begin() + at);
        model.erase(model.begin() + at);
        break;
      case 5:
        if (random() % 16 != 0) break;
        fifo.erase_front(fifo.begin() + at);
        model.erase(model.begin(), model.begin() + at);
        break;
      default:
        if (model.empty()) break;
        fifo.pop_front();
        model.pop_front();
    }
    ASSERT_EQ(std::vector<int>(fifo.begin(), fifo.end()),
              std::vector<int>(model.begin(), model.end()));
  }
}

}  // namespace
}  // namespace sluice
