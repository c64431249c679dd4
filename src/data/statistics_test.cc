// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/statistics.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace headrace::data {
namespace {

// Printed tables of the t distribution, and closed forms: one degree is Cauchy, tan(pi (p - 1/2)); two degrees is algebraic.
TEST(StatisticsTest, QuantilesAgreeWithTablesAndClosedForms) {
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.7764451051977987, 1e-9);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.2621571627409915, 1e-9);
  EXPECT_NEAR(student_t_quantile(0.95, 1e6), 1.6448551, 1e-6);
  for (const double p : {0.6, 0.9, 0.99, 0.9999}) {
    EXPECT_NEAR(student_t_quantile(p, 1) / std::tan(M_PI * (p - 0.5)), 1, 1e-9) << p;
    EXPECT_NEAR(student_t_quantile(p, 2) / ((2 * p - 1) * std::sqrt(2 / (4 * p * (1 - p)))), 1, 1e-9) << p;
    EXPECT_DOUBLE_EQ(student_t_quantile(1 - p, 5), -student_t_quantile(1 - (1 - p), 5)) << p;
  }
  EXPECT_NEAR(student_t_quantile(0.5, 7), 0, 1e-12);
}

TEST(StatisticsTest, IntervalUsesTheSampleDeviation) {
  const std::vector<double> scores = {0.9, 0.8, 1.0, 0.7, 0.6};
  const Summary found = summary(scores);
  EXPECT_EQ(found.count, 5);
  EXPECT_NEAR(found.mean, 0.8, 1e-15);
  EXPECT_NEAR(found.deviation, std::sqrt(0.02), 1e-15);
  const auto interval = confidence_interval(found.mean, found.deviation, 5, 0.95);
  ASSERT_TRUE(interval.has_value());
  // Sample deviation 0.158114, standard error 0.0707107, t(0.975, 4) = 2.776445.
  EXPECT_NEAR(interval->low, 0.8 - 2.776445105 * 0.0707106781, 1e-9);
  EXPECT_NEAR(interval->high, 0.8 + 2.776445105 * 0.0707106781, 1e-9);
}

TEST(StatisticsTest, OneFoldHasNoInterval) {
  EXPECT_FALSE(confidence_interval(0.5, 0, 1, 0.95).has_value());
  EXPECT_FALSE(confidence_interval(0.5, 0.1, 5, 1.0).has_value());
  EXPECT_FALSE(confidence_interval(NAN, 0.1, 5, 0.9).has_value());
}

}  // namespace
}  // namespace headrace::data
