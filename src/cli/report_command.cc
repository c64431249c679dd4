// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/run_argument.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "headrace/web/report.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const exec::RecordedRun recorded, recorded_run(arguments, session));
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  const std::string page = web::report_html(recorded, *catalogue);
  std::string file = arguments.text("output");
  if (file == "-") {
    session.out.print(page);
    return 0;
  }
  if (file.empty()) file = cat(recorded.id, ".html");
  HEADRACE_TRY(io::write_file_atomic(file, page));
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("run", recorded.id);
    document.set("file", file);
    document.set("bytes", static_cast<std::int64_t>(page.size()));
    session.out.print_json(document);
  } else {
    session.out.print(cat(file, "\n"));
    session.out.say(cat(bytes_text(page.size()), "; open it in a browser, it needs no network"));
  }
  return 0;
}

}  // namespace

Command report_command() {
  return {
      .name = "report",
      .summary = "write a run as one self-contained HTML page",
      .details =
          "The page holds the ranked table, a parameter heat map, the graph with times, the timeline of workers, confusion "
          "matrices, failures and provenance. It needs no network.",
      .flags = {run_argument(), takes("FILE", config::path("output", "where to write it; - is stdout; unset: RUN.html")).short_form('o'),
                store_flag(), json_flag()},
      .examples = {"headrace report last -o digits.html"},
      .run = run};
}

}  // namespace headrace::cli
