// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the naive Bayes classifiers share: weighted class indicators, class priors, and the way from joint log-likelihoods to a decision.

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"
#include "learn/estimator.h"

namespace headrace::learn::detail {

// [n, K] f64: the weight of row i (1 without weights) in the column of its class, 0 elsewhere.
at::Tensor class_indicators(const Training& training);
// Log class priors [K]: `given` (a list, or null) if it is there, else observed shares, or equal ones with `observed` false.
// Errors: kBadValue when the list has another length than there are classes, is negative, or does not sum to 1.
Result<at::Tensor> log_priors(const config::Value& given, bool observed, const at::Tensor& indicators);
// Codes and probabilities from joint log-likelihoods [n, K].
Decision decide_by_likelihood(const at::Tensor& joint);

}  // namespace headrace::learn::detail
