// SPDX-License-Identifier: Apache-2.0
// Linear support vector machine with the squared hinge loss, one against the rest.
//
// The problem, per class: minimise |w|^2 / 2 + C sum_i s_i max(0, 1 - t_i w x_i)^2, where x ends in a constant for the intercept,
// penalised like any weight (liblinear's choice, and so scikit-learn's). The objective is piecewise quadratic: on the rows inside the
// margin ("active") it is a least-squares problem. Newton's method solves that problem and moves along the line to its
// solution; it ends when the gradient vanishes, mostly after 5 to 15 steps, exactly, because the active set then stays.
// The line search is exact too: along a line the derivative is piecewise linear and increasing, so bisection on it is safe.
// Source: Mangasarian 2002, A finite Newton method for classification; Keerthi, DeCoste 2005, JMLR 6.
#include <algorithm>
#include <cmath>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "learn/linear_decision.h"

namespace headrace::learn {
namespace {

struct Machine {
  at::Tensor weights;   // [D], intercept last when there is one
  bool converged = false;
};

// The derivative along `step` at `length`: w'(w + length step) terms are linear, each row adds while it is inside the margin.
double slope(double own, double own_step, const at::Tensor& gaps, const at::Tensor& gap_steps, const at::Tensor& costs, double length) {
  const double* gap = gaps.const_data_ptr<double>();
  const double* change = gap_steps.const_data_ptr<double>();
  const double* cost = costs.const_data_ptr<double>();
  double sum = own + length * own_step;
  for (std::int64_t row = 0; row < gaps.numel(); ++row) {
    const double inside = gap[row] + length * change[row];
    if (inside > 0) sum += 2 * cost[row] * inside * change[row];
  }
  return sum;
}

double line_minimum(double own, double own_step, const at::Tensor& gaps, const at::Tensor& gap_steps, const at::Tensor& costs) {
  constexpr int kHalvings = 50;
  double low = 0, high = 1;
  while (slope(own, own_step, gaps, gap_steps, costs, high) < 0 && high < 1e6) high *= 2;
  // The full step is where Newton ends; only look further when it is not the minimum already.
  for (int i = 0; i < kHalvings && high - low > 1e-12 * high; ++i) {
    const double middle = (low + high) / 2;
    (slope(own, own_step, gaps, gap_steps, costs, middle) < 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

class LinearSvm final : public Predictor {
  // One class against the rest. `signs` [n] is +-1, `costs` [n] is C times the weight of each row.
  Result<Machine> train(const exec::Context& context, const at::Tensor& x, const at::Tensor& signs, const at::Tensor& costs) const {
    Machine machine{at::zeros({x.size(1)}, at::kDouble), false};
    const double tolerance = context.real("tolerance");
    double first_norm = -1;
    for (std::int64_t step = 0; step < context.integer("max_iter"); ++step) {
      HEADRACE_TRY(context.check_stop());
      const at::Tensor gaps = at::mv(x, machine.weights).mul(signs).neg().add(1.0);   // 1 - t w x
      const at::Tensor active = gaps.gt(0).nonzero().squeeze(1);
      const at::Tensor rows = x.index_select(0, active);
      const at::Tensor row_costs = costs.index_select(0, active);
      const at::Tensor residual = gaps.index_select(0, active).mul(signs.index_select(0, active)).mul(row_costs).mul(-2.0);
      const at::Tensor gradient = machine.weights.add(at::mv(rows.t(), residual));
      const double norm = gradient.norm().item<double>();
      if (first_norm < 0) first_norm = norm;
      if (norm <= tolerance * std::max(first_norm, 1e-300)) {
        machine.converged = true;
        break;
      }
      const at::Tensor hessian = at::eye(x.size(1), at::kDouble).add_(at::mm(rows.t(), rows.mul(row_costs.mul(2.0).unsqueeze(1))));
      const at::Tensor direction = at::cholesky_solve(gradient.unsqueeze(1), at::linalg_cholesky(hessian)).squeeze(1).neg();
      const at::Tensor gap_steps = at::mv(x, direction).mul(signs).neg().contiguous();
      const double length = line_minimum(machine.weights.dot(direction).item<double>(), direction.dot(direction).item<double>(),
                                         gaps.contiguous(), gap_steps, costs);
      machine.weights = machine.weights.add(direction, length);
    }
    return machine;
  }

  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const bool intercept = context.boolean("fit_intercept");
    const at::Tensor& features = training.frame.x;
    const at::Tensor x = intercept ? at::cat({features, at::ones({features.size(0), 1}, at::kDouble)}, 1) : features;
    at::Tensor costs = training.weights.defined() ? training.weights : at::ones({features.size(0)}, at::kDouble);
    costs = costs.mul(context.real("C")).contiguous();
    const auto classes = static_cast<std::int64_t>(training.labels.classes.size());
    std::vector<at::Tensor> machines;
    bool converged = true;
    for (std::int64_t k = classes == 2 ? 1 : 0; k < classes; ++k) {
      const at::Tensor signs = training.labels.codes.eq(k).to(at::kDouble).mul(2.0).sub(1.0);
      HEADRACE_ASSIGN(Machine machine, train(context, x, signs, costs));
      converged = converged && machine.converged;
      machines.push_back(machine.weights);
    }
    if (!converged) log(LogLevel::kWarning, cat("node ", context.node, ": not converged; raise max_iter or tolerance"));
    const at::Tensor weights = at::stack(machines);
    const std::int64_t width = features.size(1);
    data::Model model;
    detail::set_linear(model, weights.slice(1, 0, width), intercept ? weights.select(1, width) : at::zeros({weights.size(0)}, at::kDouble));
    model.meta.set("converged", converged);
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor margins, detail::margins_of(model, frame));
    return detail::decide_by_margins(margins);
  }
};

HEADRACE_ESTIMATOR(LinearSvm,
                   {.name = "linear_svm",
                    .family = graph::Family::kClassifier,
                    .doc = "Linear support vector classifier with the squared hinge loss, one against the rest. scikit-learn: LinearSVC.",
                    .options = {config::real("C", 1.0, "weight of the loss against the penalty").above(0),
                                config::boolean("fit_intercept", true, "add an intercept, which is penalised as in liblinear"),
                                config::real("tolerance", 1e-8, "stop when the gradient has shrunk to this share of the first").above(0),
                                config::integer("max_iter", 100, "Newton steps at most").at_least(1)},
                    .fits = true,
                    .needs_target = true});

}  // namespace
}  // namespace headrace::learn
