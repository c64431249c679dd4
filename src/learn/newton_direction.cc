// SPDX-License-Identifier: Apache-2.0
#include "learn/newton_direction.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/aminmax.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace headrace::learn::detail {
namespace {

// Rows and class pairs whose curvature s p q |x|^2 is below this share of the penalty are left out.
constexpr double kCurvatureShare = 1e-3;
// The largest full Hessian to be factored, rows: 8192^2 floats are 268 MB.
constexpr int64_t kFullSizeMax = 8192;
// The same for the shared Gram matrix.
constexpr int64_t kSharedSizeMax = 8192;
// What one call into ATen costs, in flops of a large product (about 2 us at 50 Gflop/s).
constexpr double kCallPrice = 1e5;
constexpr int64_t kProductMax = 400;
// The relative raise of a diagonal before it is factored, and the relative pivot below which float32 is not believed.
constexpr double kRaiseFloat = 2e-6;
constexpr double kRaiseDouble = 1e-12;
constexpr double kPivotTrusted = 1e-4;
// Diagonal entries below this share of the largest stand for empty columns.
constexpr double kEmptyShare = 1e-25;

double inner(const at::Tensor& a, const at::Tensor& b) { return at::dot(a.view(-1), b.view(-1)).item<double>(); }

// A [rows, columns] view of the head of a flat buffer.
at::Tensor head(const at::Tensor& buffer, int64_t rows, int64_t columns) {
  return buffer.narrow(0, 0, rows * columns).view({rows, columns});
}

}  // namespace

NewtonDirection::NewtonDirection(const LogisticObjective& objective)
    : objective_(objective),
      row_count_(objective.row_count()),
      feature_count_(objective.feature_count()),
      column_count_(objective.feature_count() + (objective.fit_intercept() ? 1 : 0)),
      output_count_(objective.output_count()) {
  copy_features();
}

void NewtonDirection::copy_features() {
  const at::Tensor& features = objective_.features();
  const auto options = at::TensorOptions().dtype(scalar_);
  const auto [low, high] = at::aminmax(features, 0, /*keepdim=*/true);
  // A constant column is centred to exact zeros; its mean may be off in the last place.
  mean_ = objective_.fit_intercept() ? at::where(low.eq(high), low, features.mean(0, /*keepdim=*/true))
                                     : at::zeros({1, feature_count_}, features.options());
  // The scale keeps squares inside the range of float32, whatever the unit of the features.
  scale_ = std::max(std::abs(low.min().item<double>()), std::abs(high.max().item<double>()));
  if (!(scale_ > 0.0)) scale_ = 1.0;
  penalty_ = objective_.penalty() / (scale_ * scale_);

  columns_ = at::empty({row_count_, column_count_}, options);
  norms_.resize(row_count_);
  if (scalar_ == at::kFloat) {
    centre_features<float>();
  } else {
    centre_features<double>();
  }
  curvature_min_ = std::max(kCurvatureShare * penalty_, 1e-13 * *std::max_element(norms_.begin(), norms_.end()));

  const int64_t cells = output_count_ * row_count_;
  probabilities_ = at::empty({cells}, options);
  weighted_ = at::empty({cells}, options);
  product_ = at::empty({cells}, options);
  work_ = at::empty({cells}, options);
  row_ = at::empty({row_count_}, options);
  row_curvature_ = at::empty({row_count_}, options);
  top_ = at::empty({row_count_}, at::TensorOptions().dtype(at::kLong));
  pair_rows_ = at::Tensor();
  started_ = false;
  fresh_ = false;
}

// Fills columns_ and norms_ in one pass over the features.
template <typename T>
void NewtonDirection::centre_features() {
  const double* x = objective_.features().const_data_ptr<double>();
  const double* const mean = mean_.const_data_ptr<double>();
  const double* const weight = objective_.row_weights().const_data_ptr<double>();
  const bool ones = objective_.fit_intercept();
  const double shrink = 1.0 / scale_;
  T* out = columns_.mutable_data_ptr<T>();
  for (int64_t i = 0; i < row_count_; ++i, x += feature_count_, out += column_count_) {
    for (int64_t j = 0; j < feature_count_; ++j) out[j] = static_cast<T>((x[j] - mean[j]) * shrink);
    T norm = ones ? T{1} : T{0};
    for (int64_t j = 0; j < feature_count_; ++j) norm += out[j] * out[j];
    if (ones) out[feature_count_] = T{1};
    norms_[i] = static_cast<double>(norm) * weight[i];
  }
}

