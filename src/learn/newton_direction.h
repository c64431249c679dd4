// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Newton direction of the logistic objective: conjugate gradients on the rows that still have curvature.
//
// Purpose: solves H step = -gradient to a requested accuracy, in float32 while that suffices. The essay in
// logistic_solver.cc says why. Owner: solve_logistic. Threads: one. Lifetime: borrows the objective.

#include <cstdint>
#include <stop_token>
#include <vector>

#include <ATen/core/Tensor.h>

#include "learn/logistic_objective.h"

namespace headrace::learn::detail {

struct DirectionRequest {
  double forcing = 0.1;       // stop when the residual, in the preconditioner's norm, has shrunk this much
  double energy_floor = 0.0;  // or when the decrease still to be had is estimated below this
  std::stop_token stop;
};

struct DirectionResult {
  double decrease = 0.0;  // -g' step / 2, the gap as the Newton model sees it
  bool solved = false;    // forcing or energy_floor was met
};

// States: diagonal -> shared -> full, the ladder of preconditioners. Only solve() climbs it, and never down.
class NewtonDirection {
 public:
  explicit NewtonDirection(const LogisticObjective& objective);

  // Takes a snapshot of the curvature at the objective's last evaluation: active rows and their probabilities.
  void refresh();
  // Solves for `step` at the snapshot. Cost: a few products with the active rows.
  DirectionResult solve(const LogisticPoint& gradient, const DirectionRequest& request, LogisticPoint& step);
  // Goes on in float64; false if it already does.
  bool raise_precision();

  // Whether the last factorization was well inside the working precision; if not, `decrease` may be too small.
  bool trusted() const { return trusted_; }
  int64_t products() const { return products_; }
  int64_t factorizations() const { return factorizations_; }

 private:
  enum class Level { kDiagonal, kShared, kFull };

  void copy_features();
  template <typename T>
  void centre_features();
  template <typename T>
  void gather_active();
  void multiply(const at::Tensor& v, at::Tensor& out);
  void precondition(const at::Tensor& r, at::Tensor& z);

  // The ladder. Prices are in flops of a large product; a rung is bought when as much was spent without it.
  double price_of_product() const;
  double price_of(Level level) const;
  bool available(Level level) const;
  void choose_level();
  bool improve(double spent);
  void build(Level level);
  at::Tensor factor(at::Tensor& matrix);
  void build_diagonal();
  void build_shared();
  void build_full();
  template <typename T>
  void sum_full(at::Tensor& hessian);
  template <typename T>
  int64_t gather_pair(int64_t k, int64_t l);

  const LogisticObjective& objective_;
  int64_t row_count_, feature_count_, column_count_, output_count_;
  at::ScalarType scalar_ = at::kFloat;

  // Centred features over a common scale, with a column of ones if there is an intercept: [n, D].
  at::Tensor mean_;  // [1, d] float64
  double scale_ = 1.0;
  double penalty_ = 0.0;    // in the scaled coordinates
  double curvature_min_ = 0.0;  // rows and class pairs below this are left out
  at::Tensor columns_;
  std::vector<double> norms_;  // s |x|^2 [n]

  // The snapshot: m active rows.
  std::vector<int64_t> active_;
  int64_t pair_count_ = 0;  // (row, class pair) entries of the full Hessian
  at::Tensor active_columns_;       // [m, D]
  at::Tensor probabilities_;        // [R, m]
  at::Tensor weighted_;             // s p [R, m]; two classes: s p (1 - p)
  at::Tensor row_curvature_;        // mean curvature of a row over the directions between classes [m]
  at::Tensor top_;                  // the likeliest class [1, m] int64
  std::vector<double> active_norms_;  // s |x|^2 [m]
  std::vector<double> intercept_curvature_;  // [R], over all rows
  at::Tensor intercept_rest_;                // [R, 1], over the rows that are not active
  at::Tensor product_, work_, row_;

  Level level_ = Level::kDiagonal;
  bool fresh_ = false;
  bool started_ = false;
  bool trusted_ = true;
  at::Tensor diagonal_;  // [1, D]
  at::Tensor shared_;    // [D, D], an inverse
  at::Tensor full_;      // [(K - 1) D, (K - 1) D], a lower Cholesky factor
  at::Tensor pair_rows_;
  int64_t products_ = 0, factorizations_ = 0;
};

}  // namespace headrace::learn::detail
