// SPDX-License-Identifier: Apache-2.0
#include "learn/logistic_solver.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace headrace::learn::detail {
namespace {

// n rows of d features around class centres that overlap, from a small congruential generator.
LogisticProblem overlapping(int64_t n, int64_t d, int64_t classes, double spread) {
  LogisticProblem problem;
  problem.features = at::empty({n, d}, at::kDouble);
  problem.labels = at::empty({n}, at::kLong);
  problem.class_count = classes;
  uint64_t state = 7;
  const auto next = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) / 9007199254740992.0 - 0.5;
  };
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = i % classes;
    problem.labels.mutable_data_ptr<int64_t>()[i] = label;
    for (int64_t j = 0; j < d; ++j) {
      const double centre = (j % classes == label) ? 1.0 : 0.0;
      problem.features.mutable_data_ptr<double>()[i * d + j] = centre + spread * (next() + next() + next());
    }
  }
  return problem;
}

// The objective by the textbook, apart from the solver's own arithmetic.
double objective(const LogisticProblem& problem, const LogisticOptions& options, const at::Tensor& weights, const at::Tensor& intercept) {
  const at::Tensor margins = problem.features.matmul(weights.t()) + intercept;
  at::Tensor loss;
  if (problem.class_count == 2) {
    const at::Tensor sign = problem.labels.to(at::kDouble) * 2.0 - 1.0;
    loss = at::softplus(-sign * margins.view(-1), 1.0, 500.0);
  } else {
    loss = -at::log_softmax(margins, 1).gather(1, problem.labels.view({-1, 1})).view(-1);
  }
  if (problem.sample_weights.defined()) loss = loss * problem.sample_weights;
  if (problem.class_weights.defined()) loss = loss * problem.class_weights.index_select(0, problem.labels);
  if (std::isinf(options.inverse_penalty)) return loss.sum().item<double>();
  return options.inverse_penalty * loss.sum().item<double>() + 0.5 * (weights * weights).sum().item<double>();
}

// No small move along a coordinate may lower the objective by more than the tolerance.
void expect_optimal(const LogisticProblem& problem, const LogisticOptions& options) {
  const LogisticResult result = solve_logistic(problem, options);
  ASSERT_TRUE(result.converged);
  const double value = objective(problem, options, result.weights, result.intercept);
  EXPECT_NEAR(result.objective, value, 1e-9 * value);
  for (const double move : {1e-2, -1e-2, 1e-4, -1e-4}) {
    for (int64_t k = 0; k < result.weights.numel(); ++k) {
      at::Tensor weights = result.weights.clone();
      weights.view(-1)[k] += move;
      EXPECT_GE(objective(problem, options, weights, result.intercept), value * (1.0 - 1e-6));
    }
    for (int64_t k = 0; options.fit_intercept && k < result.intercept.numel(); ++k) {
      at::Tensor intercept = result.intercept.clone();
      intercept[k] += move;
      EXPECT_GE(objective(problem, options, result.weights, intercept), value * (1.0 - 1e-6));
    }
  }
}

TEST(LogisticSolverTest, EndsAtTheOptimum) {
  for (const int64_t classes : {2, 3, 7}) {
    for (const double c : {1e-4, 1.0, 1e4}) {
      for (const bool intercept : {true, false}) {
        LogisticOptions options{.inverse_penalty = c, .fit_intercept = intercept};
        expect_optimal(overlapping(60, 5, classes, 2.0), options);
      }
    }
  }
}

TEST(LogisticSolverTest, TwoClassesEqualSoftmaxAtHalfC) {
  // Softmax over two rows +-w/2 has the loss of one row w, and |W|^2 / 2 = |w|^2 / 4.
  LogisticProblem two = overlapping(80, 4, 2, 2.0);
  const LogisticResult one = solve_logistic(two, {.inverse_penalty = 1.0, .tolerance = 1e-10});
  LogisticProblem three = two;
  three.class_count = 3;  // the third class never occurs: its intercept runs away and leaves two
  const LogisticResult many = solve_logistic(three, {.inverse_penalty = 0.5, .tolerance = 1e-8});
  EXPECT_TRUE(many.converged);
  EXPECT_LT(many.intercept[2].item<double>(), many.intercept[0].item<double>() - 5.0);
  EXPECT_NEAR(one.objective, 2.0 * many.objective, 1e-6 * one.objective);
}