bool NewtonDirection::raise_precision() {
  if (scalar_ == at::kDouble) return false;
  scalar_ = at::kDouble;
  level_ = Level::kDiagonal;
  copy_features();
  refresh();
  return true;
}

void NewtonDirection::refresh() {
  if (scalar_ == at::kFloat) {
    gather_active<float>();
  } else {
    gather_active<double>();
  }
  fresh_ = false;
}

template <typename T>
void NewtonDirection::gather_active() {
  const int64_t n = row_count_, outputs = output_count_;
  const double* const p = objective_.probabilities().const_data_ptr<double>();
  const double* const s = objective_.row_weights().const_data_ptr<double>();

  // A row is active while its second likeliest class still pulls.
  active_.clear();
  pair_count_ = 0;
  intercept_curvature_.assign(outputs, 0.0);
  for (int64_t i = 0; i < n; ++i) {
    double open = 0.0;
    int64_t strong = 0;
    if (outputs == 1) {
      open = p[i] * (1.0 - p[i]);
    } else {
      double top = 0.0;
      const double cut = curvature_min_ / norms_[i];
      for (int64_t k = 0; k < outputs; ++k) {
        const double q = p[k * n + i];
        top = std::max(top, q);
        strong += q > cut;
      }
      open = 1.0 - top;
    }
    if (!(open * norms_[i] > curvature_min_)) {
      for (int64_t k = 0; k < outputs; ++k) intercept_curvature_[k] += s[i] * p[k * n + i] * (1.0 - p[k * n + i]);
      continue;
    }
    active_.push_back(i);
    pair_count_ += strong * (strong - 1) / 2;
  }
  if (active_.size() * 10 > static_cast<size_t>(n) * 8) {
    active_.resize(n);
    for (int64_t i = 0; i < n; ++i) active_[i] = i;
    active_columns_ = columns_;
    intercept_curvature_.assign(outputs, 0.0);
  } else {
    const at::Tensor rows = at::from_blob(active_.data(), {static_cast<int64_t>(active_.size())}, at::kLong);
    active_columns_ = at::index_select(columns_, 0, rows);
  }

  // What the rows left out still hold of an intercept, which no penalty holds.
  intercept_rest_ = at::empty({outputs, 1}, columns_.options());
  for (int64_t k = 0; k < outputs; ++k) intercept_rest_.mutable_data_ptr<T>()[k] = static_cast<T>(intercept_curvature_[k]);

  const int64_t m = static_cast<int64_t>(active_.size());
  T* const probability = probabilities_.mutable_data_ptr<T>();
  T* const weighted = weighted_.mutable_data_ptr<T>();
  T* const curvature = row_curvature_.mutable_data_ptr<T>();
  int64_t* const top = top_.mutable_data_ptr<int64_t>();
  active_norms_.resize(m);
  for (int64_t r = 0; r < m; ++r) {
    const int64_t i = active_[r];
    active_norms_[r] = norms_[i];
    if (outputs == 1) {
      probability[r] = static_cast<T>(p[i]);
      weighted[r] = curvature[r] = static_cast<T>(s[i] * p[i] * (1.0 - p[i]));
      intercept_curvature_[0] += s[i] * p[i] * (1.0 - p[i]);
      continue;
    }
    double sum = 0.0, best = -1.0;
    for (int64_t k = 0; k < outputs; ++k) {
      const double q = p[k * n + i];
      if (q > best) best = q, top[r] = k;
      sum += q * (1.0 - q);
      intercept_curvature_[k] += s[i] * q * (1.0 - q);
      probability[k * m + r] = static_cast<T>(q);
      weighted[k * m + r] = static_cast<T>(s[i] * q);
    }
    curvature[r] = static_cast<T>(s[i] * sum / static_cast<double>(outputs - 1));
  }
}

// out = H v. In a row, with u = v x, the softmax curvature is p_k (u_k - sum p u). Taking u relative to the
// likeliest class first keeps the small terms exact when one class has nearly all the mass.
void NewtonDirection::multiply(const at::Tensor& v, at::Tensor& out) {
  const int64_t m = static_cast<int64_t>(active_.size());
  at::Tensor u = head(product_, output_count_, m);
  at::mm_out(u, v, active_columns_.t());
  if (output_count_ == 1) {
    u.mul_(head(weighted_, 1, m));
  } else {
    at::Tensor w = head(work_, output_count_, m);
    at::Tensor row = head(row_, 1, m);
    at::gather_out(row, u, 0, head(top_, 1, m));
    u.sub_(row);
    at::mul_out(w, u, head(probabilities_, output_count_, m));
    at::sum_out(row, w, 0, /*keepdim=*/true);
    u.sub_(row).mul_(head(weighted_, output_count_, m));
  }
  at::mm_out(out, u, active_columns_);
  if (penalty_ > 0.0) out.narrow(1, 0, feature_count_).add_(v.narrow(1, 0, feature_count_), penalty_);
  if (objective_.fit_intercept()) {
    out.narrow(1, feature_count_, 1).addcmul_(v.narrow(1, feature_count_, 1), intercept_rest_);
  }
  ++products_;
}

