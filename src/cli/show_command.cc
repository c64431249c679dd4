// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/run_argument.h"
#include "cli/run_view.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

std::string facts_text(const exec::RecordedRun& run) {
  std::vector<std::vector<std::string>> rows = {{"run", run.id},
                                                {"pipeline", cat(run.report.pipeline, " (", run.file, ")")},
                                                {"started", iso_time(run.started_us)},
                                                {"status", run.report.status},
                                                {"seed", std::to_string(run.report.seed)},
                                                {"tasks", counts_text(run.report)},
                                                {"command", shell_line(run.command)}};
  return columns(rows);
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const exec::RecordedRun recorded, recorded_run(arguments, session));
  if (session.out.json()) {
    config::Value document = to_value(recorded.report);
    config::List command;
    for (const std::string& word : recorded.command) command.emplace_back(word);
    document.set("file", recorded.file);
    document.set("started", iso_time(recorded.started_us));
    document.set("command", std::move(command));
    session.out.print_json(document);
    return 0;
  }
  const auto top = static_cast<std::size_t>(arguments.integer("top"));
  std::string out = cat(facts_text(recorded), "\n");
  out += arguments.flag("folds") ? folds_table(recorded.report, top) : to_table(recorded.report, top);
  if (!recorded.report.errors.empty()) out += cat("\n", failures_text(recorded.report));
  session.out.print(printable(out));
  return 0;
}

}  // namespace

Command show_command() {
  return {
      .name = "show",
      .summary = "show a recorded run: facts, ranked table, failures",
      .details = "",
      .flags = {run_argument(), toggle("folds", "print the score of every fold and every metric, with intervals"),
                takes("N", config::integer("top", 20, "rows of the table to print; 0 prints all").at_least(0)), store_flag(), json_flag()},
      .examples = {"headrace show last --folds"},
      .run = run};
}

}  // namespace headrace::cli
