// SPDX-License-Identifier: Apache-2.0
#pragma once
// The regularised logistic loss of one data set: margins, loss, residuals and gradient in float64.
//
// Purpose: everything the solver must know exactly. The Newton direction may be approximate, this may not.
// Owner: solve_logistic, for the length of one fit. Threads: one. Lifetime: borrows the feature storage if it
// is float64 and contiguous, copies it otherwise.

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "learn/logistic_solver.h"

namespace headrace::learn::detail {

// A point in parameter space, or a step between two. Shapes: weights [R, d], intercept [R, 1], float64, where
// the row count R is K for softmax and 1 for two classes.
struct LogisticPoint {
  at::Tensor weights;
  at::Tensor intercept;
};

// f(W, b) = sum_i s_i loss(y_i, W x_i + b) + penalty / 2 |W|^2, with s_i = C * weight_i.
//
// With two classes there is one row and the loss is log(1 + exp(-t z)), t = +-1; else the loss is softmax
// cross-entropy over K rows. Margins are kept feature-last, [R, n], so that each row is one contiguous run.
class LogisticObjective {
 public:
  LogisticObjective(const LogisticProblem& problem, const LogisticOptions& options);

  // Fills probabilities and residuals from `margins` and returns the unpenalised loss. Cost: O(R n), no product.
  double evaluate(const at::Tensor& margins);
  // Writes point.weights X' + intercept into `out` [R, n]. Cost: one product with X.
  void margins(const LogisticPoint& point, at::Tensor& out) const;
  // Writes the gradient at the margins last evaluated into `out`. Cost: one product with X'.
  void gradient(const LogisticPoint& point, LogisticPoint& out);
  // Makes a zero point of the right shape.
  LogisticPoint zero_point() const;

  int64_t row_count() const { return row_count_; }        // n
  int64_t feature_count() const { return feature_count_; }  // d
  int64_t output_count() const { return output_count_; }  // R
  bool binary() const { return output_count_ == 1; }
  bool fit_intercept() const { return fit_intercept_; }
  double penalty() const { return penalty_; }
  const at::Tensor& features() const { return features_; }
  // s [1, n].
  const at::Tensor& row_weights() const { return row_weights_; }
  // [R, n]. Softmax: class probabilities. Two classes: the probability of the *wrong* class, which stays exact
  // when the row is fitted well.
  const at::Tensor& probabilities() const { return probabilities_; }
  // s (p - y) [R, n], the derivative of the loss by the margins.
  const at::Tensor& residuals() const { return residuals_; }
  // The loss of the constant model with equal probabilities: sum s log K, the scale of "large".
  double null_loss() const { return null_loss_; }

 private:
  double evaluate_binary(const at::Tensor& margins);
  double evaluate_softmax(const at::Tensor& margins);

  int64_t row_count_, feature_count_, output_count_;
  bool fit_intercept_;
  double penalty_, null_loss_;
  at::Tensor features_, transposed_, row_weights_;
  std::vector<int64_t> labels_;
  at::Tensor signs_;  // two classes: +1 for class 0, -1 for class 1, [1, n]
  at::Tensor signed_weights_;
  at::Tensor probabilities_, residuals_, row_a_, row_b_;
};

}  // namespace headrace::learn::detail