void NewtonDirection::precondition(const at::Tensor& r, at::Tensor& z) {
  switch (level_) {
    case Level::kDiagonal:
      z.copy_(r);
      z.div_(diagonal_);
      return;
    case Level::kShared:
      at::mm_out(z, r, shared_);
      return;
    case Level::kFull: {
      // Solved in the gauge where the last class is zero, then moved back to zero sum over classes.
      const int64_t size = (output_count_ - 1) * column_count_;
      const at::Tensor rhs = r.narrow(0, 0, output_count_ - 1).reshape({size, 1});
      const at::Tensor half = at::linalg_solve_triangular(full_, rhs, /*upper=*/false);
      const at::Tensor whole = at::linalg_solve_triangular(full_.t(), half, /*upper=*/true);
      z.narrow(0, 0, output_count_ - 1).copy_(whole.view({output_count_ - 1, column_count_}));
      z.narrow(0, output_count_ - 1, 1).zero_();
      z.sub_(z.mean(0, /*keepdim=*/true));
      return;
    }
  }
}

double NewtonDirection::price_of_product() const {
  const double m = static_cast<double>(active_.size()), outputs = static_cast<double>(output_count_);
  const double columns = static_cast<double>(column_count_), size = (outputs - 1) * columns;
  double price = 4.0 * outputs * columns * m + 30.0 * outputs * m + 14.0 * kCallPrice;
  if (level_ == Level::kFull) price += 4.0 * size * size + 5.0 * kCallPrice;
  return price;
}

double NewtonDirection::price_of(Level level) const {
  const double m = static_cast<double>(active_.size()), outputs = static_cast<double>(output_count_);
  const double columns = static_cast<double>(column_count_), size = (outputs - 1) * columns;
  switch (level) {
    case Level::kDiagonal:
      return 0.0;
    case Level::kShared:
      return 1.5 * m * columns * columns + 2.0 * columns * columns * columns + 10.0 * kCallPrice;
    case Level::kFull:
      break;
  }
  const double pairs = outputs * (outputs - 1) / 2;
  return 1.5 * static_cast<double>(pair_count_) * columns * columns + 0.5 * size * size * size +
         pairs * (2.0 * kCallPrice + 3.0 * m + 8.0 * columns * columns) + 4.0 * size * size;
}

bool NewtonDirection::available(Level level) const {
  if (level == Level::kShared) return column_count_ <= kSharedSizeMax;
  if (level == Level::kFull) return output_count_ > 1 && (output_count_ - 1) * column_count_ <= kFullSizeMax;
  return true;
}

// Starts on the shared rung where that is cheap. Rebuilds the current rung for the new snapshot if that costs
// little more than a product, else goes on with the old one.
void NewtonDirection::choose_level() {
  const double product = price_of_product();
  if (level_ == Level::kDiagonal && available(Level::kShared) && price_of(Level::kShared) < 8.0 * product) {
    level_ = Level::kShared;
    started_ = false;
  }
  if (!started_ || price_of(level_) <= 2.0 * product) build(level_);
}

// After `spent` without success: a fresh build of this rung, or the next rung. False if neither is worth it yet.
bool NewtonDirection::improve(double spent) {
  const Level next = !fresh_ || level_ == Level::kFull ? level_
                     : level_ == Level::kDiagonal      ? Level::kShared
                                                       : Level::kFull;
  if (next == level_ && fresh_) return false;
  if (!available(next) || spent < price_of(next)) return false;
  build(next);
  return true;
}

void NewtonDirection::build(Level level) {
  level_ = level;
  switch (level) {
    case Level::kDiagonal:
      build_diagonal();
      break;
    case Level::kShared:
      build_shared();
      break;
    case Level::kFull:
      build_full();
      break;
  }
  fresh_ = true;
  started_ = true;
}

