// SPDX-License-Identifier: Apache-2.0
#pragma once
// Limited-memory BFGS: minimises a smooth function of many variables from its values and gradients.
//
// Purpose: the shared optimiser of estimators without a solver of their own. Threads: one, plus whatever the objective uses; all sums
// run in index order, so the same objective bits give the same path. Lifetime: nothing outlives the call.

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

namespace headrace::learn::detail {

// Returns f(point) and writes its gradient, of the same length.
using SmoothFunction = std::function<double(std::span<const double> point, std::span<double> gradient)>;

// | name               | meaning                                                                      | default |
// | memory             | pairs of steps and gradient changes kept                                     | 10      |
// | iteration_max      | accepted steps                                                               | 100     |
// | evaluation_max     | calls of the function, line searches included                                | 15000   |
// | gradient_tolerance | stop when no entry of the gradient is larger                                 | 1e-5    |
// | value_tolerance    | stop when a step gains less than this times max(|f before|, |f after|, 1)    | 2.2e-9  |
// | stop               | asked before every evaluation                                                | never   |
// | on_step            | called after each accepted step with its number, from 1                      | nothing |
struct LbfgsOptions {
  int memory = 10;
  std::int64_t iteration_max = 100;
  std::int64_t evaluation_max = 15000;
  double gradient_tolerance = 1e-5;
  double value_tolerance = 2.220446049250313e-09;
  std::stop_token stop;
  std::function<void(std::int64_t iteration)> on_step;
};

enum class LbfgsEnd { kGradient, kValue, kIterations, kEvaluations, kLineSearch, kNotFinite, kStopped };

struct LbfgsResult {
  double value = 0.0;
  std::int64_t iterations = 0;
  std::int64_t evaluations = 0;
  LbfgsEnd end = LbfgsEnd::kIterations;

  bool converged() const { return end == LbfgsEnd::kGradient || end == LbfgsEnd::kValue; }
};

// Moves `point` to a local minimum. The point returned is always one whose value was computed and is the lowest accepted.
// Cost per iteration: 4 * memory * n flops beside one or two evaluations. Memory: 2 * memory + 5 vectors of length n.
// Sources: Nocedal, Math. Comp. 35 (1980); Liu and Nocedal, Math. Prog. 45 (1989); line search of More and Thuente, ACM TOMS 20 (1994).
LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::span<double> point, const LbfgsOptions& options);

}  // namespace headrace::learn::detail
