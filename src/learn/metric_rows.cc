// SPDX-License-Identifier: Apache-2.0
// The rows that tell the catalogue which metrics there are.
#include "headrace/exec/operator.h"
#include "learn/metric.h"

namespace headrace::learn {
namespace {

int add_rows() {
  int last = 0;
  for (const detail::ClassMetric& row : detail::class_metric_table()) {
    last = headrace_pack_rows().add_metric({.name = row.name, .doc = row.doc, .higher_is_better = row.higher_is_better,
                                            .family = graph::Family::kClassifier});
  }
  for (const detail::ValueMetric& row : detail::value_metric_table()) {
    last = headrace_pack_rows().add_metric({.name = row.name, .doc = row.doc, .higher_is_better = row.higher_is_better,
                                            .family = graph::Family::kRegressor});
  }
  return last;
}

[[maybe_unused]] const int kRows = add_rows();

}  // namespace
}  // namespace headrace::learn
