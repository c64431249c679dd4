// SPDX-License-Identifier: Apache-2.0
// Ridge regression: least squares with an L2 penalty, through the eigenvectors of the smaller Gram matrix.
#include <limits>

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros.h>

#include "learn/estimator.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

// Solves (g + alpha I) z = right for a symmetric g; directions without any weight get none (the least-norm solution).
at::Tensor solve(const at::Tensor& gram, double alpha, const at::Tensor& right) {
  const auto [values, vectors] = at::linalg_eigh(gram);
  const at::Tensor shifted = values.clamp_min(0.0).add(alpha);
  const double largest = shifted.max().item<double>();
  const double noise = largest * static_cast<double>(gram.size(0)) * std::numeric_limits<double>::epsilon();
  const at::Tensor inverse = shifted.reciprocal().masked_fill(shifted.le(noise), 0.0);
  return at::mv(vectors, at::mv(vectors.t(), right).mul(inverse));
}

class Ridge final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    at::Tensor x = training.frame.x;
    at::Tensor y = training.targets;
    at::Tensor x_mean = at::zeros({x.size(1)}, at::kDouble);
    double y_mean = 0;
    if (context.boolean("fit_intercept")) {
      if (training.weights.defined()) {
        const at::Tensor share = training.weights.div(training.weights.sum());
        x_mean = at::mv(x.t(), share);
        y_mean = y.dot(share).item<double>();
      } else {
        x_mean = x.mean(0);
        y_mean = y.mean().item<double>();
      }
      x = x.sub(x_mean);
      y = y.sub(y_mean);
    }
    if (training.weights.defined()) {
      const at::Tensor root = training.weights.sqrt();
      x = x.mul(root.unsqueeze(1));
      y = y.mul(root);
    }
    const double alpha = context.real("alpha");
    const at::Tensor weights = x.size(0) >= x.size(1) ? solve(at::mm(x.t(), x), alpha, at::mv(x.t(), y))
                                                      : at::mv(x.t(), solve(at::mm(x, x.t()), alpha, y));
    data::Model model;
    model.tensors.set("weights", to_data(weights.contiguous()));
    model.meta.set("intercept", y_mean - x_mean.dot(weights).item<double>());
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor weights, tensor_of(model, "weights", at::kDouble, {frame.width()}));
    HEADRACE_ASSIGN(const double intercept, number_of(model, "intercept"));
    Decision decision;
    decision.values = at::mv(frame.x, weights).add(intercept);
    return decision;
  }
};

HEADRACE_ESTIMATOR(Ridge, {.name = "ridge",
                           .family = graph::Family::kRegressor,
                           .doc = "Linear regression with an L2 penalty; alpha 0 is ordinary least squares. scikit-learn: Ridge.",
                           .options = {config::real("alpha", 1.0, "strength of the penalty").at_least(0),
                                       config::boolean("fit_intercept", true, "add an intercept, which is not penalised")},
                           .fits = true,
                           .needs_target = true});

}  // namespace
}  // namespace headrace::learn
