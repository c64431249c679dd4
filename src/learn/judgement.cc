// SPDX-License-Identifier: Apache-2.0
#include "learn/judgement.h"

#include <algorithm>
#include <cmath>

#include "learn/categorical.h"
#include "learn/metric.h"

namespace headrace::learn {
namespace {

template <class T>
std::span<const T> span_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  return {tensor.const_data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

std::vector<std::int64_t> places(const std::vector<std::string>& names, const std::vector<std::string>& among) {
  std::vector<std::int64_t> out;
  for (const std::string& name : names) out.push_back(std::find(among.begin(), among.end(), name) - among.begin());
  return out;
}

// Columns of row-major [n, K] moved to where their classes lie among `width` columns; others hold `filler`.
std::vector<double> spread(const at::Tensor& matrix, const std::vector<std::int64_t>& place, std::size_t width, double filler) {
  const std::span<const double> values = span_of<double>(matrix);
  const std::size_t classes = place.size(), rows = values.size() / classes;
  std::vector<double> out(rows * width, filler);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < classes; ++k) out[row * width + static_cast<std::size_t>(place[k])] = values[row * classes + k];
  }
  return out;
}

Result<data::Metrics> judge_classes(const Labels& labels, const Decision& decision, std::span<const std::string> metrics) {
  ClassJudgement judgement;
  const at::Tensor truth = labels.codes.contiguous(), codes = decision.codes.contiguous();
  const at::Tensor probabilities = decision.probabilities.defined() ? decision.probabilities.contiguous() : at::Tensor();
  const at::Tensor decisions = decision.decisions.defined() ? decision.decisions.contiguous() : at::Tensor();
  judgement.classes = decision.classes;
  for (const std::string& name : labels.classes) {
    if (std::find(judgement.classes.begin(), judgement.classes.end(), name) == judgement.classes.end()) judgement.classes.push_back(name);
  }

  // The model knows every class of the truth: nothing but the truth's codes may have to move.
  const bool complete = judgement.classes.size() == decision.classes.size();
  if (!complete) std::sort(judgement.classes.begin(), judgement.classes.end(), class_less);
  const auto truth_place = places(labels.classes, judgement.classes);
  const auto code_place = places(decision.classes, judgement.classes);
  const auto move = [](std::span<const std::int64_t> from, const std::vector<std::int64_t>& place) {
    std::vector<std::int64_t> out(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) out[i] = place[static_cast<std::size_t>(from[i])];
    return out;
  };
  const std::vector<std::int64_t> truths = move(span_of<std::int64_t>(truth), truth_place);
  const std::vector<std::int64_t> predicted = move(span_of<std::int64_t>(codes), code_place);
  judgement.truth = truths;
  judgement.predicted = predicted;
  judgement.probabilities = span_of<double>(probabilities);
  judgement.decisions = span_of<double>(decisions);
  std::vector<double> wider_probabilities, wider_decisions;
  if (!complete && probabilities.defined()) {
    wider_probabilities = spread(probabilities, code_place, judgement.classes.size(), 0.0);
    judgement.probabilities = wider_probabilities;
  }
  if (!complete && decisions.defined()) {
    if (decisions.dim() == 2) wider_decisions = spread(decisions, code_place, judgement.classes.size(), -HUGE_VAL);
    judgement.decisions = wider_decisions;
  }
  return class_metrics(metrics, judgement);
}

}  // namespace

Result<data::Metrics> judge_against(const data::Table& table, const Decision& decision, std::span<const std::string> metrics) {
  if (decision.classifies()) {
    HEADRACE_ASSIGN(const Labels labels, labels_of(table));
    return judge_classes(labels, decision, metrics);
  }
  HEADRACE_ASSIGN(const at::Tensor targets, targets_of(table));
  const at::Tensor values = decision.values.contiguous();
  return value_metrics(metrics, {.truth = span_of<double>(targets), .predicted = span_of<double>(values)});
}

Result<data::Metrics> judge_predictions(const data::Table& predictions, std::span<const std::string> metrics) {
  HEADRACE_ASSIGN(const Decision decision, decision_of(predictions));
  return judge_against(predictions, decision, metrics);
}

}  // namespace headrace::learn
