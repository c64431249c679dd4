// SPDX-License-Identifier: Apache-2.0
#pragma once
// Metrics as in scikit-learn, in plain C++: sums run in row order, so the same predictions give the same bits. Threads: any.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/data/object.h"

namespace headrace::learn {

/// What a classifier said about n rows. Codes index `classes`, which holds every class of truth and prediction, sorted.
struct ClassJudgement {
  std::span<const std::int64_t> truth;
  std::span<const std::int64_t> predicted;
  std::span<const double> probabilities;   ///< [n, K] row-major, or empty
  std::span<const double> decisions;       ///< [n] for two classes (above 0: the second), [n, K] for more, or empty
  std::vector<std::string> classes;        ///< K

  std::int64_t rows() const { return static_cast<std::int64_t>(truth.size()); }
  std::int64_t class_count() const { return static_cast<std::int64_t>(classes.size()); }
};

struct ValueJudgement {
  std::span<const double> truth;
  std::span<const double> predicted;
};

/// Computes one metric. Errors: kUnsupported when the metric needs probabilities, decision values, two classes or two classes
/// present, naming what is lacking; kBadValue with the nearest name for a name that is not known.
Result<double> class_metric(std::string_view name, const ClassJudgement& judgement);
Result<double> value_metric(std::string_view name, const ValueJudgement& judgement);

/// All metrics asked for (none: accuracy, or r2), the row count, and for classes the confusion matrix.
Result<data::Metrics> class_metrics(std::span<const std::string> names, const ClassJudgement& judgement);
Result<data::Metrics> value_metrics(std::span<const std::string> names, const ValueJudgement& judgement);

/// Confusion counts [truth, predicted], row-major [K, K].
std::vector<std::int64_t> confusion(const ClassJudgement& judgement);

namespace detail {

// One row of the metric table: name, what it is, and the function.
struct ClassMetric {
  const char* name;
  const char* doc;
  bool higher_is_better;
  Result<double> (*compute)(const ClassJudgement& judgement);
};
struct ValueMetric {
  const char* name;
  const char* doc;
  bool higher_is_better;
  Result<double> (*compute)(const ValueJudgement& judgement);
};
std::span<const ClassMetric> class_metric_table();
std::span<const ValueMetric> value_metric_table();

// Area under the ROC curve of `scores` against truth == positive; ties count half. Rows of truth with neither are an error.
Result<double> roc_auc(const ClassJudgement& judgement);
Result<double> log_loss(const ClassJudgement& judgement);

}  // namespace detail

}  // namespace headrace::learn
