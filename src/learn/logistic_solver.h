// SPDX-License-Identifier: Apache-2.0
#pragma once
// L2-regularised logistic regression, two classes or many, solved to a stated gap in the objective.
//
// Purpose: the fit() behind the logistic regression operator. Private to src/learn: it shows an ATen header.
// Threads: any number of fits at once; one fit runs on the calling thread and on ATen's own pool, whose size
// the caller sets (bits are stable for one size). Lifetime: nothing outlives the call.

#include <cstdint>
#include <stop_token>

#include <ATen/core/Tensor.h>

namespace headrace::learn::detail {

// What to fit. The caller has checked: n >= 2, K >= 2, labels in [0, K), finite features, weights >= 0.
struct LogisticProblem {
  at::Tensor features;        // [n, d]; float64 and contiguous is used in place, anything else is copied
  at::Tensor labels;          // [n] int64
  int64_t class_count = 2;    // K
  at::Tensor sample_weights;  // [n] or undefined
  at::Tensor class_weights;   // [K] or undefined; multiplies the sample weights
};

// | name             | meaning                                                   | default |
// | inverse_penalty  | C in C * sum loss + |W|^2 / 2; infinity means no penalty  | 1       |
// | fit_intercept    | adds an unpenalised intercept                             | true    |
// | tolerance        | objective gap at which to stop, relative to the objective | 1e-6    |
// | iteration_max    | Newton steps                                              | 200     |
// | stop             | asked before every step and every Hessian product         | never   |
struct LogisticOptions {
  double inverse_penalty = 1.0;
  bool fit_intercept = true;
  double tolerance = 1e-6;
  int64_t iteration_max = 200;
  std::stop_token stop;
};

struct LogisticResult {
  at::Tensor weights;           // [K, d] float64; [1, d] for two classes
  at::Tensor intercept;         // [K] or [1] float64; zeros without intercept
  int64_t iterations = 0;       // Newton steps
  int64_t evaluations = 0;      // losses over all rows, line search included
  int64_t products = 0;         // Hessian-vector products over the active rows
  int64_t factorizations = 0;   // full Hessians factored
  double objective = 0.0;       // C * sum loss + |W|^2 / 2, or sum loss for C = infinity
  bool converged = false;       // the gap estimate fell below tolerance
  bool stopped = false;         // the stop token asked first; the point so far is returned
};

// Minimises the objective. Deterministic: same input, same ATen thread count, same bits.
//
// Errors: c10::Error for shapes that do not fit together (a bug of the caller). A fit that does not converge
// is no error: look at `converged`.
// Cost: a fit of 1,437 x 64, 10 classes takes 4-30 ms on one core, growing with C. Memory: the features once
// more in float32, four [K, n] float64 matrices, and a (K - 1)(d + 1) square matrix if one is factored.
LogisticResult solve_logistic(const LogisticProblem& problem, const LogisticOptions& options);

}  // namespace headrace::learn::detail
