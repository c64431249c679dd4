// SPDX-License-Identifier: Apache-2.0
#include "learn/naive_bayes.h"

#include <cmath>

#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"

namespace headrace::learn::detail {

at::Tensor class_indicators(const Training& training) {
  const std::int64_t rows = training.frame.rows(), class_count = static_cast<std::int64_t>(training.labels.classes.size());
  at::Tensor indicators = at::zeros({rows, class_count}, at::kDouble);
  double* out = indicators.mutable_data_ptr<double>();
  const std::int64_t* codes = training.labels.codes.const_data_ptr<std::int64_t>();
  const double* weights = training.weights.defined() ? training.weights.const_data_ptr<double>() : nullptr;
  for (std::int64_t row = 0; row < rows; ++row) out[row * class_count + codes[row]] = weights ? weights[row] : 1.0;
  return indicators;
}

Result<at::Tensor> log_priors(const config::Value& given, bool observed, const at::Tensor& indicators) {
  const std::int64_t class_count = indicators.size(1);
  if (given.is_null()) {
    if (!observed) return at::full({class_count}, -std::log(static_cast<double>(class_count)), at::kDouble);
    const at::Tensor totals = indicators.sum(0);
    return totals.log().sub(std::log(totals.sum().item<double>()));
  }
  const config::List& list = given.list();
  if (static_cast<std::int64_t>(list.size()) != class_count) {
    return Error(Code::kBadValue, cat("the class priors do not match the classes: ", list.size(), " priors, ", class_count, " classes"),
                 "give one prior a class, in sorted order of the classes", given.where());
  }
  at::Tensor priors = at::zeros({class_count}, at::kDouble);
  double sum = 0.0;
  for (std::int64_t c = 0; c < class_count; ++c) {
    const double prior = list[static_cast<std::size_t>(c)].real();
    if (!(prior >= 0.0)) return Error(Code::kBadValue, cat("a class prior is negative: ", prior), {}, given.where());
    priors.mutable_data_ptr<double>()[c] = prior;
    sum += prior;
  }
  if (std::abs(sum - 1.0) > 1e-8) return Error(Code::kBadValue, cat("the class priors do not sum to 1: ", sum), {}, given.where());
  return priors.log();
}

Decision decide_by_likelihood(const at::Tensor& joint) {
  Decision decision;
  decision.codes = largest(joint);
  decision.probabilities = at::softmax(joint, 1);
  return decision;
}

}  // namespace headrace::learn::detail
