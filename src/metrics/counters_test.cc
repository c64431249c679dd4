// SPDX-License-Identifier: Apache-2.0
#include "headrace/metrics/counters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

namespace headrace::metrics {
namespace {

TEST(CountersTest, PrometheusTextHasTheExpositionForm) {
  Registry registry;
  registry.counter("headrace_tasks_total", "Tasks\nended, by \\ status", {{"status", "done"}}).add(3);
  registry.counter("headrace_tasks_total", "", {{"status", "fai\"led\\\n"}}).add();
  registry.gauge("headrace_queue_tasks", "Tasks that wait").set(2.5);
  Histogram& seconds = registry.histogram("headrace_task_seconds", "Time of a task", {0.1, 1, 10}, {{"op", "pca"}});
  for (const double value : {0.1, 0.25, 2.0, 100.0}) seconds.observe(value);
  EXPECT_EQ(registry.prometheus(), R"(# HELP headrace_queue_tasks Tasks that wait
# TYPE headrace_queue_tasks gauge
headrace_queue_tasks 2.5
# HELP headrace_task_seconds Time of a task
# TYPE headrace_task_seconds histogram
headrace_task_seconds_bucket{op="pca",le="0.1"} 1
headrace_task_seconds_bucket{op="pca",le="1"} 2
headrace_task_seconds_bucket{op="pca",le="10"} 3
headrace_task_seconds_bucket{op="pca",le="+Inf"} 4
headrace_task_seconds_sum{op="pca"} 102.35
headrace_task_seconds_count{op="pca"} 4
# HELP headrace_tasks_total Tasks\nended, by \\ status
# TYPE headrace_tasks_total counter
headrace_tasks_total{status="done"} 3
headrace_tasks_total{status="fai\"led\\\n"} 1
)");
}

TEST(CountersTest, NonFiniteGaugesHaveTheirSpelling) {
  Registry registry;
  registry.gauge("a", "").set(std::numeric_limits<double>::infinity());
  registry.gauge("b", "").set(-std::numeric_limits<double>::infinity());
  registry.gauge("c", "").set(std::numeric_limits<double>::quiet_NaN());
  EXPECT_NE(registry.prometheus().find("\na +Inf\n"), std::string::npos);
  EXPECT_NE(registry.prometheus().find("\nb -Inf\n"), std::string::npos);
  EXPECT_NE(registry.prometheus().find("\nc NaN\n"), std::string::npos);
}

TEST(CountersTest, TheSameNameAndLabelsAreTheSameInstrument) {
  Registry registry;
  Counter& first = registry.counter("a_total", "help", {{"x", "1"}});
  EXPECT_EQ(&registry.counter("a_total", "help", {{"x", "1"}}), &first);
  EXPECT_NE(&registry.counter("a_total", "help", {{"x", "2"}}), &first);
  EXPECT_DEATH(registry.gauge("a_total", "help"), "two kinds");
  EXPECT_DEATH(registry.counter("bad name", "help"), "not a metric name");
  EXPECT_DEATH(registry.counter("b_total", "help", {{"le", "1"}}), "not a label name");
  EXPECT_DEATH(registry.histogram("h", "help", {1, 1}), "must rise");
}

TEST(CountersTest, NoIncrementIsLost) {
  Registry registry;
  constexpr int kThreads = 4, kEach = 50'000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        Counter& counter = registry.counter("a_total", "");
        Gauge& gauge = registry.gauge("b", "");
        Histogram& histogram = registry.histogram("c", "", {1, 2});
        for (int i = 0; i < kEach; ++i) {
          counter.add();
          gauge.add(i % 2 == 0 ? 1 : -1);
          histogram.observe(i % 3 + 0.5);
        }
        (void)registry.prometheus();
      });
    }
  }
  EXPECT_EQ(registry.counter("a_total", "").value(), std::uint64_t{kThreads * kEach});
  EXPECT_EQ(registry.gauge("b", "").value(), 0);
  EXPECT_EQ(registry.histogram("c", "", {}).count(), std::uint64_t{kThreads * kEach});
}

TEST(CountersTest, QuantilesInterpolateInsideTheBucket) {
  Histogram histogram({1, 2, 4});
  EXPECT_TRUE(std::isnan(histogram.quantile(0.5)));
  for (int i = 0; i < 10; ++i) histogram.observe(1.5);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.5), 1.5);
  EXPECT_DOUBLE_EQ(histogram.quantile(1), 2);
  for (int i = 0; i < 10; ++i) histogram.observe(3);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.75), 3);
  for (int i = 0; i < 100; ++i) histogram.observe(50);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.99), 4);
  histogram.observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(histogram.buckets().back(), 101u);
}

TEST(CountersTest, ExponentialBoundsRise) { EXPECT_EQ(exponential_bounds(1, 2, 4), (std::vector<double>{1, 2, 4, 8})); }

TEST(CountersTest, SnapshotsAreValues) {
  Registry registry;
  registry.counter("a_total", "", {{"k", "v"}}).add(5);
  registry.histogram("h", "", {1}).observe(0.5);
  EXPECT_EQ(config::to_json(registry.snapshot()),
            R"([{"name": "a_total", "kind": "counter", "labels": {"k": "v"}, "value": 5}, )"
            R"({"name": "h", "kind": "histogram", "labels": {}, "count": 1, "sum": 0.5, "bounds": [1.0], "buckets": [1, 0]}])");
}

}  // namespace
}  // namespace headrace::metrics
