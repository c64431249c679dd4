// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/run_argument.h"
#include "cli/trace_file.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const exec::RecordedRun recorded, recorded_run(arguments, session));
  std::string file = arguments.text("output");
  if (file.empty()) file = cat(recorded.id, ".trace.json");
  HEADRACE_TRY(write_trace(recorded, file));
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("run", recorded.id);
    document.set("file", file);
    session.out.print_json(document);
  } else {
    session.out.print(cat(file, "\n"));
    session.out.say("open it in chrome://tracing or ui.perfetto.dev");
  }
  return 0;
}

}  // namespace

Command trace_command() {
  return {.name = "trace",
          .summary = "write the timeline of a run as a Chrome trace",
          .details = "",
          .flags = {run_argument(), takes("FILE", config::path("output", "where to write it; unset: RUN.trace.json")).short_form('o'),
                    store_flag(), json_flag()},
          .examples = {"headrace trace last -o digits.trace.json"},
          .run = run};
}

}  // namespace headrace::cli
