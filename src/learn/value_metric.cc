// SPDX-License-Identifier: Apache-2.0
// Metrics of regression.
#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "learn/metric.h"

namespace headrace::learn {
namespace {

double mean_of(std::size_t rows, auto value) {
  double sum = 0;
  for (std::size_t row = 0; row < rows; ++row) sum += value(row);
  return sum / static_cast<double>(rows);
}

// 1 - left / whole. A constant truth has nothing to explain: 1 when hit exactly, else 0, as scikit-learn's force_finite.
double explained(double left, double whole) {
  if (whole == 0) return left == 0 ? 1.0 : 0.0;
  return 1 - left / whole;
}

Status needs_two(const ValueJudgement& judgement, std::string_view name) {
  if (judgement.truth.size() >= 2) return {};
  return Error(Code::kUnsupported, cat("metric ", name, " needs two rows or more, the test rows are: ", judgement.truth.size()),
               "use larger folds, or mae");
}

double mean_squared(const ValueJudgement& judgement) {
  return mean_of(judgement.truth.size(), [&](std::size_t row) {
    const double error = judgement.truth[row] - judgement.predicted[row];
    return error * error;
  });
}

// Mean squared distance of the truth from its mean.
double truth_variance(const ValueJudgement& judgement) {
  const double mean = mean_of(judgement.truth.size(), [&](std::size_t row) { return judgement.truth[row]; });
  return mean_of(judgement.truth.size(), [&](std::size_t row) { return (judgement.truth[row] - mean) * (judgement.truth[row] - mean); });
}

Result<double> r2(const ValueJudgement& judgement) {
  HEADRACE_TRY(needs_two(judgement, "r2"));
  return explained(mean_squared(judgement), truth_variance(judgement));
}

Result<double> mae(const ValueJudgement& judgement) {
  return mean_of(judgement.truth.size(), [&](std::size_t row) { return std::abs(judgement.truth[row] - judgement.predicted[row]); });
}

Result<double> mse(const ValueJudgement& judgement) { return mean_squared(judgement); }

Result<double> rmse(const ValueJudgement& judgement) { return std::sqrt(mean_squared(judgement)); }

Result<double> median_absolute_error(const ValueJudgement& judgement) {
  std::vector<double> errors(judgement.truth.size());
  for (std::size_t row = 0; row < errors.size(); ++row) errors[row] = std::abs(judgement.truth[row] - judgement.predicted[row]);
  std::sort(errors.begin(), errors.end());
  const std::size_t middle = errors.size() / 2;
  return errors.size() % 2 == 1 ? errors[middle] : (errors[middle - 1] + errors[middle]) / 2;
}

Result<double> explained_variance(const ValueJudgement& judgement) {
  HEADRACE_TRY(needs_two(judgement, "explained_variance"));
  const std::size_t rows = judgement.truth.size();
  const auto error = [&](std::size_t row) { return judgement.truth[row] - judgement.predicted[row]; };
  const double bias = mean_of(rows, error);
  return explained(mean_of(rows, [&](std::size_t row) { return (error(row) - bias) * (error(row) - bias); }), truth_variance(judgement));
}

constexpr detail::ValueMetric kTable[] = {
    {"r2", "share of the variance explained; a constant prediction of the mean gives 0", true, r2},
    {"mae", "mean absolute error, in the target's unit", false, mae},
    {"mse", "mean squared error, in the target's unit squared", false, mse},
    {"rmse", "root of the mean squared error, in the target's unit", false, rmse},
    {"median_absolute_error", "median absolute error, in the target's unit", false, median_absolute_error},
    {"explained_variance", "share of the variance explained once the mean error is taken off", true, explained_variance},
};

}  // namespace

std::span<const detail::ValueMetric> detail::value_metric_table() { return kTable; }

}  // namespace headrace::learn