TEST(LogisticSolverTest, IntegerWeightsEqualRepeatedRows) {
  LogisticProblem weighted = overlapping(40, 3, 3, 2.0);
  weighted.sample_weights = at::empty({40}, at::kDouble).fill_(1.0);
  weighted.sample_weights.narrow(0, 0, 10).fill_(2.0);
  weighted.sample_weights.narrow(0, 30, 10).fill_(0.0);
  LogisticProblem repeated;
  repeated.class_count = 3;
  repeated.features = at::cat({weighted.features.narrow(0, 0, 10), weighted.features.narrow(0, 0, 30)});
  repeated.labels = at::cat({weighted.labels.narrow(0, 0, 10), weighted.labels.narrow(0, 0, 30)});
  const LogisticOptions options{.inverse_penalty = 3.0, .tolerance = 1e-12};
  const LogisticResult a = solve_logistic(weighted, options), b = solve_logistic(repeated, options);
  EXPECT_NEAR(a.objective, b.objective, 1e-10 * b.objective);
  EXPECT_LT((a.weights - b.weights).abs().max().item<double>(), 1e-5);
}

TEST(LogisticSolverTest, ClassWeightsMultiplySampleWeights) {
  LogisticProblem problem = overlapping(60, 3, 3, 2.0);
  problem.class_weights = at::tensor({0.5, 1.0, 4.0}, at::kDouble);
  problem.sample_weights = at::empty({60}, at::kDouble).fill_(0.7);
  expect_optimal(problem, {.inverse_penalty = 2.0});
}

TEST(LogisticSolverTest, UnitsAndConstantColumnsDoNotMatter) {
  LogisticProblem problem = overlapping(90, 4, 3, 2.0);
  problem.features.select(1, 0).mul_(1e-4);
  problem.features.select(1, 1).mul_(1e5);
  problem.features.select(1, 2).fill_(0.1);
  problem.features.select(1, 3).add_(1e6);
  expect_optimal(problem, {.inverse_penalty = 1e3});
  // Without a penalty the columns can be rescaled freely.
  const LogisticOptions free{.inverse_penalty = std::numeric_limits<double>::infinity(), .tolerance = 1e-9};
  LogisticProblem plain = overlapping(90, 4, 3, 2.0), scaled = plain;
  scaled.features = plain.features.clone();
  scaled.features.select(1, 0).mul_(1e-4);
  scaled.features.select(1, 1).mul_(1e5);
  EXPECT_NEAR(solve_logistic(plain, free).objective, solve_logistic(scaled, free).objective, 1e-6);
}

TEST(LogisticSolverTest, SeparableWithoutPenaltyEndsNearZero) {
  LogisticProblem problem;
  problem.features = at::tensor({0.0, 1.0, 2.0, 3.0}, at::kDouble).view({4, 1});
  problem.labels = at::tensor({0, 0, 1, 1}, at::kLong);
  const LogisticResult result = solve_logistic(problem, {.inverse_penalty = std::numeric_limits<double>::infinity()});
  EXPECT_TRUE(result.converged);
  EXPECT_LT(result.objective, 1e-8);
}

TEST(LogisticSolverTest, MoreColumnsThanRows) { expect_optimal(overlapping(20, 60, 3, 2.0), {.inverse_penalty = 10.0}); }

TEST(LogisticSolverTest, TwoRowsAreEnough) { expect_optimal(overlapping(2, 1, 2, 0.0), {.inverse_penalty = 1.0}); }

TEST(LogisticSolverTest, SameInputSameBits) {
  const LogisticProblem problem = overlapping(200, 6, 4, 2.0);
  const LogisticResult a = solve_logistic(problem, {.inverse_penalty = 1e3}), b = solve_logistic(problem, {.inverse_penalty = 1e3});
  EXPECT_TRUE(a.weights.equal(b.weights));
  EXPECT_EQ(a.objective, b.objective);
}

TEST(LogisticSolverTest, SaysWhenItDidNotConverge) {
  LogisticOptions options{.inverse_penalty = 1e4, .iteration_max = 2};
  const LogisticResult capped = solve_logistic(overlapping(60, 5, 3, 2.0), options);
  EXPECT_FALSE(capped.converged);
  EXPECT_EQ(capped.iterations, 2);

  std::stop_source source;
  source.request_stop();
  options.stop = source.get_token();
  const LogisticResult stopped = solve_logistic(overlapping(60, 5, 3, 2.0), options);
  EXPECT_TRUE(stopped.stopped);
  EXPECT_FALSE(stopped.converged);
  EXPECT_EQ(stopped.iterations, 0);
}

}  // namespace
}  // namespace headrace::learn::detail
