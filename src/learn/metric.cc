// SPDX-License-Identifier: Apache-2.0
#include "learn/metric.h"

#include "headrace/base/text.h"

namespace headrace::learn {
namespace {

template <class Row>
Error unknown(std::string_view name, std::span<const Row> table, std::string_view what) {
  std::vector<std::string> names;
  for (const Row& row : table) names.emplace_back(row.name);
  return Error(Code::kBadValue, cat("no metric of ", what, " has this name: ", name), nearest_advice(name, names));
}

template <class Row, class Judgement>
Result<double> compute(std::string_view name, const Judgement& judgement, std::span<const Row> table, std::string_view what) {
  if (judgement.truth.empty()) return Error(Code::kShape, cat("there are no rows to judge by: ", name));
  HEADRACE_CHECK(judgement.truth.size() == judgement.predicted.size(), "truth and prediction differ in rows");
  for (const Row& row : table) {
    if (name == row.name) return row.compute(judgement);
  }
  return unknown(name, table, what);
}

template <class Compute>
Result<data::Metrics> compute_all(std::span<const std::string> names, std::string_view fallback, std::size_t rows, Compute compute_one) {
  data::Metrics metrics;
  metrics.rows = static_cast<std::int64_t>(rows);
  const std::vector<std::string> one = {std::string(fallback)};
  for (const std::string& name : names.empty() ? std::span<const std::string>(one) : names) {
    HEADRACE_ASSIGN(const double value, compute_one(name));
    metrics.values.emplace_back(name, value);
  }
  return metrics;
}

}  // namespace

Result<double> class_metric(std::string_view name, const ClassJudgement& judgement) {
  return compute(name, judgement, detail::class_metric_table(), "classifiers");
}

Result<double> value_metric(std::string_view name, const ValueJudgement& judgement) {
  return compute(name, judgement, detail::value_metric_table(), "regressors");
}

Result<data::Metrics> class_metrics(std::span<const std::string> names, const ClassJudgement& judgement) {
  HEADRACE_ASSIGN(data::Metrics metrics, compute_all(names, "accuracy", judgement.truth.size(),
                                                     [&](const std::string& name) { return class_metric(name, judgement); }));
  metrics.classes = judgement.classes;
  metrics.confusion = confusion(judgement);
  return metrics;
}

Result<data::Metrics> value_metrics(std::span<const std::string> names, const ValueJudgement& judgement) {
  return compute_all(names, "r2", judgement.truth.size(), [&](const std::string& name) { return value_metric(name, judgement); });
}

}  // namespace headrace::learn
