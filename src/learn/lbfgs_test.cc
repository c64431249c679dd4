// SPDX-License-Identifier: Apache-2.0
#include "learn/lbfgs.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace headrace::learn::detail {
namespace {

// Rosenbrock's valley in n dimensions: minimum 0 at (1, ..., 1).
double rosenbrock(std::span<const double> x, std::span<double> g) {
  double value = 0.0;
  std::fill(g.begin(), g.end(), 0.0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double bend = x[i + 1] - x[i] * x[i], side = 1.0 - x[i];
    value += 100.0 * bend * bend + side * side;
    g[i] += -400.0 * bend * x[i] - 2.0 * side;
    g[i + 1] += 200.0 * bend;
  }
  return value;
}

TEST(LbfgsTest, FindsTheBottomOfACurvedValley) {
  std::vector<double> x(20, -1.2);
  LbfgsOptions options;
  options.iteration_max = 1000;
  options.gradient_tolerance = 1e-8;
  options.value_tolerance = 0.0;
  const LbfgsResult result = minimize_lbfgs(rosenbrock, x, options);
  EXPECT_EQ(result.end, LbfgsEnd::kGradient);
  for (const double value : x) EXPECT_NEAR(value, 1.0, 1e-7);
}

TEST(LbfgsTest, TakesFewStepsOnAQuadraticOfTwoCurvatures) {
  std::vector<double> x(50, 3.0);
  const SmoothFunction quadratic = [](std::span<const double> p, std::span<double> g) {
    double value = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double curvature = i % 2 == 0 ? 1.0 : 100.0;
      value += 0.5 * curvature * p[i] * p[i];
      g[i] = curvature * p[i];
    }
    return value;
  };
  const LbfgsResult result = minimize_lbfgs(quadratic, x, {.gradient_tolerance = 1e-9, .value_tolerance = 0.0});
  EXPECT_TRUE(result.converged());
  EXPECT_LE(result.iterations, 15);
}

TEST(LbfgsTest, StopsAtOnceWhereTheGradientVanishes) {
  std::vector<double> x(3, 1.0);
  const LbfgsResult result = minimize_lbfgs(rosenbrock, x, {});
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(result.end, LbfgsEnd::kGradient);
}

TEST(LbfgsTest, ReportsAFunctionThatIsNotFinite) {
  std::vector<double> x(2, 1.0);
  const SmoothFunction broken = [](std::span<const double>, std::span<double> g) {
    g[0] = g[1] = 1.0;
    return std::nan("");
  };
  EXPECT_EQ(minimize_lbfgs(broken, x, {}).end, LbfgsEnd::kNotFinite);
}

TEST(LbfgsTest, HonoursTheStopTokenAndTheBounds) {
  std::vector<double> x(20, -1.2);
  std::stop_source source;
  LbfgsOptions options;
  options.stop = source.get_token();
  options.on_step = [&source](std::int64_t iteration) {
    if (iteration == 3) source.request_stop();
  };
  const LbfgsResult result = minimize_lbfgs(rosenbrock, x, options);
  EXPECT_EQ(result.end, LbfgsEnd::kStopped);
  EXPECT_EQ(result.iterations, 3);

  std::vector<double> y(20, -1.2);
  EXPECT_EQ(minimize_lbfgs(rosenbrock, y, {.iteration_max = 2}).end, LbfgsEnd::kIterations);
  std::vector<double> z(20, -1.2);
  EXPECT_EQ(minimize_lbfgs(rosenbrock, z, {.evaluation_max = 4}).end, LbfgsEnd::kEvaluations);
}

TEST(LbfgsTest, GivesTheSameBitsTwice) {
  std::vector<double> a(30, 0.3), b(30, 0.3);
  minimize_lbfgs(rosenbrock, a, {.iteration_max = 57});
  minimize_lbfgs(rosenbrock, b, {.iteration_max = 57});
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace headrace::learn::detail
