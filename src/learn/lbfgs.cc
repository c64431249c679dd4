// SPDX-License-Identifier: Apache-2.0
#include "learn/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "learn/line_search.h"

namespace headrace::learn::detail {

// Each step goes along -H g, where H is the inverse Hessian that the last few (step, gradient change) pairs imply; it is never formed:
// two loops over the pairs apply it (Nocedal 1980). A pair without positive curvature is left out. The first step has length at most 1.
// When the line search finds nothing, the pairs are forgotten and steepest descent gets one try before giving up.
namespace {

using Vector = std::vector<double>;
constexpr int kTrialsMax = 20;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest_entry(std::span<const double> values) {
  double largest = 0.0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

struct Pair {
  Vector step, change;
  double curvature = 0.0;  // step . change
};

class Memory {
 public:
  explicit Memory(int capacity) : capacity_(static_cast<std::size_t>(std::max(1, capacity))) {}

  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

  void add(Pair pair) {
    const double change_norm = dot(pair.change, pair.change);
    pair.curvature = dot(pair.step, pair.change);
    if (!(pair.curvature > 2.2e-16 * std::max(change_norm, 1e-300))) return;
    scale_ = pair.curvature / change_norm;
    if (pairs_.size() == capacity_) pairs_.erase(pairs_.begin());
    pairs_.push_back(std::move(pair));
  }

  // out = -H gradient.
  void direction(std::span<const double> gradient, std::span<double> out) const {
    std::copy(gradient.begin(), gradient.end(), out.begin());
    Vector shares(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      shares[k] = dot(pairs_[k].step, out) / pairs_[k].curvature;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] -= shares[k] * pairs_[k].change[i];
    }
    const double scale = pairs_.empty() ? 1.0 : scale_;
    for (double& value : out) value *= scale;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double share = shares[k] - dot(pairs_[k].change, out) / pairs_[k].curvature;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += share * pairs_[k].step[i];
    }
    for (double& value : out) value = -value;
  }

 private:
  std::size_t capacity_;
  std::vector<Pair> pairs_;
  double scale_ = 1.0;
};

}  // namespace

LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::span<double> point, const LbfgsOptions& options) {
  const std::size_t n = point.size();
  LbfgsResult result;
  Vector gradient(n), direction(n), trial(n), trial_gradient(n);
  result.value = function(point, gradient);
  result.evaluations = 1;
  const auto ended = [&result](LbfgsEnd end) {
    result.end = end;
    return result;
  };
  if (!std::isfinite(result.value)) return ended(LbfgsEnd::kNotFinite);
  if (largest_entry(gradient) <= options.gradient_tolerance) return ended(LbfgsEnd::kGradient);

  Memory memory(options.memory);
  while (result.iterations < options.iteration_max) {
    memory.direction(gradient, direction);
    const double slope = dot(direction, gradient);
    if (!(slope < 0.0)) {
      if (memory.empty()) return ended(LbfgsEnd::kLineSearch);
      memory.clear();
      continue;
    }

    // One line search; `trial` ends as the new point.
    LineSearch search(result.value, slope, result.iterations == 0 ? std::min(1.0, 1.0 / std::sqrt(dot(direction, direction))) : 1.0);
    double trial_value = result.value;
    LineSearch::Verdict verdict = LineSearch::Verdict::kAgain;
    for (int tried = 0; verdict == LineSearch::Verdict::kAgain && tried < kTrialsMax; ++tried) {
      if (options.stop.stop_requested()) return ended(LbfgsEnd::kStopped);
      if (result.evaluations >= options.evaluation_max) return ended(LbfgsEnd::kEvaluations);
      for (std::size_t i = 0; i < n; ++i) trial[i] = point[i] + search.step() * direction[i];
      trial_value = function(trial, trial_gradient);
      ++result.evaluations;
      if (!std::isfinite(trial_value)) break;
      verdict = search.next(trial_value, dot(trial_gradient, direction));
    }
    const bool found = verdict == LineSearch::Verdict::kAccepted ||
                       (verdict == LineSearch::Verdict::kStuck && trial_value < result.value);
    if (!found) {
      if (memory.empty()) return ended(std::isfinite(trial_value) ? LbfgsEnd::kLineSearch : LbfgsEnd::kNotFinite);
      memory.clear();
      continue;
    }

    // Accept: from here on point, gradient and value are the new ones.
    Pair pair{Vector(n), Vector(n)};
    for (std::size_t i = 0; i < n; ++i) {
      pair.step[i] = trial[i] - point[i];
      pair.change[i] = trial_gradient[i] - gradient[i];
    }
    const double gain = result.value - trial_value;
    const double scale = std::max({std::abs(result.value), std::abs(trial_value), 1.0});
    std::copy(trial.begin(), trial.end(), point.begin());
    gradient.swap(trial_gradient);
    result.value = trial_value;
    ++result.iterations;
    if (options.on_step) options.on_step(result.iterations);
    if (largest_entry(gradient) <= options.gradient_tolerance) return ended(LbfgsEnd::kGradient);
    if (gain <= options.value_tolerance * scale) return ended(LbfgsEnd::kValue);
    memory.add(std::move(pair));
  }
  return ended(LbfgsEnd::kIterations);
}

}  // namespace headrace::learn::detail
