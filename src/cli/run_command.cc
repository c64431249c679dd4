// SPDX-License-Identifier: Apache-2.0
// headrace run: check, run under a progress display, print the ranked table, say what can be done next.

#include <cmath>
#include <optional>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/live.h"
#include "cli/pipeline.h"
#include "cli/places.h"
#include "cli/progress.h"
#include "cli/progress_display.h"
#include "cli/run_view.h"
#include "cli/trace_file.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"
#include "headrace/exec/run.h"
#include "headrace/io/file.h"
#include "headrace/web/report.h"

namespace headrace::cli {
namespace {

using exec::RunOutcome;

std::string stop_text(Interrupt::Cause cause) {
  return cause == Interrupt::Cause::kTimeout ? "time is up: stopping after the tasks that run now"
                                             : "stopping after the tasks that run now; Ctrl-C again ends at once";
}

Status check_files(const Arguments& arguments) {
  if (!arguments.flag("no-store")) return {};
  for (const char* name : {"trace", "report", "store"}) {
    if (arguments.given(name))
      return Error(Code::kUsage, cat("--", name, " needs a store, and --no-store says there is none"), "leave one of them out");
  }
  return {};
}

// Runs under a progress display; the display is gone when this returns.
Result<RunOutcome> run_watched(Session& session, const graph::Graph& graph, exec::Store* store, exec::RunOptions options,
                               const Places& places) {
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  exec::Packs packs(*catalogue);
  Progress progress;
  std::optional<LiveFile> live;
  if (store != nullptr) live.emplace(store->folder(), graph.name, progress, places.workers != nullptr ? &places.workers->fleet() : nullptr);
  ProgressDisplay display(progress, ProgressDisplay::form_for(2, session.out.quiet()));
  options.sinks.push_back(&progress);
  return exec::run_graph(graph, *catalogue, packs, store, options);
}

void say_start(Session& session, const graph::Graph& graph, exec::Store* store) {
  session.out.say(cat("pipeline ", graph.name, ", seed ", graph.seed));
  if (store != nullptr) session.out.say(cat("store ", store->folder()));
}

void say_end(Session& session, const exec::RunReport& report) {
  if (!report.errors.empty()) session.out.say(trim(failures_text(report)));
  std::string line = cat(report.status == "cancelled" ? "stopped" : report.status, ": ", counts_text(report));
  if (report.resumed) line += ", resumed";
  session.out.say(line);
  if (report.status == "cancelled") session.out.say(cat("to finish it: ", shell_line(session.command())));
  if (report.run.empty()) return;
  session.out.say(cat("next: headrace show ", report.run, " --folds | headrace report ", report.run));
}

void print_results(Session& session, const RunOutcome& outcome, std::size_t top) {
  session.out.print(printable(to_table(outcome.report, top)));
  for (std::size_t path = 0; path < outcome.execution.outputs.size(); ++path) {
    for (const data::Object& object : outcome.execution.outputs[path]) {
      if (object) session.out.print(printable(cat(outcome.plan->paths[path].label, ": ", object_text(object), "\n")));
    }
  }
}

config::Value document_of(const RunOutcome& outcome) {
  config::Value document = to_value(outcome.report);
  if (outcome.execution.outputs.empty()) return document;
  config::List outputs;
  for (std::size_t path = 0; path < outcome.execution.outputs.size(); ++path) {
    for (std::size_t place = 0; place < outcome.execution.outputs[path].size(); ++place) {
      const data::Object& object = outcome.execution.outputs[path][place];
      if (!object) continue;
      config::Value row = object_to_value(object);
      row.set("path", outcome.plan->paths[path].label);
      const graph::Ref& ref = outcome.plan->paths[path].outputs[place];
      row.set("object", outcome.plan->tasks[static_cast<std::size_t>(ref.task)].output(ref.slot).hex());
      outputs.push_back(std::move(row));
    }
  }
  document.set("outputs", std::move(outputs));
  return document;
}

// The one table that the run gave.
Status save_output(const RunOutcome& outcome, const std::string& path) {
  const data::Object* found = nullptr;
  std::size_t count = 0;
  for (const auto& of_path : outcome.execution.outputs) {
    for (const data::Object& object : of_path) {
      if (!object || object.kind() == data::Kind::kMetrics) continue;
      found = &object;
      ++count;
    }
  }
  if (count != 1) {
    return Error(Code::kUsage, cat("--output takes one result, and this run gave ", count),
                 count == 0 ? "use --mode transform or --mode predict" : "leave one path in the pipeline, for example with --set");
  }
  return write_output(*found, path);
}

// Trace and report are views of the recorded run.
Status write_views(Session& session, exec::Store& store, const exec::RunReport& report, const Arguments& arguments) {
  const std::string trace = arguments.text("trace"), page = arguments.text("report");
  if (trace.empty() && page.empty()) return {};
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const exec::RecordedRun recorded, exec::read_run(store, *catalogue, report.run));
  if (!trace.empty()) HEADRACE_TRY(write_trace(recorded, trace));
  if (!page.empty()) {
    HEADRACE_TRY(io::write_file_atomic(page, web::report_html(recorded, *catalogue)));
    session.out.say(cat("report ", page));
  }
  return {};
}

Result<int> run(const Arguments& arguments, Session& session) {
  session.out.set_quiet(arguments.flag("quiet"));
  HEADRACE_TRY(check_files(arguments));
  exec::RunOptions options{.mode = mode_of(arguments)};
  options.workers = static_cast<int>(arguments.integer("workers"));
  options.recall = !arguments.flag("fresh");
  options.command = session.command();
  const std::string output = arguments.text("output");
  options.keep_outputs = options.mode == graph::Mode::kTransform || options.mode == graph::Mode::kPredict || !output.empty();
  if (!output.empty()) HEADRACE_TRY(check_output_path(output));
  if (arguments.given("memory")) {
    HEADRACE_ASSIGN(options.memory_bytes, parse_size(arguments.text("memory"), "--memory"));
  }
  LoadOptions load{.file = arguments.text("file"),
                   .overrides = arguments.texts("set"),
                   .seed = {},
                   .limits = arguments.given("on") ? graph::Limits{} : limits_here(options.workers, options.memory_bytes)};
  if (arguments.given("seed")) load.seed = arguments.integer("seed");
  const LoadedPipeline loaded = load_pipeline(session, load);
  if (!loaded.errors.empty()) return session.out.fail(loaded.errors);

  // Before the store and the pool: their threads inherit its signal mask.
  const Interrupt interrupt([&](Interrupt::Cause cause) { session.out.say(stop_text(cause)); }, arguments.real("timeout"));
  options.stop = interrupt.token();
  HEADRACE_ASSIGN(const Places places, open_places(arguments, session, loaded.graph));
  options.place = places.place;
  options.python = places.python;
  exec::Store* store = nullptr;
  if (!arguments.flag("no-store")) {
    HEADRACE_ASSIGN(store, session.store(arguments.text("store")));
  }
  say_start(session, loaded.graph, store);
  HEADRACE_ASSIGN(const RunOutcome outcome, run_watched(session, loaded.graph, store, std::move(options), places));
  if (store != nullptr) HEADRACE_TRY(write_views(session, *store, outcome.report, arguments));
  if (!output.empty() && outcome.report.exit_code() == 0) HEADRACE_TRY(save_output(outcome, output));
  if (session.out.json()) {
    session.out.print_json(document_of(outcome));
  } else {
    print_results(session, outcome, static_cast<std::size_t>(arguments.integer("top")));
  }
  say_end(session, outcome.report);
  return outcome.report.exit_code();
}

}  // namespace

