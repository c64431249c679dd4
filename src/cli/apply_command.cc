// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/pipeline.h"
#include "cli/progress.h"
#include "cli/progress_display.h"
#include "cli/run_view.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"
#include "headrace/exec/run.h"

namespace headrace::cli {
namespace {

Result<exec::AppliedPipeline> apply(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  const Interrupt interrupt([&](Interrupt::Cause) { session.out.say("stopping; Ctrl-C again ends at once"); });
  exec::Packs packs(*catalogue);
  Progress progress;
  ProgressDisplay display(progress, ProgressDisplay::form_for(2, session.out.quiet()));
  exec::RunOptions options{.mode = mode_of(arguments), .workers = static_cast<int>(arguments.integer("workers")), .sinks = {&progress},
                           .stop = interrupt.token(), .command = session.command(), .keep_outputs = true};
  auto applied = exec::apply_pipeline(arguments.text("folder"), *catalogue, packs, options.mode, arguments.text("data"), options);
  if (applied.ok() && interrupt.cause() != Interrupt::Cause::kNone)
    return Error(Code::kCancelled, "stopped before the end", "run the same command again");
  return applied;
}

config::Value to_value(const exec::AppliedPipeline& applied) {
  config::Value document{config::Map{}};
  config::List outputs, scores;
  for (const data::Object& object : applied.outputs) outputs.push_back(object_to_value(object));
  for (const data::Metrics& metrics : applied.scores) scores.push_back(object_to_value(data::Object(metrics)));
  document.set("outputs", std::move(outputs));
  document.set("scores", std::move(scores));
  return document;
}

Result<int> run(const Arguments& arguments, Session& session) {
  session.out.set_quiet(arguments.flag("quiet"));
  const std::string output = arguments.text("output");
  if (!output.empty()) HEADRACE_TRY(check_output_path(output));
  HEADRACE_ASSIGN(const exec::AppliedPipeline applied, apply(arguments, session));
  if (!output.empty()) {
    if (applied.outputs.size() != 1) {
      return Error(Code::kUsage, cat("--output takes one table, and the pipeline gave ", applied.outputs.size()),
                   "use --mode predict or --mode transform");
    }
    HEADRACE_TRY(write_output(applied.outputs[0], output));
  }
  if (session.out.json()) {
    session.out.print_json(to_value(applied));
    return 0;
  }
  for (const data::Object& object : applied.outputs) session.out.print(printable(object_text(object) + "\n"));
  for (const data::Metrics& metrics : applied.scores) session.out.print(printable(object_text(data::Object(metrics)) + "\n"));
  if (!output.empty()) session.out.say(cat("written to ", output));
  return 0;
}

}  // namespace

Command apply_command() {
  return {.name = "apply",
          .summary = "apply a saved pipeline to data: predict, transform or score",
          .details = "",
          .flags = {positional(config::path("folder", "what headrace save wrote").must()),
                    mode_flag("", {"predict", "transform", "score"}, "what the pipeline gives"),
                    takes("FILE", config::path("data", "read this instead of the pipeline's own source")),
                    takes("FILE", config::path("output", "write the resulting table: .csv, .tsv, .parquet, .arrow")).short_form('o'),
                    takes("N", config::integer("workers", 0, "tasks at a time; 0 is one a core").at_least(0).at_most(4096)),
                    toggle("quiet", "no talk and no progress on stderr").short_form('q'), json_flag()},
          .examples = {"headrace apply digits.model --mode predict --data new.csv -o predictions.csv",
                       "headrace apply digits.model --mode score --json"},
          .run = run};
}

}  // namespace headrace::cli
