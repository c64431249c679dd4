// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "exec/demand.h"
#include "headrace/base/text.h"
#include "headrace/data/statistics.h"

namespace headrace::exec {
namespace {

using config::Value;
using graph::Phase;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

TaskCounts count_tasks(const graph::Plan& plan, const ExecuteOutcome& outcome) {
  TaskCounts counts;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const Phase phase = plan.tasks[i].phase;
    counts.fit += phase == Phase::kFit || phase == Phase::kUpdate;
    counts.transform += phase == Phase::kTransform;
    counts.score += phase == Phase::kScore;
    switch (outcome.tasks[i].status) {
      case TaskStatus::kDone: ++counts.executed; break;
      case TaskStatus::kRemembered: ++counts.remembered; break;
      case TaskStatus::kFailed: ++counts.failed; break;
      case TaskStatus::kSkipped: ++counts.skipped; break;
      case TaskStatus::kPruned: ++counts.pruned; break;
      default: ++counts.cancelled; break;
    }
  }
  return counts;
}

MetricSummary summarise_metric(const std::string& metric, const std::vector<std::optional<data::Metrics>>& scores, double confidence) {
  MetricSummary summary;
  summary.metric = metric;
  std::vector<double> present;
  for (const auto& score : scores) {
    const double* value = score.has_value() ? score->find(metric) : nullptr;
    summary.folds.push_back(value == nullptr ? kMissing : *value);
    if (value != nullptr) present.push_back(*value);
  }
  if (present.empty()) {
    summary.mean = summary.std = summary.low = summary.high = kMissing;
    return summary;
  }
  const data::Summary over_folds = data::summary(present);
  summary.mean = summary.low = summary.high = over_folds.mean;
  summary.std = over_folds.deviation;
  if (const auto interval = data::confidence_interval(over_folds.mean, over_folds.deviation, over_folds.count, confidence)) {
    summary.low = interval->low;
    summary.high = interval->high;
  }
  return summary;
}

bool all_scored(const MetricSummary& summary) {
  return !summary.folds.empty() && std::none_of(summary.folds.begin(), summary.folds.end(), [](double value) { return std::isnan(value); });
}

// The worst that happened on the path's way, for a path that has no full row of scores.
TaskStatus status_of(const std::vector<std::int32_t>& tasks, const ExecuteOutcome& outcome) {
  TaskStatus worst = TaskStatus::kDone;
  for (const std::int32_t task : tasks) {
    const TaskStatus status = outcome.tasks[static_cast<std::size_t>(task)].status;
    if (status == TaskStatus::kFailed || status == TaskStatus::kSkipped) return TaskStatus::kFailed;
    if (status == TaskStatus::kPruned) worst = TaskStatus::kPruned;
    if (status == TaskStatus::kCancelled && worst == TaskStatus::kDone) worst = TaskStatus::kCancelled;
  }
  return worst;
}

void rank(std::vector<PathResult>& results, bool higher_is_better) {
  const auto scored = [](const PathResult& result) {
    return result.status == TaskStatus::kDone && !result.metrics.empty() && all_scored(result.metrics[0]);
  };
  const auto badness = [&](const PathResult& result) { return higher_is_better ? -result.metrics[0].mean : result.metrics[0].mean; };
  std::stable_sort(results.begin(), results.end(), [&](const PathResult& a, const PathResult& b) {
    if (scored(a) != scored(b)) return scored(a);
    return scored(a) && badness(a) < badness(b);
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!scored(results[i])) break;
    const bool tied = i > 0 && badness(results[i]) == badness(results[i - 1]);
    results[i].rank = tied ? results[i - 1].rank : static_cast<int>(i) + 1;
  }
}

std::vector<Failure> failures(const graph::Plan& plan, const ExecuteOutcome& outcome) {
  std::vector<Failure> found;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const TaskOutcome& task = outcome.tasks[i];
    if (task.status != TaskStatus::kFailed) continue;
    const graph::Task& planned = plan.tasks[i];
    const graph::ExpandedNode& node = plan.expanded.nodes[static_cast<std::size_t>(planned.node)];
    Error error = task.error.value_or(Error(Code::kTaskFailed, "no cause was recorded"));
    error = std::move(error).at(detail::written_node(plan, planned).where);
    found.push_back(
        {node.name, std::string(graph::phase_name(planned.phase)), planned.fold, task.attempts, std::move(error), planned.output(0).hex()});
  }
  return found;
}

Value number_or_null(double value) { return std::isnan(value) ? Value() : Value(value); }

Value to_value(const PathResult& result) {
  Value row{config::Map{}};
  row.set("rank", result.rank == 0 ? Value() : Value(result.rank));
  row.set("path", result.label);
  Value& params = row.set("params", Value(config::Map{}));
  for (const auto& [name, value] : result.params) params.set(name, value);
  Value& scores = row.set("scores", Value(config::Map{}));
  for (const MetricSummary& metric : result.metrics) {
    config::List folds;
    for (const double fold : metric.folds) folds.push_back(number_or_null(fold));
    scores.set(metric.metric, Value(std::move(folds)));
  }
  if (!result.metrics.empty()) {
    row.set("mean", number_or_null(result.metrics[0].mean));
    row.set("std", number_or_null(result.metrics[0].std));
    row.set("interval", Value(config::List{number_or_null(result.metrics[0].low), number_or_null(result.metrics[0].high)}));
  }
  row.set("seconds", result.seconds);
  row.set("status", std::string(status_name(result.status)));
  return row;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  if (text.size() >= width) return text;
  const std::string space(width - text.size(), ' ');
  return right ? space + text : text + space;
}

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "-";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

}  // namespace

