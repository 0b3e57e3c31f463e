// How it was over the last day: GET /history.
#include "admin/history.hpp"

#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "admin/event_feed.hpp"
#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

constexpr std::int64_t kBegin = 1'772'366'400'000;
constexpr std::size_t kReceived = 6;
static_assert(History::kFigures[kReceived].name == "messages_received_per_second");

History::Sample sample(std::int64_t i, double connections, double received) {
  History::Sample made{.time_ms = kBegin + i * History::kIntervalMs};
  made.figures[0] = connections;
  made.figures[kReceived] = received;
  return made;
}

TEST(History, ShowsValuesAsTheyAreAndTotalsAsRates) {
  History history;
  EXPECT_THAT(history.points({}), IsEmpty());
  history.add(sample(0, 5, 1000));
  history.add(sample(1, 7, 1500));
  history.add(sample(2, 6, 100));  // began anew

  const auto points = history.points({});
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_EQ(points[0].at("connections"), 5);
  EXPECT_TRUE(points[0].at("messages_received_per_second").is_null());
  EXPECT_EQ(points[1].at("time"), "2026-03-01T12:00:10.000Z");
  EXPECT_EQ(points[1].at("messages_received_per_second").as_double(), 50.0);
  EXPECT_EQ(points[2].at("messages_received_per_second").as_double(), 0.0);
}

TEST(History, PutsStepsTogether) {
  History history;
  for (int i = 0; i < 60; ++i) history.add(sample(i, i, i * 100.0));

  const auto points =
      history.points({.from_ms = kBegin + 120'000, .to_ms = kBegin + 300'000, .step_ms = 60'000});
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_EQ(points[0].at("connections"), 17) << "the last of its minute";
  for (const auto& point : points)
    EXPECT_EQ(point.at("messages_received_per_second").as_double(), 10.0);
}

TEST(History, KeepsADayAndNoMore) {
  History history;
  const auto all = static_cast<std::int64_t>(History::kMost) + 100;
  for (std::int64_t i = 0; i < all; ++i) history.add(sample(i, static_cast<double>(i), 0));

  const auto newest = history.points({});
  ASSERT_THAT(newest, SizeIs(History::kMostPoints));
  EXPECT_EQ(newest.back().at("connections"), all - 1);
  EXPECT_FALSE(newest.front().at("messages_received_per_second").is_null());
  const auto coarse = history.points({.step_ms = 3'600'000});
  EXPECT_THAT(coarse, testing::AnyOf(SizeIs(24), SizeIs(25)));
  EXPECT_THAT(history.points({.to_ms = kBegin + 100 * History::kIntervalMs}), IsEmpty());
}

class HistoryTest : public AdminTest {};

TEST_F(HistoryTest, IsShownByRestInAsManyPointsAsAChartTakes) {
  for (int i = 0; i < 100; ++i) {
    api_->feed().round();
    clock_.advance(5s);
  }
  const auto shown = object_of(get("/api/v1/history"));
  EXPECT_EQ(shown.at("step_seconds"), 240 + 10);
  EXPECT_FALSE(shown.at("items").as_array().empty());
  const auto fine = object_of(get("/api/v1/history?step=10&from=2026-03-01T13:00:00Z"));
  EXPECT_THAT(fine.at("items").as_array(), SizeIs(50));
  EXPECT_EQ(problem_code(get("/api/v1/history?step=1")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/history?from=soon")), "invalid_parameter");
}

}  // namespace
}  // namespace sluice::admin
