// SPDX-License-Identifier: Apache-2.0
//
// The problem. Over W [K, d] and b [K] minimise
//
//     f(W, b) = sum_i s_i loss(y_i, W x_i + b) + |W|^2 / 2,      s_i = C * weight_i,
//
// with the softmax loss for K > 2 classes and log(1 + exp(-t z)) with one row of W for two: scikit-learn's
// objective, the intercept free. f is smooth and convex, but its condition number grows with C: at C = 1e4 and
// nearly separable classes it spans eight decades, and first-order methods stop early: scikit-learn's lbfgs at
// tol = 1e-8 ends 0.1 to 0.3 % above the optimum there, and some test scores are not those of the optimum.
//
// The method is Newton's, made cheap by four observations.
//
// 1. The direction may be rough, the gradient may not. Loss, gradient and line search run in float64, the Newton
//    system in float32 at half the cost. Centring the features first keeps float32 honest; if a pivot still comes
//    near its rounding, a claim of convergence is checked again in float64.
// 2. Saturated rows have no curvature. diag(p) - p p' is the Laplacian of a graph over classes, with p_k p_l on the
//    edge k-l. A row of weight s adds at most s (1 - max p) |x|^2 to the Hessian, and against a penalty of 1 most
//    rows add nothing: on digits at C = 1e4 some 400 of 1,437 rows matter in the end, and 700 of their 64,665 edges.
//    Products run over the active rows, a full Hessian over the active edges.
// 3. Buy a better preconditioner when renting costs as much. The system is solved by conjugate gradients. They
//    start with one Gram matrix shared by all classes (rows weighted by their mean curvature, so exact at W = 0:
//    Boehning's bound with the local constant). When a solve has spent on products what factoring the true Hessian
//    would cost, the Hessian is factored and its factor kept, for later steps too, until the same rule replaces
//    it. So no solve costs much more than twice the better choice; prices are flops, so the input alone decides.
// 4. Along a line the margins are linear, so a trial point costs one softmax and no product with the features. An
//    almost exact line search is nearly free, and far from the optimum steps of 1.5 to 8 replace many of length 1.
//
// Example: digits, 64 components, C = 1e4. 19 steps, 37 losses, 227 products with a few hundred rows each and one
// factorization of a 585 x 585 matrix; scikit-learn's newton-cholesky factors a 650 x 650 one 20 times.
//
// When it stops. -g' step / 2, the Newton decrement, estimates f - f*. After a step the gap left over is estimated
// from how well the quadratic model foresaw the decrease and how fast decrements shrink (see gap_left), and compared
// with a fifth of tolerance * f. It is an estimate, no bound: over the 100 fits of the digits grid with tolerance 1e-6
// the largest true gap was 3e-8. Without a penalty (C = infinity) separable classes have no optimum and f tends to
// 0; there the loss of the constant model sets a floor for the scale.
//
// Papers. Boehning 1992, Multinomial logistic regression algorithm, Ann. Inst. Statist. Math. 44. Lin, Weng, Keerthi
// 2008, Trust region Newton method for large-scale logistic regression, JMLR 9 (Newton-CG). Nash and Nocedal 1991,
// A numerical study of the limited memory BFGS method and the truncated-Newton method, SIAM J. Optim. 1. Eisenstat and
// Walker 1996, Choosing the forcing terms in an inexact Newton method, SIAM J. Sci. Comput. 17. Karlin et al. 1988,
// Competitive snoopy caching, Algorithmica 3 (rent or buy).
#include "learn/logistic_solver.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/add.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include "learn/logistic_objective.h"
#include "learn/newton_direction.h"


namespace headrace::learn::detail {
namespace {

// How loosely the first Newton systems are solved: the residual's shrinkage in the preconditioner's norm.
constexpr double kForcingMax = 0.2;

double inner(const at::Tensor& a, const at::Tensor& b) { return at::dot(a.view(-1), b.view(-1)).item<double>(); }

// One fit in progress: the point, its margins, and what the line search needs.
class Fit {
 public:
  Fit(const LogisticProblem& problem, const LogisticOptions& options)
      : options_(options),
        objective_(problem, options),
        direction_(objective_),
        point_(objective_.zero_point()),
        gradient_(objective_.zero_point()),
        step_(objective_.zero_point()) {
    margins_ = at::zeros_like(objective_.probabilities());
    step_margins_ = at::empty_like(margins_);
    trial_ = at::empty_like(margins_);
  }

  LogisticResult run();

 private:
  double gap_allowed() const;
  double gap_left(double promised, double dropped, double forcing) const;
  bool search_line(double slope);

