// SPDX-License-Identifier: Apache-2.0
#include "web/report_data.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "web/timeline.h"

namespace headrace::web {
namespace {

using config::List;
using config::Map;
using config::Value;
using exec::RecordedRun;
using exec::TaskStatus;

Value number(double value) { return std::isfinite(value) ? Value(value) : Value(); }

Value facts_of(const RecordedRun& run) {
  const exec::RunReport& report = run.report;
  Value facts{Map{}};
  facts.set("run", run.id);
  facts.set("pipeline", report.pipeline);
  facts.set("status", report.status);
  facts.set("started", iso_time(run.started_us));
  facts.set("seconds", number(report.seconds));
  facts.set("seed", std::to_string(report.seed));   // 64 bits do not fit into a JavaScript number
  facts.set("mode", std::string(graph::mode_name(run.plan->mode)));
  facts.set("nodes", static_cast<std::int64_t>(run.plan->expanded.nodes.size()));
  facts.set("folds", run.plan->folds);
  Value& tasks = facts.set("tasks", Value(Map{}));
  const auto count = [&](const char* name, std::int64_t value) { tasks.set(name, value); };
  count("executed", report.tasks.executed);
  count("remembered", report.tasks.remembered);
  count("failed", report.tasks.failed);
  count("skipped", report.tasks.skipped);
  count("pruned", report.tasks.pruned);
  count("cancelled", report.tasks.cancelled);
  return facts;
}

Value metrics_of(const RecordedRun& run, const graph::Catalogue& catalogue) {
  List rows;
  for (const std::string& name : run.plan->metrics) {
    const graph::MetricSpec* spec = catalogue.find_metric(name);
    Value row{Map{}};
    row.set("name", name);
    row.set("higher", spec == nullptr || spec->higher_is_better);
    rows.push_back(std::move(row));
  }
  return Value(std::move(rows));
}

// Grid parameters with their values in order: numbers by size, words as first met.
Value params_of(const RecordedRun& run) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<Value>> values;
  for (const exec::PathResult& result : run.report.results) {
    for (const auto& [name, value] : result.params) {
      auto& seen = values[name];
      if (seen.empty()) names.push_back(name);
      if (std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
    }
  }
  List rows;
  for (const std::string& name : names) {
    std::vector<Value>& seen = values[name];
    if (std::all_of(seen.begin(), seen.end(), [](const Value& value) { return value.is_number(); })) {
      std::stable_sort(seen.begin(), seen.end(), [](const Value& a, const Value& b) { return a.real() < b.real(); });
    }
    Value row{Map{}};
    row.set("name", name);
    row.set("values", List(seen.begin(), seen.end()));
    rows.push_back(std::move(row));
  }
  return Value(std::move(rows));
}

Value paths_of(const RecordedRun& run) {
  List rows;
  for (const exec::PathResult& result : run.report.results) {
    Value row{Map{}};
    row.set("path", result.path);
    row.set("rank", result.rank);
    row.set("label", result.label);
    row.set("status", std::string(exec::status_name(result.status)));
    row.set("seconds", number(result.seconds));
    Value& params = row.set("params", Value(Map{}));
    for (const auto& [name, value] : result.params) params.set(name, value);
    List scores;
    for (const exec::MetricSummary& metric : result.metrics) {
      List folds;
      for (const double fold : metric.folds) folds.push_back(number(fold));
      Value score{Map{}};
      score.set("mean", number(metric.mean));
      score.set("std", number(metric.std));
      score.set("low", number(metric.low));
      score.set("high", number(metric.high));
      score.set("folds", std::move(folds));
      scores.push_back(std::move(score));
    }
    row.set("scores", std::move(scores));
    rows.push_back(std::move(row));
  }
  return Value(std::move(rows));
}

// Blocks are [worker, start ms, length ms, node as written, text of the longest task, tasks, failed]; texts are told once.
Value timeline_value(const RecordedRun& run, std::size_t blocks_max) {
  const Timeline timeline = timeline_of(run.events, blocks_max);
  const graph::Plan& plan = *run.plan;
  List blocks;
  for (const Block& block : timeline.blocks) {
    const bool known = block.task >= 0 && static_cast<std::size_t>(block.task) < plan.tasks.size();
    const std::int32_t node = known ? plan.tasks[static_cast<std::size_t>(block.task)].node : -1;
    const int origin = node >= 0 ? plan.expanded.nodes[static_cast<std::size_t>(node)].origin : -1;
    const auto ms = [](std::int64_t us) { return Value(std::round(static_cast<double>(us) / 10) / 100); };
    blocks.emplace_back(List{Value(block.worker), ms(block.start_us), ms(block.end_us - block.start_us), Value(origin),
                             Value(known ? graph::task_text(plan, block.task) : std::string()), Value(block.count),
                             Value(block.failed ? 1 : 0)});
  }
  Value out{Map{}};
  out.set("workers", timeline.workers);
  out.set("span_ms", static_cast<double>(timeline.span_us) / 1000);
  out.set("busy_ms", static_cast<double>(timeline.busy_us) / 1000);
  out.set("tasks", timeline.tasks);
  out.set("merged", timeline.merged);
  out.set("blocks", std::move(blocks));
  return out;
}

struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::int64_t> counts;   // [truth][predicted]
};

// Sums over folds. A fold may lack a class, so classes are matched by name, in the order of the fold that has most.
Confusion confusion_of(const std::vector<std::optional<data::Metrics>>& folds) {
  Confusion sum;
  for (const auto& fold : folds) {
    if (fold.has_value() && fold->classes.size() > sum.classes.size()) sum.classes = fold->classes;
  }
  for (const auto& fold : folds) {
    if (!fold.has_value()) continue;
    for (const std::string& name : fold->classes) {
      if (std::find(sum.classes.begin(), sum.classes.end(), name) == sum.classes.end()) sum.classes.push_back(name);
    }
  }
  const std::size_t n = sum.classes.size();
  sum.counts.assign(n * n, 0);
  for (const auto& fold : folds) {
    if (!fold.has_value() || fold->confusion.size() != fold->classes.size() * fold->classes.size()) continue;
    std::vector<std::size_t> at;
    for (const std::string& name : fold->classes) {
      at.push_back(static_cast<std::size_t>(std::find(sum.classes.begin(), sum.classes.end(), name) - sum.classes.begin()));
    }
    for (std::size_t i = 0; i < fold->confusion.size(); ++i) sum.counts[at[i / at.size()] * n + at[i % at.size()]] += fold->confusion[i];
  }
  return sum;
}

Value confusion_value(const RecordedRun& run, std::size_t cells_max) {
  Value out{Map{}};
  List paths;
  std::size_t cells = 0;
  std::int64_t left_out = 0;
  for (std::size_t i = 0; i < run.report.results.size(); ++i) {
    const auto path = static_cast<std::size_t>(run.report.results[i].path);
    if (path >= run.scores.size()) continue;
    const Confusion sum = confusion_of(run.scores[path]);
    if (sum.classes.empty() || std::all_of(sum.counts.begin(), sum.counts.end(), [](std::int64_t count) { return count == 0; })) continue;
    if (cells + sum.counts.size() > cells_max) {
      ++left_out;
      continue;
    }
    cells += sum.counts.size();
    List classes, counts;
    for (const std::string& name : sum.classes) classes.emplace_back(name);
    for (const std::int64_t count : sum.counts) counts.emplace_back(count);
    Value row{Map{}};
    row.set("row", static_cast<std::int64_t>(i));
    row.set("classes", std::move(classes));
    row.set("counts", std::move(counts));
    paths.push_back(std::move(row));
  }
  out.set("paths", std::move(paths));
  out.set("left_out", left_out);
  return out;
}

Value failures_of(const RecordedRun& run, std::size_t most) {
  List rows;
  for (const exec::Failure& failure : run.report.errors) {
    if (rows.size() >= most) break;
    Value row{Map{}};
    row.set("node", failure.node);
    row.set("phase", failure.phase);
    row.set("fold", failure.fold);
    row.set("attempt", failure.attempt);
    row.set("code", cat(static_cast<int>(failure.error.code), " ", code_name(failure.error.code)));
    row.set("message", failure.error.message);
    row.set("advice", failure.error.advice);
    row.set("where", failure.error.where.text());
    row.set("object", failure.object);
    rows.push_back(std::move(row));
  }
  return Value(std::move(rows));
}

}  // namespace