Command run_command() {
  using config::Value;
  return {
      .name = "run",
      .summary = "run a pipeline file and rank its paths",
      .details =
          "Results are remembered: the same command again prints the same table at once, a changed parameter runs only "
          "what it affects, and a run that was killed is finished by the same command.\n"
          "Ctrl-C asks the run to stop after the tasks that run now (exit code 4); a second one ends it at once.",
      .flags =
          {positional(config::path("file", "the pipeline file (YAML)").must()),
           mode_flag("fit", {"fit", "transform", "predict", "score"},
                     "what each path gives: its model (and its scores over folds), or rows, predictions or scores of its model"),
           takes("NODE.KEY=VALUE", config::list("set", config::Type::kStringList, Value(), "change the pipeline first; the value is YAML"))
               .many(),
           takes("N", config::integer("seed", Value(), "use this seed instead of the file's").at_least(0)),
           takes("N", config::integer("workers", 0, "tasks at a time; 0 is one a core").at_least(0).at_most(4096)),
           takes("SIZE", config::string("memory", Value(), "what tasks with a memory demand may take together, such as 4GB")),
           takes("PLACE", config::string("on", Value(), "where nodes run: processes:N, or workers:N@ADDRESS; without it, in this process")),
           takes("SIZE",
                 config::string("object-memory", Value(), "shared memory for objects before they go to disk; a quarter of the machine's")),
           takes("S", config::real("timeout", 0, "stop after this time; 0 never").at_least(0).at_most(1e8).in("seconds")), store_flag(),
           toggle("no-store", "keep nothing, remember nothing"), toggle("fresh", "run everything again, even what is remembered"),
           takes("N", config::integer("top", 20, "rows of the table to print; 0 prints all").at_least(0)),
           takes("FILE", config::path("output", "write the one table that the run gives: .csv, .tsv, .parquet, .arrow")).short_form('o'),
           takes("FILE", config::path("trace", "write a Chrome trace of the run")),
           takes("FILE", config::path("report", "write the HTML report of the run")),
           toggle("quiet", "no talk and no progress on stderr").short_form('q'), json_flag()},
      .examples = {"headrace run examples/digits/pipeline.yaml",
                   "headrace run examples/digits/pipeline.yaml --set pca.components=20 --top 5",
                   "headrace run examples/digits/pipeline.yaml --json | jq '.results[0]'"},
      .run = run};
}

}  // namespace headrace::cli
