#include "base/entity_id.hpp"

#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/guarded.hpp"

namespace sluice {
namespace {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(std::int64_t ms) : ms_(ms) {}
  [[nodiscard]] std::int64_t wall_ms() const override { return ms_; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return {}; }

 private:
  std::int64_t ms_;
};

constexpr std::int64_t kNow = 1'800'000'000'000;

TEST(EntityId, Has26DigitsOfCrockford) {
  const auto id = new_entity_id(SystemClock());

  EXPECT_EQ(id.size(), 26U);
  EXPECT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos) << id;
}

TEST(EntityId, BeginsWithTheTime) {
  // Ids of one process never go back, so this is later than the times of all other tests.
  const auto id = new_entity_id(FixedClock(0xFFFF'FFFF'FF00));

  EXPECT_EQ(id.substr(0, 10), "7ZZZZZZZR0");
}

TEST(EntityId, SortsByCreationWithinAMillisecond) {
  const FixedClock clock(kNow);

  std::string last = new_entity_id(clock);
  for (int i = 0; i < 10'000; ++i) {
    auto next = new_entity_id(clock);
    ASSERT_LT(last, next);
    last = std::move(next);
  }
}

TEST(EntityId, DoesNotGoBackWithTheClock) {
  const auto later = new_entity_id(FixedClock(kNow + 1000));
  const auto earlier = new_entity_id(FixedClock(kNow));

  EXPECT_LT(later, earlier);
}

TEST(EntityId, IsUniqueAcrossThreads) {
  constexpr std::size_t kEach = 5'000;
  Guarded<std::set<std::string>> ids;

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<std::string> own;
      for (std::size_t i = 0; i < kEach; ++i) own.push_back(new_entity_id(SystemClock()));
      ids.with([&](auto& all) { all.insert(own.begin(), own.end()); });
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(ids.with([](const auto& all) { return all.size(); }), 4 * kEach);
}

}  // namespace
}  // namespace sluice