Value report_data(const RecordedRun& run, const graph::Catalogue& catalogue, const ReportOptions& options) {
  Value data{Map{}};
  data.set("facts", facts_of(run));
  data.set("metrics", metrics_of(run, catalogue));
  data.set("params", params_of(run));
  data.set("paths", paths_of(run));
  List nodes;
  for (const graph::Node& node : run.plan->expanded.graph.nodes) nodes.emplace_back(node.name);
  data.set("nodes", std::move(nodes));
  data.set("timeline", timeline_value(run, options.timeline_blocks_max));
  data.set("confusion", confusion_value(run, options.confusion_cells_max));
  data.set("failures", failures_of(run, options.failures_max));
  data.set("failures_all", static_cast<std::int64_t>(run.report.errors.size()));
  return data;
}

std::vector<graph::NodeMark> node_marks(const RecordedRun& run) {
  const graph::Plan& plan = *run.plan;
  std::vector<double> seconds(plan.expanded.nodes.size(), 0);
  for (const exec::TaskEvent& event : run.events) {
    if (event.task < 0 || static_cast<std::size_t>(event.task) >= plan.tasks.size()) continue;
    const std::int32_t node = plan.tasks[static_cast<std::size_t>(event.task)].node;
    const bool ran = event.status == TaskStatus::kDone || event.status == TaskStatus::kFailed;
    if (node >= 0 && ran) seconds[static_cast<std::size_t>(node)] += static_cast<double>(event.end_us - event.start_us) * 1e-6;
  }
  // The worst that happened to a node colours it; among good ends, work done here goes before memory.
  const auto weight = [](TaskStatus status) {
    switch (status) {
      case TaskStatus::kFailed: return 5;
      case TaskStatus::kSkipped: return 4;
      case TaskStatus::kCancelled: return 3;
      case TaskStatus::kPruned: return 2;
      case TaskStatus::kDone: return 1;
      default: return 0;
    }
  };
  std::vector<TaskStatus> worst(plan.expanded.nodes.size(), TaskStatus::kRemembered);
  for (std::size_t i = 0; i < plan.tasks.size() && i < run.status.size(); ++i) {
    if (plan.tasks[i].node < 0) continue;
    TaskStatus& status = worst[static_cast<std::size_t>(plan.tasks[i].node)];
    if (weight(run.status[i]) > weight(status)) status = run.status[i];
  }
  std::vector<graph::NodeMark> marks;
  for (std::size_t node = 0; node < worst.size(); ++node) {
    marks.push_back({std::string(exec::status_name(worst[node])), seconds[node] > 0 ? seconds_text(seconds[node]) : ""});
  }
  return marks;
}

}  // namespace headrace::web
