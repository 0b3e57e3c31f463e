// How it was over the last day: GET /history.
#include "admin/history.hpp"

#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "admin/event_feed.hpp"
#include "admin/task_history.hpp"
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

TEST(History, KeepsThePeaksOfAStep) {
  constexpr std::size_t kSlowest = 13;
  static_assert(History::kFigures[kSlowest].name == "acknowledged_p99_ms");
  History history;
  for (int i = 0; i < 12; ++i) {
    auto each = sample(i, 0, 0);
    each.figures[kSlowest] = i == 7 ? 81.4 : i < 6 ? NAN : 2.0004;
    history.add(each);
  }

  const auto points = history.points({.from_ms = kBegin, .step_ms = 60'000});
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_TRUE(points[0].at("acknowledged_p99_ms").is_null()) << "nothing was acknowledged";
  EXPECT_EQ(points[1].at("acknowledged_p99_ms").as_double(), 81.4);
  const auto fine = history.points({.from_ms = kBegin});
  EXPECT_EQ(fine.back().at("acknowledged_p99_ms").as_double(), 2.0);
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

json::object task(std::string_view id, int delivered, json::value waiting = 0) {
  return {{"id", id},
          {"delivered", delivered},
          {"rejected", delivered / 10},
          {"retried", 0},
          {"lag_messages", std::move(waiting)},
          {"oldest_unsent_age_seconds", 1.5}};
}

TEST(TaskHistory, ShowsWhatEachTaskDidSinceTheSampleBefore) {
  TaskHistory history;
  const std::vector<json::object> first = {task("a", 1000, 5), task("b", 7)};
  history.add(kBegin, first);
  const std::vector<json::object> second = {task("a", 1500, nullptr), task("b", 7)};
  history.add(kBegin + 10'000, second);
  const std::vector<json::object> anew = {task("a", 3, 2)};
  history.add(kBegin + 20'000, anew);

  const auto points = history.points("a", {.from_ms = kBegin});
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_TRUE(points[0].at("delivered_per_second").is_null());
  EXPECT_EQ(points[0].at("lag_messages"), 5);
  EXPECT_EQ(points[0].at("oldest_unsent_age_seconds").as_double(), 1.5);
  EXPECT_EQ(points[1].at("time"), "2026-03-01T12:00:10.000Z");
  EXPECT_EQ(points[1].at("delivered_per_second").as_double(), 50.0);
  EXPECT_EQ(points[1].at("rejected_per_second").as_double(), 5.0);
  EXPECT_TRUE(points[1].at("lag_messages").is_null()) << "not known";
  EXPECT_EQ(points[2].at("delivered_per_second").as_double(), 0.0);
  EXPECT_THAT(history.points("b", {}), IsEmpty()) << "it is gone";
  EXPECT_THAT(history.points("c", {}), IsEmpty());
}

TEST(TaskHistory, KeepsTheLastHourFineAndADayByMinutes) {
  TaskHistory history;
  const std::int64_t all = 25 * 360;  // 25 hours
  for (std::int64_t i = 0; i < all; ++i) {
    const std::vector<json::object> tasks = {
        task("a", static_cast<int>(i) * 100, i % 6 == 0 ? 40 : 1)};
    history.add(kBegin + i * History::kIntervalMs, tasks);
  }
  const auto end = kBegin + all * History::kIntervalMs;

  const auto hour = history.points("a", {.from_ms = end - TaskHistory::kHourMs});
  EXPECT_THAT(hour, SizeIs(TaskHistory::kMostFine));
  const auto day = history.points("a", {.from_ms = kBegin, .step_ms = 120'000});
  EXPECT_THAT(day, testing::AnyOf(SizeIs(720), SizeIs(721)));
  for (const auto& point : day) {
    EXPECT_EQ(point.at("delivered_per_second").as_double(), 10.0);
    EXPECT_EQ(point.at("lag_messages"), 40) << "the most in its time";
  }
  EXPECT_EQ(day.back().at("time"), hour.back().at("time"));
  EXPECT_THAT(history.points("a", {.from_ms = kBegin}), SizeIs(History::kMostPoints));
}

TEST(TaskHistory, HasRoomForSoManyTasksAndForNewOnesOnceOthersAreGone) {
  TaskHistory history;
  std::vector<json::object> tasks;
  for (std::size_t i = 0; i < TaskHistory::kMostTasks; ++i)
    tasks.push_back(task("t" + std::to_string(i), 1));
  history.add(kBegin, tasks);
  tasks.push_back(task("new", 1));
  history.add(kBegin + 10'000, tasks);
  EXPECT_THAT(history.points("t999", {.from_ms = kBegin}), SizeIs(2));
  EXPECT_THAT(history.points("new", {}), IsEmpty());

  tasks.erase(tasks.begin());
  history.add(kBegin + 20'000, tasks);
  history.add(kBegin + 30'000, tasks);
  EXPECT_THAT(history.points("new", {.from_ms = kBegin}), SizeIs(1));
}

class HistoryTest : public AdminTest {};

TEST_F(HistoryTest, OfATaskIsAskedForByItsName) {
  ASSERT_TRUE(integration_.start().has_value());
  ASSERT_EQ(post("/api/v1/connections",
                 R"({"name":"main","type":"memory","settings":{"address":"here"}})")
                .status,
            201U);
  ASSERT_EQ(post("/api/v1/tasks",
                 R"({"name":"telemetry","source":{"filters":["plant/#"]},"map":{"topic":"out"},
                     "sink":{"type":"memory","connection":"main"}})")
                .status,
            201U);
  for (int i = 0; i < 4; ++i) {
    api_->feed().round();
    clock_.advance(10s);
  }
  const auto shown = object_of(get("/api/v1/tasks/telemetry/history?step=10"));
  ASSERT_THAT(shown.at("items").as_array(), SizeIs(4));
  EXPECT_EQ(shown.at("items").as_array()[0].as_object().at("lag_messages"), 0);
  EXPECT_EQ(problem_code(get("/api/v1/tasks/telemetry/history?step=1")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/tasks/other/history")), "not_found");

  const auto id = std::string(object_of(get("/api/v1/tasks/telemetry")).at("id").as_string());
  EXPECT_THAT(object_of(get("/api/v1/tasks?id=" + id)).at("items").as_array(), SizeIs(1));
  EXPECT_THAT(object_of(get("/api/v1/tasks?id=other")).at("items").as_array(), IsEmpty());
  EXPECT_THAT(object_of(get("/api/v1/connections?id=other")).at("items").as_array(), IsEmpty());
}

TEST_F(HistoryTest, AndTheOverviewSayHowLongItTook) {
  auto& acknowledged = metrics_.histogram(
      {.name = "sluice_acknowledgement_seconds", .help = "", .kind = metrics::Kind::Histogram});
  const auto shown = [&] { return object_of(get("/api/v1/overview")).at("latency").as_object(); };
  api_->feed().round();
  EXPECT_TRUE(shown().at("acknowledged_p50_ms").is_null());

  acknowledged.observe(0.003, 100);
  clock_.advance(10s);
  api_->feed().round();
  EXPECT_EQ(shown().at("acknowledged_p50_ms").as_double(), 3.072);
  EXPECT_EQ(shown().at("acknowledged_p99_ms").as_double(), 4.076);
  EXPECT_TRUE(shown().at("delivered_p99_ms").is_null()) << "no task";
  const auto history = object_of(get("/api/v1/history?step=10"));
  EXPECT_EQ(history.at("items").as_array().back().at("acknowledged_p99_ms").as_double(), 4.076);

  clock_.advance(10s);
  api_->feed().round();
  EXPECT_TRUE(shown().at("acknowledged_p99_ms").is_null()) << "nothing since";
}

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