  const LogisticOptions& options_;
  LogisticObjective objective_;
  NewtonDirection direction_;
  LogisticPoint point_, gradient_, step_;
  at::Tensor margins_, step_margins_, trial_;
  double value_ = 0.0;
  double promised_before_ = 0.0;  // what the step before promised; 0: there was none
  LogisticResult result_;
};

// Without penalty a separable problem has no optimum: its loss goes to 0, so "relative" needs a floor there.
double Fit::gap_allowed() const {
  const double floor = objective_.penalty() > 0.0 ? 0.0 : 1e-3 * objective_.null_loss();
  return options_.tolerance * std::max(std::abs(value_), floor);
}

// Estimates the gap after a step whose quadratic model promised one decrease and which brought another.
//
// Where Newton's method converges quadratically, little of the promise is left: as much as the model was wrong
// along the step, as the promise is large beside the one before, and as the system was solved loosely. Where it
// converges linearly, as on nearly separable classes, all of it may be.
double Fit::gap_left(double promised, double dropped, double forcing) const {
  const double off = 4.0 * std::abs(dropped / promised - 1.0);
  const double shrink = promised_before_ > 0.0 ? 3.0 * promised / promised_before_ : 1.0;
  return promised * std::min(1.0, std::max({off, shrink, forcing * forcing}));
}

// Moves along step_ to where the slope is small; false if the objective does not fall.
//
// The margins are linear in the step length, so a trial costs no product with the features. The objective is
// convex: its slope grows along the line, and regula falsi (Illinois) brackets the root.
bool Fit::search_line(double slope) {
  constexpr double kSlopeShare = 0.2;
  constexpr int kTrialMax = 24;
  objective_.margins(step_, step_margins_);
  const double penalty = objective_.penalty();
  const double cross = penalty * inner(point_.weights, step_.weights), square = penalty * inner(step_.weights, step_.weights);
  const double own = penalty * inner(point_.weights, point_.weights);

  double length = 1.0, low = 0.0, low_slope = slope, high = 0.0, high_slope = 0.0;
  bool bracketed = false;
  for (int trial = 0; trial < kTrialMax; ++trial) {
    at::add_out(trial_, margins_, step_margins_, length);
    const double value = objective_.evaluate(trial_) + 0.5 * own + length * (cross + 0.5 * length * square);
    const double here = inner(objective_.residuals(), step_margins_) + cross + length * square;
    ++result_.evaluations;
    const bool lower = value <= value_ + 1e-13 * std::abs(value_);
    // Near a kink (a row that changes sides at large C) the slope may not get small: then enough decrease will do.
    const bool flat = std::abs(here) <= kSlopeShare * -slope;
    const bool enough = trial >= 3 && value <= value_ + 0.1 * length * slope;
    if (lower && (flat || enough)) {
      point_.weights.add_(step_.weights, length);
      point_.intercept.add_(step_.intercept, length);
      margins_.copy_(trial_);
      value_ = value;
      return true;
    }
    if (lower && here < 0.0) {
      if (bracketed && trial > 1) high_slope *= 0.5;
      low = length, low_slope = here;
    } else {
      if (bracketed) low_slope *= 0.5;
      high = length, high_slope = std::isfinite(here) && here > 0.0 ? here : -low_slope;
      bracketed = true;
    }
    if (bracketed) {
      const double width = high - low, cut = low - low_slope * width / (high_slope - low_slope);
      length = std::clamp(cut, low + 0.05 * width, high - 0.05 * width);
    } else {
      const double cut = slope < here ? length - here * length / (here - slope) : 8.0 * length;
      length = std::clamp(cut, 1.05 * length, 8.0 * length);
    }
  }
  objective_.evaluate(margins_);
  return false;
}

LogisticResult Fit::run() {
  value_ = objective_.evaluate(margins_);
  result_.evaluations = 1;
  double forcing = kForcingMax;
  while (result_.iterations < options_.iteration_max) {
    if (options_.stop.stop_requested()) break;
    objective_.gradient(point_, gradient_);
    direction_.refresh();
    DirectionRequest request{forcing, 0.003 * gap_allowed(), options_.stop};
    const DirectionResult found = direction_.solve(gradient_, request, step_);
    if (options_.stop.stop_requested()) break;

    const double slope = inner(gradient_.weights, step_.weights) + inner(gradient_.intercept, step_.intercept);
    ++result_.iterations;
    const double before = value_;
    const bool moved = slope < 0.0 && search_line(slope);
    const double promised = -0.5 * slope;
    if (found.solved && gap_left(promised, before - value_, forcing) <= 0.2 * gap_allowed()) {
      // A claim made near the limit of float32 is checked in float64.
      if (direction_.trusted() || !direction_.raise_precision()) {
        result_.converged = true;
        break;
      }
    } else if (!moved || !found.solved) {
      if (!direction_.raise_precision() && !moved) break;
    }
    forcing = std::min(kForcingMax, std::sqrt(std::max(promised, 0.0) / std::abs(value_)));
    promised_before_ = promised;
  }
  result_.stopped = options_.stop.stop_requested() && !result_.converged;
  result_.weights = point_.weights;
  result_.intercept = point_.intercept.view(-1);
  result_.objective = value_;
  result_.products = direction_.products();
  result_.factorizations = direction_.factorizations();
  return result_;
}

}  // namespace

LogisticResult solve_logistic(const LogisticProblem& problem, const LogisticOptions& options) {
  return Fit(problem, options).run();
}

}  // namespace headrace::learn::detail
