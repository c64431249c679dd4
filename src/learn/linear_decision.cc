// SPDX-License-Identifier: Apache-2.0
#include "learn/linear_decision.h"

#include <ATen/ops/addmm.h>

#include "learn/model_reader.h"

namespace headrace::learn::detail {

void set_linear(data::Model& model, const at::Tensor& weights, const at::Tensor& intercept) {
  model.tensors.set("weights", to_data(weights.contiguous())).set("intercept", to_data(intercept.reshape({-1}).contiguous()));
}

Result<at::Tensor> margins_of(const data::Model& model, const Frame& frame) {
  HEADRACE_ASSIGN(const std::int64_t classes, class_count_of(model));
  const std::int64_t rows = classes == 2 ? 1 : classes;
  HEADRACE_ASSIGN(const at::Tensor weights, tensor_of(model, "weights", at::kDouble, {rows, frame.width()}));
  HEADRACE_ASSIGN(const at::Tensor intercept, tensor_of(model, "intercept", at::kDouble, {rows}));
  const at::Tensor margins = at::addmm(intercept, frame.x, weights.t());
  return rows == 1 ? margins.squeeze(1) : margins;
}

Decision decide_by_margins(const at::Tensor& margins) {
  Decision decision;
  decision.codes = margins.dim() == 1 ? margins.gt(0.0).to(at::kLong) : largest(margins);
  decision.decisions = margins;
  return decision;
}

}  // namespace headrace::learn::detail
