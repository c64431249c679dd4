// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results: what came out of a run, ranked, in a form that prints the same whether the work ran now or was remembered.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "headrace/config/value.h"
#include "headrace/exec/executor.h"

namespace headrace::exec {

/// One metric of one path. `folds` holds NaN where a fold has no score. `std` divides by the number of folds, as scikit-learn's
/// cv_results_ does; `low` and `high` bound the mean at Evaluate::confidence (Student t over folds; equal to the mean for one fold).
struct MetricSummary {
  std::string metric;
  std::vector<double> folds;
  double mean = 0;
  double std = 0;
  double low = 0;
  double high = 0;
};

struct PathResult {
  int rank = 0;                        ///< 1 is best; equal means share a rank; 0: not ranked (no score, failed or pruned)
  int path = 0;                        ///< index in Plan::paths
  std::string label;
  std::vector<std::pair<std::string, config::Value>> params;
  std::vector<MetricSummary> metrics;  ///< in the order asked for; the first ranks
  double seconds = 0;                  ///< sum over the tasks of the path's fits, transforms and scores, shared ones included
  TaskStatus status = TaskStatus::kDone;   ///< kDone, kFailed, kPruned or kCancelled
};

/// A task that failed, for people: which node, which fold, which attempt, why.
struct Failure {
  std::string node;
  std::string phase;
  int fold = -1;
  int attempt = 1;
  Error error;
  std::string object;                  ///< id of the object it should have made
};

struct TaskCounts {
  std::int64_t fit = 0, transform = 0, score = 0;                 ///< of the plan
  std::int64_t executed = 0, remembered = 0, failed = 0, skipped = 0, pruned = 0, cancelled = 0;
};

struct RunReport {
  std::string run;                     ///< id; empty without a store
  std::string pipeline;
  std::string status;                  ///< "done", "failed" (finished, but something failed) or "cancelled"
  bool resumed = false;
  std::uint64_t seed = 0;
  double seconds = 0;
  TaskCounts tasks;
  std::vector<PathResult> results;     ///< best first, then unranked in path order
  std::vector<Failure> errors;
  int exit_code() const;               ///< 0, 1 or 4
};

RunReport summarise(const graph::Plan& plan, const graph::Catalogue& catalogue, const ExecuteOutcome& outcome);

/// The document of `headrace run --json`: run, status, seconds, tasks, results, errors (docs/reference/json.md).
config::Value to_value(const RunReport& report);
/// The table of `headrace run`: rank, mean, deviation, time and path; `rows_max` 0 prints all.
std::string to_table(const RunReport& report, std::size_t rows_max = 0);

}  // namespace headrace::exec