void NewtonDirection::build_diagonal() {
  const int64_t m = static_cast<int64_t>(active_.size());
  diagonal_ = at::mm(head(row_curvature_, 1, m), active_columns_.mul(active_columns_));
  if (penalty_ > 0.0) diagonal_.narrow(1, 0, feature_count_).add_(penalty_);
  if (objective_.fit_intercept()) diagonal_.narrow(1, feature_count_, 1).add_(intercept_rest_.mean());
  const double top = diagonal_.max().item<double>();
  diagonal_.masked_fill_(diagonal_.le(kEmptyShare * top), top > 0.0 ? top : 1.0);
}

// Factors `matrix` [size, size], lower triangle, after raising its diagonal by as little as the precision demands.
//
// The raise is relative to each entry, so that features of any unit fare alike. Notes whether a pivot came so close
// to it that directions may have drowned in rounding.
at::Tensor NewtonDirection::factor(at::Tensor& matrix) {
  double raise = scalar_ == at::kFloat ? kRaiseFloat : kRaiseDouble;
  at::Tensor diagonal = matrix.diagonal();
  // A column that is empty up to rounding, without penalty: a large pivot keeps its weight where it is.
  const double top = diagonal.max().item<double>();
  diagonal.masked_fill_(diagonal.le(kEmptyShare * top), top > 0.0 ? top : 1.0);
  for (int attempt = 0; attempt < 8; ++attempt, raise *= 30.0) {
    diagonal.mul_(1.0 + raise);
    const auto [lower, info] = at::linalg_cholesky_ex(matrix);
    if (info.item<int>() != 0) continue;
    const at::Tensor pivots = lower.diagonal();
    trusted_ = scalar_ == at::kDouble || pivots.mul(pivots).div_(diagonal).min().item<double>() > kPivotTrusted;
    return lower;
  }
  return {};
}

// The Hessian if every class had the same curvature in a row: one [D, D] block for all classes.
void NewtonDirection::build_shared() {
  const int64_t m = static_cast<int64_t>(active_.size());
  const at::Tensor scaled = active_columns_.mul(head(row_curvature_, m, 1).sqrt());
  at::Tensor gram = at::mm(scaled.t(), scaled).to(at::kDouble);
  if (penalty_ > 0.0) gram.diagonal().narrow(0, 0, feature_count_).add_(penalty_);
  if (objective_.fit_intercept()) gram.diagonal().narrow(0, feature_count_, 1).add_(intercept_rest_.mean().to(at::kDouble));
  const at::Tensor lower = factor(gram);
  if (lower.defined()) {
    shared_ = at::cholesky_inverse(lower).to(scalar_);
  } else {
    // Not finite: leave it to the line search to find that out.
    shared_ = at::zeros_like(gram, columns_.options());
    shared_.fill_diagonal_(1.0);
  }
}

void NewtonDirection::build_full() {
  const int64_t size = (output_count_ - 1) * column_count_;
  at::Tensor hessian = at::zeros({size, size}, columns_.options());
  if (scalar_ == at::kFloat) {
    sum_full<float>(hessian);
  } else {
    sum_full<double>(hessian);
  }
  const at::Tensor lower = factor(hessian);
  ++factorizations_;
  if (lower.defined()) {
    full_ = lower;
  } else {
    build(Level::kShared);
  }
}

// Copies sqrt(s p_k p_l) x of the rows that tie classes k and l together to the head of pair_rows_.
template <typename T>
int64_t NewtonDirection::gather_pair(int64_t k, int64_t l) {
  const int64_t m = static_cast<int64_t>(active_.size()), columns = column_count_;
  const T* const pk = probabilities_.const_data_ptr<T>() + k * m;
  const T* const pl = probabilities_.const_data_ptr<T>() + l * m;
  const T* const wk = weighted_.const_data_ptr<T>() + k * m;
  const T* const x = active_columns_.const_data_ptr<T>();
  T* out = pair_rows_.mutable_data_ptr<T>();
  int64_t count = 0;
  for (int64_t r = 0; r < m; ++r) {
    if (!(pk[r] * pl[r] * active_norms_[r] > curvature_min_)) continue;
    const T weight = std::sqrt(wk[r] * pl[r]);
    for (int64_t j = 0; j < columns; ++j) out[j] = weight * x[r * columns + j];
    out += columns;
    ++count;
  }
  return count;
}

