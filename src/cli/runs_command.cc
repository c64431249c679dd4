// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

config::Value to_value(const exec::RunSummary& run) {
  config::Value row{config::Map{}};
  row.set("run", run.id);
  row.set("pipeline", run.pipeline);
  row.set("status", run.status);
  row.set("started", iso_time(run.started_us));
  row.set("seconds", run.seconds);
  row.set("executed", run.executed);
  row.set("remembered", run.remembered);
  row.set("failed", run.failed);
  row.set("best", run.best.empty() ? config::Value() : config::Value(run.best));
  row.set("best_mean", run.best.empty() ? config::Value() : config::Value(run.best_mean));
  row.set("bytes", static_cast<std::int64_t>(run.bytes));
  return row;
}

std::string score_text(const exec::RunSummary& run) {
  if (run.best.empty()) return "-";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.5f", run.best_mean);
  return buffer;
}

std::string table_of(const std::vector<exec::RunSummary>& runs) {
  std::vector<std::vector<std::string>> rows = {
      {"run", "started", "status", "time", "run", "remembered", "failed", "size", "best", "path"}};
  rows[0][4] = "tasks";
  for (const exec::RunSummary& run : runs) {
    rows.push_back({run.id, iso_time(run.started_us), run.status, seconds_text(run.seconds), std::to_string(run.executed),
                    std::to_string(run.remembered), std::to_string(run.failed), bytes_text(run.bytes), score_text(run), run.best});
  }
  return columns(rows, {3, 4, 5, 6, 7, 8});
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  std::vector<exec::RunSummary> runs = store->runs();
  const auto most = static_cast<std::size_t>(arguments.integer("top"));
  const std::size_t all = runs.size();
  if (most > 0 && runs.size() > most) runs.resize(most);
  if (session.out.json()) {
    config::List rows;
    for (const exec::RunSummary& run : runs) rows.push_back(to_value(run));
    config::Value document{config::Map{}};
    document.set("store", store->folder());
    document.set("runs", std::move(rows));
    session.out.print_json(document);
    return 0;
  }
  if (runs.empty()) {
    session.out.say(cat("no runs in ", store->folder()));
    return 0;
  }
  session.out.print(printable(table_of(runs)));
  if (all > runs.size()) session.out.say(cat(all - runs.size(), " older runs are not shown; --top 0 shows all"));
  return 0;
}

}  // namespace

Command runs_command() {
  return {.name = "runs",
          .summary = "list recorded runs, newest first",
          .details = "",
          .flags = {takes("N", config::integer("top", 30, "how many to list; 0 lists all").at_least(0)), store_flag(), json_flag()},
          .examples = {"headrace runs", "headrace runs --json | jq '.runs[0].run'"},
          .run = run};
}

}  // namespace headrace::cli
