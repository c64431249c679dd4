// SPDX-License-Identifier: Apache-2.0
#include "learn/logistic_objective.h"

#include <cmath>

#include <ATen/ops/addmm.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace headrace::learn::detail {

LogisticObjective::LogisticObjective(const LogisticProblem& problem, const LogisticOptions& options)
    : row_count_(problem.features.size(0)),
      feature_count_(problem.features.size(1)),
      output_count_(problem.class_count == 2 ? 1 : problem.class_count),
      fit_intercept_(options.fit_intercept),
      penalty_(std::isinf(options.inverse_penalty) ? 0.0 : 1.0) {
  TORCH_CHECK(problem.features.dim() == 2 && problem.labels.numel() == row_count_ && problem.class_count >= 2,
              "logistic problem: features [n, d], labels [n] and at least two classes do not fit together");
  const auto f64 = at::TensorOptions().dtype(at::kDouble);
  features_ = problem.features.to(at::kDouble).contiguous();
  transposed_ = features_.t();

  const at::Tensor labels = problem.labels.to(at::kLong).contiguous();
  labels_.assign(labels.const_data_ptr<int64_t>(), labels.const_data_ptr<int64_t>() + row_count_);

  // s = C * sample weight * class weight.
  row_weights_ = at::ones({1, row_count_}, f64);
  if (problem.sample_weights.defined()) row_weights_.mul_(problem.sample_weights.to(at::kDouble).view({1, -1}));
  if (problem.class_weights.defined()) {
    row_weights_.mul_(problem.class_weights.to(at::kDouble).index_select(0, labels).view({1, -1}));
  }
  if (penalty_ > 0.0) row_weights_.mul_(options.inverse_penalty);
  null_loss_ = row_weights_.sum().item<double>() * std::log(static_cast<double>(problem.class_count));

  if (binary()) {
    signs_ = labels.view({1, -1}).to(at::kDouble).mul_(-2.0).add_(1.0);
    signed_weights_ = signs_.mul(row_weights_);
  }
  probabilities_ = at::empty({output_count_, row_count_}, f64);
  residuals_ = at::empty({output_count_, row_count_}, f64);
  row_a_ = at::empty({1, row_count_}, f64);
  row_b_ = at::empty({1, row_count_}, f64);
}

LogisticPoint LogisticObjective::zero_point() const {
  return {at::zeros({output_count_, feature_count_}, features_.options()),
          at::zeros({output_count_, 1}, features_.options())};
}

void LogisticObjective::margins(const LogisticPoint& point, at::Tensor& out) const {
  if (fit_intercept_) {
    at::addmm_out(out, point.intercept, point.weights, transposed_);
  } else {
    at::mm_out(out, point.weights, transposed_);
  }
}

void LogisticObjective::gradient(const LogisticPoint& point, LogisticPoint& out) {
  at::mm_out(out.weights, residuals_, features_);
  if (penalty_ > 0.0) out.weights.add_(point.weights, penalty_);
  if (fit_intercept_) at::sum_out(out.intercept, residuals_, 1, /*keepdim=*/true);
}

double LogisticObjective::evaluate(const at::Tensor& margins) {
  return binary() ? evaluate_binary(margins) : evaluate_softmax(margins);
}

// With z = -t * margin: loss = s log(1 + exp z), residual = -t s sigmoid(z).
double LogisticObjective::evaluate_binary(const at::Tensor& margins) {
  at::mul_out(row_a_, margins, signs_);
  at::sigmoid_out(probabilities_, row_a_);
  at::mul_out(residuals_, probabilities_, signed_weights_);
  at::softplus_out(row_b_, row_a_, 1.0, 40.0);
  return row_b_.mul_(row_weights_).sum().item<double>();
}

// With u = margins - max: loss = s (log sum exp u - u[y]), residual = s (softmax - onehot).
double LogisticObjective::evaluate_softmax(const at::Tensor& margins) {
  at::amax_out(row_a_, margins, 0, /*keepdim=*/true);
  at::sub_out(probabilities_, margins, row_a_);
  double* const row = row_b_.mutable_data_ptr<double>();
  const double* const shifted = probabilities_.const_data_ptr<double>();
  for (int64_t i = 0; i < row_count_; ++i) row[i] = shifted[labels_[i] * row_count_ + i];

  at::exp_out(probabilities_, probabilities_);
  at::sum_out(row_a_, probabilities_, 0, /*keepdim=*/true);
  at::div_out(probabilities_, probabilities_, row_a_);
  row_a_.log_().sub_(row_b_).mul_(row_weights_);
  const double loss = row_a_.sum().item<double>();

  at::mul_out(residuals_, probabilities_, row_weights_);
  double* const residual = residuals_.mutable_data_ptr<double>();
  const double* const weight = row_weights_.const_data_ptr<double>();
  for (int64_t i = 0; i < row_count_; ++i) residual[labels_[i] * row_count_ + i] -= weight[i];
  return loss;
}

}  // namespace headrace::learn::detail
