// SPDX-License-Identifier: Apache-2.0
#include "cli/run_view.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "headrace/base/text.h"
#include "headrace/data/formats.h"
#include "headrace/data/table.h"

namespace headrace::cli {
namespace {

constexpr std::array<std::string_view, 6> kEndings = {".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".arrow"};
constexpr std::size_t kColumnsShown = 8;

std::string_view ending_of(const std::string& path) {
  std::string_view found;
  for (const std::string_view ending : kEndings) {
    if (path.size() > ending.size() && path.ends_with(ending)) found = ending;
  }
  return found;
}

std::string score_text(double value) {
  if (std::isnan(value)) return "-";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.5f", value);
  return buffer;
}

std::string table_text(const data::Table& table) {
  std::string out = cat("table of ", table.rows(), " rows, ", table.columns().size(), " columns: ");
  for (std::size_t i = 0; i < table.columns().size() && i < kColumnsShown; ++i) {
    const data::Column& column = table.columns()[i];
    out += cat(i == 0 ? "" : ", ", column.name, " (", data::column_type_name(column.type), ")");
  }
  return table.columns().size() > kColumnsShown ? out + ", ..." : out;
}

std::string metrics_text(const data::Metrics& metrics) {
  std::string out = cat("scores on ", metrics.rows, " rows:");
  for (const auto& [name, value] : metrics.values) out += cat(" ", name, " ", score_text(value));
  return out;
}

config::Value table_to_value(const data::Table& table) {
  config::Value out{config::Map{}};
  out.set("kind", "table");
  out.set("rows", table.rows());
  config::List columns;
  for (const data::Column& column : table.columns()) {
    config::Value row{config::Map{}};
    row.set("name", column.name);
    row.set("type", std::string(data::column_type_name(column.type)));
    row.set("role", std::string(data::role_name(column.role)));
    row.set("nulls", column.nulls);
    columns.push_back(std::move(row));
  }
  out.set("columns", std::move(columns));
  return out;
}

config::Value metrics_to_value(const data::Metrics& metrics) {
  config::Value out{config::Map{}};
  out.set("kind", "metrics");
  out.set("rows", metrics.rows);
  config::Value& values = out.set("values", config::Value(config::Map{}));
  for (const auto& [name, value] : metrics.values) values.set(name, value);
  if (metrics.classes.empty()) return out;
  config::List classes, confusion;
  for (const std::string& name : metrics.classes) classes.emplace_back(name);
  for (const std::int64_t count : metrics.confusion) confusion.emplace_back(count);
  out.set("classes", std::move(classes));
  out.set("confusion", std::move(confusion));
  return out;
}

}  // namespace

std::string counts_text(const exec::RunReport& report) {
  const exec::TaskCounts& tasks = report.tasks;
  std::string out = cat(tasks.executed + tasks.failed, " tasks run");
  const auto add = [&](std::int64_t count, std::string_view what) {
    if (count > 0) out += cat(", ", count, " ", what);
  };
  add(tasks.remembered, "remembered");
  add(tasks.failed, "failed");
  add(tasks.skipped, "skipped");
  add(tasks.pruned, "pruned");
  add(tasks.cancelled, "not done");
  return cat(out, " in ", seconds_text(report.seconds));
}

std::string failures_text(const exec::RunReport& report, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < report.errors.size() && i < most; ++i) {
    const exec::Failure& failure = report.errors[i];
    out += cat("failed: node ", failure.node, ", ", failure.phase);
    if (failure.fold >= 0) out += cat(", fold ", failure.fold + 1);
    out += cat(", attempt ", failure.attempt, ", object ", failure.object.substr(0, 12), "\n  ", failure.error.text(), "\n");
  }
  if (report.errors.size() > most)
    out += cat("... and ", report.errors.size() - most, " more failed tasks; headrace show ", report.run, " --json lists them\n");
  return out;
}

std::string folds_table(const exec::RunReport& report, std::size_t rows_max) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> right = {0};
  std::size_t folds = 0;
  for (const exec::PathResult& result : report.results) {
    for (const exec::MetricSummary& metric : result.metrics) folds = std::max(folds, metric.folds.size());
  }
  auto& head = rows.emplace_back(std::vector<std::string>{"rank", "metric"});
  for (std::size_t fold = 0; fold < folds; ++fold) head.push_back(cat("fold ", fold + 1));
  for (const char* name : {"mean", "+-", "low", "high", "pipeline"}) head.emplace_back(name);
  for (std::size_t i = 2; i < folds + 6; ++i) right.push_back(i);
  const std::size_t shown = rows_max == 0 ? report.results.size() : std::min(rows_max, report.results.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const exec::PathResult& result = report.results[i];
    for (const exec::MetricSummary& metric : result.metrics) {
      auto& row = rows.emplace_back(std::vector<std::string>{result.rank == 0 ? "-" : std::to_string(result.rank), metric.metric});
      for (std::size_t fold = 0; fold < folds; ++fold) row.push_back(fold < metric.folds.size() ? score_text(metric.folds[fold]) : "-");
      for (const double value : {metric.mean, metric.std, metric.low, metric.high}) row.push_back(score_text(value));
      row.push_back(result.label);
    }
  }
  std::string out = columns(rows, right);
  if (shown < report.results.size()) out += cat("... and ", report.results.size() - shown, " more\n");
  return out;
}

std::string object_text(const data::Object& object) {
  switch (object.kind()) {
    case data::Kind::kTable: return table_text(object.table());
    case data::Kind::kMetrics: return metrics_text(object.metrics());
    case data::Kind::kModel: return cat("model of ", object.model().op, ", ", bytes_text(object.size_bytes()));
    default: return cat(data::kind_name(object.kind()), ", ", bytes_text(object.size_bytes()));
  }
}

config::Value object_to_value(const data::Object& object) {
  if (object.kind() == data::Kind::kTable) return table_to_value(object.table());
  if (object.kind() == data::Kind::kMetrics) return metrics_to_value(object.metrics());
  config::Value out{config::Map{}};
  out.set("kind", std::string(data::kind_name(object.kind())));
  if (object.kind() == data::Kind::kModel) out.set("op", object.model().op);
  out.set("bytes", static_cast<std::int64_t>(object.size_bytes()));
  return out;
}

Status check_output_path(const std::string& path) {
  if (!ending_of(path).empty()) return {};
  return Error(Code::kBadValue, cat("the ending of '", path, "' names no format"), "use .csv, .tsv (also .gz), .parquet or .arrow");
}

Status write_output(const data::Object& object, const std::string& path) {
  HEADRACE_TRY(check_output_path(path));
  if (object.kind() != data::Kind::kTable) {
    return Error(Code::kUnsupported, cat("only tables can be written to ", path, ", not ", data::kind_name(object.kind())), "use --json");
  }
  const std::string_view ending = ending_of(path);
  if (ending == ".parquet") return data::write_parquet(object.table(), path);
  if (ending == ".arrow") return data::write_arrow(object.table(), path);
  return data::write_csv(object.table(), path, ending.starts_with(".tsv") ? '\t' : ',');
}

}  // namespace headrace::cli