int RunReport::exit_code() const {
  if (status == "cancelled") return code_exit(Code::kCancelled);
  return status == "done" ? 0 : 1;
}

RunReport summarise(const graph::Plan& plan, const graph::Catalogue& catalogue, const ExecuteOutcome& outcome) {
  RunReport report;
  report.pipeline = plan.expanded.graph.name;
  report.seed = plan.expanded.graph.seed;
  report.seconds = outcome.seconds;
  report.tasks = count_tasks(plan, outcome);
  report.errors = failures(plan, outcome);
  const bool forgiven = std::all_of(plan.tasks.begin(), plan.tasks.end(), [&](const graph::Task& task) {
    return outcome.tasks[static_cast<std::size_t>(&task - plan.tasks.data())].status != TaskStatus::kFailed ||
           detail::written_node(plan, task).annotations.on_error == graph::OnError::kSkip;
  });
  report.status = outcome.cancelled ? "cancelled" : forgiven ? "done" : "failed";
  const double confidence = plan.expanded.graph.evaluate.has_value() ? plan.expanded.graph.evaluate->confidence : 0.95;
  for (std::size_t i = 0; i < plan.paths.size(); ++i) {
    const graph::Path& path = plan.paths[i];
    PathResult& result = report.results.emplace_back();
    result.path = static_cast<int>(i);
    result.label = path.label;
    result.params = path.params;
    const std::vector<std::int32_t> tasks = graph::tasks_of(plan, i);
    for (const std::int32_t task : tasks) {
      const Phase phase = plan.tasks[static_cast<std::size_t>(task)].phase;
      if (phase == Phase::kFit || phase == Phase::kUpdate || phase == Phase::kTransform || phase == Phase::kPredict ||
          phase == Phase::kScore) {
        result.seconds += outcome.tasks[static_cast<std::size_t>(task)].seconds;
      }
    }
    result.status = status_of(tasks, outcome);
    if (!path.scores.empty()) {
      for (const std::string& metric : plan.metrics) result.metrics.push_back(summarise_metric(metric, outcome.scores[i], confidence));
    }
  }
  const graph::MetricSpec* first = plan.metrics.empty() ? nullptr : catalogue.find_metric(plan.metrics[0]);
  rank(report.results, first == nullptr || first->higher_is_better);
  return report;
}

config::Value to_value(const RunReport& report) {
  Value document{config::Map{}};
  document.set("run", report.run);
  document.set("pipeline", report.pipeline);
  document.set("status", report.status);
  document.set("resumed", report.resumed);
  document.set("seed", static_cast<std::int64_t>(report.seed));
  document.set("seconds", report.seconds);
  Value& tasks = document.set("tasks", Value(config::Map{}));
  const auto count = [&](const char* name, std::int64_t value) { tasks.set(name, value); };
  count("fit", report.tasks.fit);
  count("transform", report.tasks.transform);
  count("score", report.tasks.score);
  count("executed", report.tasks.executed);
  count("remembered", report.tasks.remembered);
  count("failed", report.tasks.failed);
  count("skipped", report.tasks.skipped);
  count("pruned", report.tasks.pruned);
  count("cancelled", report.tasks.cancelled);
  config::List rows;
  for (const PathResult& result : report.results) rows.push_back(to_value(result));
  document.set("results", Value(std::move(rows)));
  config::List errors;
  for (const Failure& failure : report.errors) {
    Value error{config::Map{}};
    error.set("node", failure.node);
    error.set("phase", failure.phase);
    error.set("fold", failure.fold < 0 ? Value() : Value(failure.fold));
    error.set("attempt", failure.attempt);
    error.set("code", static_cast<int>(failure.error.code));
    error.set("name", std::string(code_name(failure.error.code)));
    error.set("message", failure.error.message);
    error.set("advice", failure.error.advice);
    error.set("where", failure.error.where.text());
    error.set("object", failure.object);
    errors.push_back(std::move(error));
  }
  document.set("errors", Value(std::move(errors)));
  return document;
}

std::string to_table(const RunReport& report, std::size_t rows_max) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> head = {"rank"};
  const bool scored = !report.results.empty() && !report.results[0].metrics.empty();
  if (scored) {
    head.push_back(report.results[0].metrics[0].metric);
    head.push_back("+-");
    for (std::size_t i = 1; i < report.results[0].metrics.size(); ++i) head.push_back(report.results[0].metrics[i].metric);
  }
  head.push_back("time");
  head.push_back("pipeline");
  rows.push_back(head);
  const std::size_t shown = rows_max == 0 ? report.results.size() : std::min(rows_max, report.results.size());
  for (std::size_t r = 0; r < shown; ++r) {
    const PathResult& result = report.results[r];
    auto& row = rows.emplace_back();
    row.push_back(result.rank == 0 ? std::string("-") : std::to_string(result.rank));
    if (scored) {
      row.push_back(result.metrics.empty() ? "-" : fixed(result.metrics[0].mean, 5));
      row.push_back(result.metrics.empty() ? "-" : fixed(result.metrics[0].std, 5));
      for (std::size_t i = 1; i < report.results[0].metrics.size(); ++i)
        row.push_back(i < result.metrics.size() ? fixed(result.metrics[i].mean, 5) : "-");
    }
    row.push_back(seconds_text(result.seconds));
    row.push_back(result.label + (result.status == TaskStatus::kDone ? "" : cat("  (", status_name(result.status), ")")));
  }
  std::vector<std::size_t> widths(head.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += "  ";
      out += i + 1 == row.size() ? row[i] : padded(row[i], widths[i], true);
    }
    out += '\n';
  }
  if (shown < report.results.size()) out += cat("... and ", report.results.size() - shown, " more\n");
  return out;
}

}  // namespace headrace::exec
