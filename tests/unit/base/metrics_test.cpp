#include "base/metrics.hpp"

#include <cmath>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

const Declaration kReceived{"sluice_received_total", "Messages received.", Kind::Counter, {"task"}};
const Declaration kLevel{"sluice_level", "How full.", Kind::Gauge};
const Declaration kLatency{"sluice_latency_seconds", "How long.", Kind::Histogram};

TEST(Metrics, ShowsWhatWasCountedInPrometheusText) {
  Registry registry;

  registry.counter(kReceived, {{"task", "a"}}).add(3);
  registry.gauge(kLevel).set(0.5);

  const auto text = registry.exposition();
  EXPECT_THAT(text, HasSubstr("# HELP sluice_received_total Messages received."));
  EXPECT_THAT(text, HasSubstr("# TYPE sluice_received_total counter"));
  EXPECT_THAT(text, HasSubstr("sluice_received_total{task=\"a\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE sluice_level gauge"));
  EXPECT_THAT(text, HasSubstr("sluice_level 0.5\n"));
}

TEST(Metrics, GivesTheSameMetricForTheSameLabels) {
  Registry registry;

  auto& first = registry.counter(kReceived, {{"task", "a"}});
  auto& again = registry.counter(kReceived, {{"task", "a"}});
  auto& other = registry.counter(kReceived, {{"task", "b"}});

  EXPECT_EQ(&first, &again);
  EXPECT_NE(&first, &other);
}

TEST(Metrics, EscapesLabelValues) {
  Registry registry;

  registry.counter(kReceived, {{"task", "a\"b\\\n"}}).add();

  EXPECT_THAT(registry.exposition(), HasSubstr(R"(task="a\"b\\\n"} 1)"));
}

TEST(Metrics, ReadsAnObservedValueWhenAsked) {
  Registry registry;
  double value = 1;
  registry.observe(kLevel, {}, [&] { return value; });

  value = 42;

  EXPECT_THAT(registry.exposition(), HasSubstr("sluice_level 42\n"));
}

TEST(Metrics, ForgetsEveryMetricOfALabel) {
  Registry registry;
  auto& kept_reference = registry.counter(kReceived, {{"task", "gone"}});
  kept_reference.add(7);
  registry.counter(kReceived, {{"task", "stays"}}).add();

  registry.forget("task", "gone");
  kept_reference.add();  // still valid, shown nowhere

  EXPECT_THAT(registry.exposition(), Not(HasSubstr("gone")));
  EXPECT_THAT(registry.exposition(), HasSubstr("task=\"stays\"} 1"));
  EXPECT_EQ(registry.counter(kReceived, {{"task", "gone"}}).value(), 0U);
}

TEST(Metrics, ListsDeclarationsByNameAlsoWithoutValues) {
  Registry registry;
  registry.declare(kReceived);
  (void)registry.gauge(kLevel);

  const auto all = registry.declarations();

  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "sluice_level");
  EXPECT_EQ(all[1].name, "sluice_received_total");
  EXPECT_EQ(all[1].labels, std::vector<std::string_view>{"task"});
  EXPECT_EQ(all[1].help, "Messages received.");
}

TEST(Metrics, CountsFromSeveralThreads) {
  Registry registry;
  auto& counter = registry.counter(kReceived, {{"task", "a"}});

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) counter.add();
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(counter.value(), 40'000U);
}

TEST(MetricsDeathTest, RefusesANameThatIsNotOurs) {
  Registry registry;
  EXPECT_DEATH((void)registry.counter({"messages_total", "x"}), "check failed");
  EXPECT_DEATH((void)registry.counter({"sluice_messages", "x"}), "check failed");
  EXPECT_DEATH((void)registry.gauge(kReceived), "check failed");
}

TEST(Histogram, PutsEachValueUnderTheFirstBoundThatHoldsIt) {
  struct Case {
    double seconds;
    std::size_t bucket;
  };
  const Case cases[] = {
      {-1, 0},     {0, 0},     {0.5e-6, 0},    {1e-6, 0},
      {1.5e-6, 1}, {2e-6, 1},  {2.0001e-6, 2}, {1024e-6, 10},
      {67.0, 26},  {68.0, 27}, {1e9, 27},      {std::numeric_limits<double>::infinity(), 27}};
  for (const auto& each : cases) {
    Histogram histogram;
    histogram.observe(each.seconds);
    EXPECT_EQ(histogram.bucket(each.bucket), 1U) << each.seconds;
    EXPECT_LE(each.seconds, Histogram::upper_bound(each.bucket));
  }
}

TEST(Histogram, IgnoresWhatIsNotANumber) {
  Histogram histogram;

  histogram.observe(std::nan(""));

  EXPECT_EQ(histogram.sum(), 0);
}

TEST(Histogram, SaysWhatAShareTookBetweenTwoReadings) {
  Registry registry;
  const Declaration of_tasks{"sluice_task_seconds", "How long.", Kind::Histogram, {"task"}};
  auto& one = registry.histogram(of_tasks, {{"task", "one"}});
  one.observe(1000, 50);  // long ago
  const auto before = registry.reading("sluice_task_seconds");
  EXPECT_FALSE(quantile(before, before, 0.5));
  one.observe(0.003, 90);                                            // 2.048 to 4.096 ms
  registry.histogram(of_tasks, {{"task", "two"}}).observe(0.1, 10);  // 65.536 to 131.072 ms

  const auto now = registry.reading("sluice_task_seconds");
  EXPECT_DOUBLE_EQ(quantile(before, now, 0.5).value(), 0.002048 * (1 + 50.0 / 90));
  EXPECT_DOUBLE_EQ(quantile(before, now, 0.99).value(), 0.065536 * 1.9);
  EXPECT_GT(quantile({}, now, 0.99).value(), 60) << "beyond the last bound";
  registry.forget("task", "one");
  EXPECT_FALSE(quantile(now, registry.reading("sluice_task_seconds"), 0.5)) << "nothing came";
  registry.histogram(of_tasks, {{"task", "two"}}).observe(0.003);
  EXPECT_LT(quantile(now, registry.reading("sluice_task_seconds"), 0.99).value(), 0.0041);
  EXPECT_FALSE(quantile({}, registry.reading("sluice_nothing"), 0.5));
}

TEST(Histogram, ShowsCumulativeCountsAndASum) {
  Registry registry;
  auto& histogram = registry.histogram(kLatency);

  histogram.observe(1e-6);
  histogram.observe(3e-6);
  histogram.observe(100);

  const auto text = registry.exposition();
  EXPECT_THAT(text, HasSubstr("sluice_latency_seconds_bucket{le=\"1e-06\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_latency_seconds_bucket{le=\"4e-06\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("sluice_latency_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("sluice_latency_seconds_count 3\n"));
}

}  // namespace
}  // namespace sluice::metrics
