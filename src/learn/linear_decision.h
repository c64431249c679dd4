// SPDX-License-Identifier: Apache-2.0
#pragma once
// Linear decision: what the linear classifiers share once they are fitted - weights, intercept, and the way from margins to classes.

#include "learn/estimator.h"

namespace headrace::learn::detail {

/// Writes weights [K, d] ([1, d] for two classes) and intercept [K] ([1]) into a model.
void set_linear(data::Model& model, const at::Tensor& weights, const at::Tensor& intercept);
/// Margins [n, K], or [n] for two classes (above 0: the second class). Errors: kDamaged.
Result<at::Tensor> margins_of(const data::Model& model, const Frame& frame);
/// Codes and decision values from margins.
Decision decide_by_margins(const at::Tensor& margins);

}  // namespace headrace::learn::detail
