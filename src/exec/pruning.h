// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pruning: successive halving over folds. A prune task reads the scores of one fold of the alternatives that are still in, ranks
// them by the mean of all folds so far, and drops the poorer ones; tasks that only dropped alternatives need do not run.
// Source: Jamieson, Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization" (arXiv:1502.07943).

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/data/object.h"
#include "headrace/graph/plan.h"

namespace headrace::exec::detail {

class Pruning {
 public:
  explicit Pruning(const graph::Plan& plan);

  /// Whether every path that needs this task has been dropped. Threads: any.
  bool dropped(std::int32_t task) const;
  /// Carries out a prune task. `score_of` gives the metrics of a score task, or nothing when it failed (its path is then dropped).
  Status decide(std::int32_t task, const std::function<std::optional<data::Metrics>(std::int32_t)>& score_of,
                const graph::Catalogue& catalogue);

 private:
  const graph::Plan& plan_;
  std::vector<std::vector<std::int32_t>> paths_of_;      // by task; empty when the plan prunes nothing
  mutable std::mutex mutex_;                             // guards both below
  std::vector<bool> dropped_;                            // by path
  std::vector<std::pair<double, int>> totals_;           // by path: sum of scores, folds seen
};

}  // namespace headrace::exec::detail
