// SPDX-License-Identifier: Apache-2.0
// Metrics that need more than the predicted class: an order of the rows, or probabilities.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "headrace/base/text.h"
#include "learn/metric.h"

namespace headrace::learn::detail {
namespace {

// P(score of a positive > score of a negative) + half the ties, by ranks (Mann-Whitney). Nothing without both sides.
std::optional<double> area(const std::vector<double>& scores, std::span<const std::int64_t> truth, std::int64_t positive) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double positives = 0, negatives = 0, wins = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied_positives = 0, tied_negatives = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      (truth[order[end]] == positive ? tied_positives : tied_negatives) += 1;
    }
    wins += tied_positives * (negatives + tied_negatives / 2);
    positives += tied_positives;
    negatives += tied_negatives;
    begin = end;
  }
  if (positives == 0 || negatives == 0) return std::nullopt;
  return wins / (positives * negatives);
}

// Column `index` of row-major [n, K].
std::vector<double> column(std::span<const double> matrix, std::size_t classes, std::size_t index) {
  std::vector<double> values(matrix.size() / classes);
  for (std::size_t row = 0; row < values.size(); ++row) values[row] = matrix[row * classes + index];
  return values;
}

Error lacks_class(const std::string& name) {
  return Error(Code::kUnsupported, cat("metric roc_auc needs rows of every class and of the others, there are none of: ", name),
               "use stratified folds");
}

}  // namespace

Result<double> roc_auc(const ClassJudgement& judgement) {
  const std::size_t classes = judgement.classes.size(), rows = judgement.truth.size();
  if (classes == 2) {
    std::vector<double> scores;
    if (judgement.decisions.size() == rows) {
      scores.assign(judgement.decisions.begin(), judgement.decisions.end());
    } else if (judgement.probabilities.size() == rows * 2) {
      scores = column(judgement.probabilities, 2, 1);
    } else {
      return Error(Code::kUnsupported, "metric roc_auc needs probabilities or decision values, this predictor has neither");
    }
    const auto found = area(scores, judgement.truth, 1);
    if (!found) return lacks_class(judgement.classes[judgement.truth.empty() || judgement.truth[0] == 0 ? 1 : 0]);
    return *found;
  }
  const std::span<const double> matrix = judgement.probabilities.empty() ? judgement.decisions : judgement.probabilities;
  if (classes < 2 || matrix.size() != rows * classes) {
    return Error(Code::kUnsupported, "metric roc_auc needs probabilities or decision values, this predictor has neither");
  }
  double sum = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    const auto found = area(column(matrix, classes, k), judgement.truth, static_cast<std::int64_t>(k));
    if (!found) return lacks_class(judgement.classes[k]);
    sum += *found;
  }
  return sum / static_cast<double>(classes);
}

Result<double> log_loss(const ClassJudgement& judgement) {
  const std::size_t classes = judgement.classes.size(), rows = judgement.truth.size();
  if (judgement.probabilities.size() != rows * classes) {
    return Error(Code::kUnsupported, "metric log_loss needs probabilities, this predictor has none");
  }
  constexpr double kFloor = std::numeric_limits<double>::epsilon();
  double sum = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const double probability = judgement.probabilities[row * classes + static_cast<std::size_t>(judgement.truth[row])];
    sum -= std::log(std::clamp(probability, kFloor, 1 - kFloor));
  }
  return sum / static_cast<double>(rows);
}

}  // namespace headrace::learn::detail
