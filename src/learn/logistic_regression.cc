// SPDX-License-Identifier: Apache-2.0
// Logistic regression with an L2 penalty: the operator around logistic_solver.
#include <limits>

#include <ATen/ops/bincount.h>
#include <ATen/ops/stack.h>

#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "learn/linear_decision.h"
#include "learn/logistic_solver.h"

namespace headrace::learn {
namespace {

class LogisticRegression final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    detail::LogisticProblem problem;
    problem.features = training.frame.x;
    problem.labels = training.labels.codes;
    problem.class_count = static_cast<std::int64_t>(training.labels.classes.size());
    problem.sample_weights = training.weights;
    if (context.string("class_weight") == "balanced") {
      const at::Tensor counts = at::bincount(training.labels.codes, {}, problem.class_count).to(at::kDouble);
      problem.class_weights =
          counts.reciprocal().mul(static_cast<double>(training.frame.rows()) / static_cast<double>(problem.class_count));
    }
    detail::LogisticOptions options;
    const config::Value& penalty = context.value("C");
    options.inverse_penalty = penalty.is_null() ? std::numeric_limits<double>::infinity() : penalty.real();
    options.fit_intercept = context.boolean("fit_intercept");
    options.tolerance = context.real("tolerance");
    options.iteration_max = context.integer("max_iter");
    options.stop = context.stop;
    const detail::LogisticResult result = detail::solve_logistic(problem, options);
    if (result.stopped) return Error(Code::kCancelled, cat("node ", context.node, " was asked to stop"));
    if (!result.converged) {
      log(LogLevel::kWarning,
          cat("node ", context.node, ": not converged after ", result.iterations, " steps; raise max_iter or tolerance"));
    }
    data::Model model;
    detail::set_linear(model, result.weights, result.intercept);
    model.meta.set("iterations", result.iterations);
    model.meta.set("converged", result.converged);
    model.tensors.set("objective", data::Tensor::of<double>({1}, std::span(&result.objective, 1)));
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor margins, detail::margins_of(model, frame));
    Decision decision = detail::decide_by_margins(margins);
    if (margins.dim() == 2) {
      decision.probabilities = margins.softmax(1);
    } else {
      decision.probabilities = at::stack({margins.neg().sigmoid(), margins.sigmoid()}, 1);
    }
    return decision;
  }
};

HEADRACE_ESTIMATOR(
    LogisticRegression,
    {.name = "logistic_regression",
     .family = graph::Family::kClassifier,
     .doc = "Multinomial logistic regression with an L2 penalty, solved by Newton's method. scikit-learn: LogisticRegression.",
     .options = {config::real("C", 1.0, "inverse strength of the penalty; null: no penalty").above(0).or_null(),
                 config::boolean("fit_intercept", true, "add an intercept, which is not penalised"),
                 config::real("tolerance", 1e-6, "relative distance to the optimal objective at which to stop").above(0),
                 config::integer("max_iter", 200, "Newton steps at most").at_least(1),
                 config::choice("class_weight", "none", {"none", "balanced"}, "balanced: weigh classes by the inverse of their share")},
     .fits = true,
     .needs_target = true});

}  // namespace
}  // namespace headrace::learn
