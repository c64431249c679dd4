// SPDX-License-Identifier: Apache-2.0
// Linear discriminant analysis: classes are normal with one covariance; the classifier is linear.
#include <ATen/ops/mv.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include "learn/discriminant.h"
#include "learn/estimator.h"
#include "learn/linear_decision.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

class LinearDiscriminant final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::int64_t class_count = static_cast<std::int64_t>(training.labels.classes.size());
    if (training.weights.defined()) {
      return Error(Code::kUnsupported, "linear_discriminant takes no weights of rows",
                   "drop the weight column, or use logistic_regression");
    }
    const auto found = detail::find_discriminants(training.frame.x, training.labels.codes, class_count, context.real("tol"));
    // log p(c | x) = x.w_c + b_c + something common to all classes, where projections have the unit matrix as covariance.
    const at::Tensor projected = found.means.sub(found.centre).mm(found.scalings);
    at::Tensor weights = projected.mm(found.scalings.t());
    at::Tensor intercept = projected.mul(projected).sum(1).mul_(-0.5).add_(found.priors.log()).sub_(at::mv(weights, found.centre));
    if (class_count == 2) {
      weights = weights.slice(0, 1, 2).sub(weights.slice(0, 0, 1));
      intercept = intercept.slice(0, 1, 2).sub(intercept.slice(0, 0, 1));
    }
    data::Model model;
    detail::set_linear(model, weights, intercept);
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor margins, detail::margins_of(model, frame));
    Decision decision = detail::decide_by_margins(margins);
    if (margins.dim() == 1) {
      const at::Tensor second = at::sigmoid(margins);
      decision.probabilities = at::stack({second.neg().add_(1.0), second}, 1);
    } else {
      decision.probabilities = at::softmax(margins, 1);
    }
    return decision;
  }
};

HEADRACE_ESTIMATOR(
    LinearDiscriminant,
    {.name = "linear_discriminant",
     .family = graph::Family::kClassifier,
     .doc = "Classes as normal clouds of one covariance, by singular values. scikit-learn: LinearDiscriminantAnalysis(solver="
            "'svd'); it takes no weights of rows.",
     .options = {config::real("tol", 1e-4, "directions whose singular value is below this are dropped").at_least(0)},
     .fits = true,
     .needs_target = true});

}  // namespace
}  // namespace headrace::learn