// The lower triangle of the Hessian in the gauge where the last class is zero.
//
// diag(p) - p p' = sum over k < l of p_k p_l (e_k - e_l)(e_k - e_l)', the Laplacian of a graph over classes: one
// Gram matrix for each class pair, over only the rows where that pair matters, gives all the blocks.
template <typename T>
void NewtonDirection::sum_full(at::Tensor& hessian) {
  const int64_t m = static_cast<int64_t>(active_.size()), columns = column_count_, blocks = output_count_ - 1;
  const int64_t size = blocks * columns;
  if (!pair_rows_.defined() || pair_rows_.numel() < m * columns) pair_rows_ = at::empty({m * columns}, columns_.options());
  at::Tensor gram = at::empty({columns, columns}, columns_.options());
  T* const h = hessian.mutable_data_ptr<T>();
  const auto add = [&](int64_t row_block, int64_t column_block, T sign) {
    const T* g = gram.const_data_ptr<T>();
    for (int64_t j = 0; j < columns; ++j, g += columns) {
      T* const out = h + (row_block * columns + j) * size + column_block * columns;
      for (int64_t c = 0; c < columns; ++c) out[c] += sign * g[c];
    }
  };
  for (int64_t l = 1; l <= blocks; ++l) {
    for (int64_t k = 0; k < l; ++k) {
      const int64_t count = gather_pair<T>(k, l);
      if (count == 0) continue;
      const at::Tensor rows = head(pair_rows_, count, columns);
      at::mm_out(gram, rows.t(), rows);
      add(k, k, T{1});
      if (l == blocks) continue;
      add(l, l, T{1});
      add(l, k, T{-1});
    }
  }
  if (objective_.fit_intercept()) {
    for (int64_t k = 0; k < blocks; ++k) {
      T& pivot = h[(k * columns + feature_count_) * (size + 1)];
      pivot = std::max(pivot, static_cast<T>(intercept_curvature_[k]));
    }
  }
  // Moving to that gauge turns the penalty |W|^2 into W'(I - 11'/K)W.
  if (penalty_ == 0.0) return;
  for (int64_t l = 0; l < blocks; ++l) {
    for (int64_t k = 0; k <= l; ++k) {
      const T value = static_cast<T>(penalty_ * ((k == l ? 1.0 : 0.0) - 1.0 / static_cast<double>(output_count_)));
      for (int64_t j = 0; j < feature_count_; ++j) h[(l * columns + j) * size + k * columns + j] += value;
    }
  }
}

DirectionResult NewtonDirection::solve(const LogisticPoint& gradient, const DirectionRequest& request,
                                       LogisticPoint& step) {
  choose_level();

  // The right-hand side, in the centred and scaled coordinates.
  at::Tensor rhs = at::empty({output_count_, column_count_}, columns_.options());
  at::Tensor centred = gradient.weights;
  if (objective_.fit_intercept()) {
    centred = at::sub(centred, at::mm(gradient.intercept, mean_));
    rhs.narrow(1, feature_count_, 1).copy_(gradient.intercept.neg());
  }
  rhs.narrow(1, 0, feature_count_).copy_(centred.div(-scale_));

  at::Tensor x = at::zeros_like(rhs), r = rhs.clone(), z = at::empty_like(rhs), hq = at::empty_like(rhs);
  precondition(r, z);
  at::Tensor q = z.clone();
  double rz = inner(r, z), target = request.forcing * request.forcing * rz, spent = 0.0;
  DirectionResult result;

  for (int64_t product = 0; product < kProductMax; ++product) {
    if (request.stop.stop_requested()) break;
    multiply(q, hq);
    const double curvature = inner(q, hq);
    if (!(curvature > 0.0) || !std::isfinite(curvature)) break;
    const double length = rz / curvature;
    x.add_(q, length);
    r.sub_(hq, length);
    precondition(r, z);
    const double next = inner(r, z);
    if (!(next > target) || 0.5 * next <= request.energy_floor) {
      result.solved = std::isfinite(next);
      break;
    }
    spent += price_of_product();
    if (improve(spent)) {
      // A new preconditioner is a new norm: measure the target in it and start the search directions again.
      spent = 0.0;
      precondition(rhs, z);
      target = request.forcing * request.forcing * inner(rhs, z);
      precondition(r, z);
      rz = inner(r, z);
      q.copy_(z);
      continue;
    }
    q.mul_(next / rz).add_(z);
    rz = next;
  }
  result.decrease = 0.5 * inner(rhs, x);

  const at::Tensor solution = x.to(at::kDouble);
  step.weights.copy_(solution.narrow(1, 0, feature_count_)).div_(scale_);
  if (objective_.fit_intercept()) {
    step.intercept.copy_(solution.narrow(1, feature_count_, 1)).sub_(step.weights.mul(mean_).sum(1, /*keepdim=*/true));
  }
  return result;
}

}  // namespace headrace::learn::detail
