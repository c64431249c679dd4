// SPDX-License-Identifier: Apache-2.0
// Metrics that need only the confusion counts.
#include <cmath>

#include "headrace/base/text.h"
#include "learn/metric.h"

namespace headrace::learn {
namespace {

// True and false positives and false negatives of one class.
struct Counts {
  double hit = 0, false_alarm = 0, miss = 0;

  bool seen() const { return hit + false_alarm + miss > 0; }
  double support() const { return hit + miss; }
  // 0 where nothing can be said, as scikit-learn's zero_division default.
  double precision() const { return hit + false_alarm > 0 ? hit / (hit + false_alarm) : 0.0; }
  double recall() const { return hit + miss > 0 ? hit / (hit + miss) : 0.0; }
  double f1() const { return seen() ? 2 * hit / (2 * hit + false_alarm + miss) : 0.0; }
};

// Counts by class, in one pass over the rows.
std::vector<Counts> count(const ClassJudgement& judgement) {
  std::vector<Counts> counts(judgement.classes.size());
  for (std::size_t row = 0; row < judgement.truth.size(); ++row) {
    const auto truth = static_cast<std::size_t>(judgement.truth[row]);
    const auto predicted = static_cast<std::size_t>(judgement.predicted[row]);
    if (truth == predicted) {
      counts[truth].hit += 1;
    } else {
      counts[truth].miss += 1;
      counts[predicted].false_alarm += 1;
    }
  }
  return counts;
}

// Mean over the classes that occur in truth or prediction.
double macro(const ClassJudgement& judgement, double (Counts::*value)() const) {
  double sum = 0, classes = 0;
  for (const Counts& counts : count(judgement)) {
    if (!counts.seen()) continue;
    sum += (counts.*value)();
    classes += 1;
  }
  return sum / classes;
}

double weighted(const ClassJudgement& judgement, double (Counts::*value)() const) {
  double sum = 0;
  for (const Counts& counts : count(judgement)) sum += counts.support() * (counts.*value)();
  return sum / static_cast<double>(judgement.rows());
}

// The value of the second of two classes.
Result<double> binary(const ClassJudgement& judgement, double (Counts::*value)() const, std::string_view name) {
  if (judgement.classes.size() != 2) {
    return Error(Code::kUnsupported, cat("metric ", name, " judges two classes, the target has: ", judgement.classes.size()),
                 cat("use ", name, "_macro"));
  }
  return (count(judgement)[1].*value)();
}

Result<double> accuracy(const ClassJudgement& judgement) {
  double hits = 0;
  for (const Counts& counts : count(judgement)) hits += counts.hit;
  return hits / static_cast<double>(judgement.rows());
}

// Mean recall over the classes of the truth.
Result<double> balanced_accuracy(const ClassJudgement& judgement) {
  double sum = 0, classes = 0;
  for (const Counts& counts : count(judgement)) {
    if (counts.support() == 0) continue;
    sum += counts.recall();
    classes += 1;
  }
  return sum / classes;
}

// Matthews correlation in its form for K classes. Source: Gorodkin 2004, "Comparing two K-category assignments".
Result<double> mcc(const ClassJudgement& judgement) {
  const double n = static_cast<double>(judgement.rows());
  double hits = 0, cross = 0, truth_squares = 0, predicted_squares = 0;
  for (const Counts& counts : count(judgement)) {
    const double truth = counts.support(), predicted = counts.hit + counts.false_alarm;
    hits += counts.hit;
    cross += truth * predicted;
    truth_squares += truth * truth;
    predicted_squares += predicted * predicted;
  }
  const double scale = (n * n - predicted_squares) * (n * n - truth_squares);
  return scale == 0 ? 0.0 : (hits * n - cross) / std::sqrt(scale);
}

constexpr detail::ClassMetric kTable[] = {
    {"accuracy", "share of rows predicted right", true, accuracy},
    {"balanced_accuracy", "mean recall over the classes of the truth", true, balanced_accuracy},
    {"f1", "harmonic mean of precision and recall of the second of two classes", true,
     [](const ClassJudgement& judgement) { return binary(judgement, &Counts::f1, "f1"); }},
    {"f1_macro", "mean over classes of F1", true,
     [](const ClassJudgement& judgement) -> Result<double> { return macro(judgement, &Counts::f1); }},
    {"f1_micro", "F1 of the counts summed over classes; the accuracy when every row has one class", true, accuracy},
    {"f1_weighted", "mean over classes of F1, weighted by rows", true,
     [](const ClassJudgement& judgement) -> Result<double> { return weighted(judgement, &Counts::f1); }},
    {"precision", "share of rows predicted as the second of two classes that are of it", true,
     [](const ClassJudgement& judgement) { return binary(judgement, &Counts::precision, "precision"); }},
    {"precision_macro", "mean over classes of the precision", true,
     [](const ClassJudgement& judgement) -> Result<double> { return macro(judgement, &Counts::precision); }},
    {"recall", "share of rows of the second of two classes that are predicted so", true,
     [](const ClassJudgement& judgement) { return binary(judgement, &Counts::recall, "recall"); }},
    {"recall_macro", "mean over classes of the recall", true,
     [](const ClassJudgement& judgement) -> Result<double> { return macro(judgement, &Counts::recall); }},
    {"roc_auc", "area under the ROC curve; for more than two classes the mean of each against the rest", true, detail::roc_auc},
    {"log_loss", "mean negative log of the probability given to the true class", false, detail::log_loss},
    {"mcc", "Matthews correlation coefficient", true, mcc},
};

}  // namespace

std::span<const detail::ClassMetric> detail::class_metric_table() { return kTable; }

std::vector<std::int64_t> confusion(const ClassJudgement& judgement) {
  const std::size_t classes = judgement.classes.size();
  std::vector<std::int64_t> counts(classes * classes, 0);
  for (std::size_t row = 0; row < judgement.truth.size(); ++row) {
    counts[static_cast<std::size_t>(judgement.truth[row]) * classes + static_cast<std::size_t>(judgement.predicted[row])] += 1;
  }
  return counts;
}

}  // namespace headrace::learn
