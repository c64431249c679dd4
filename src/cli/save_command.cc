// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/run_argument.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  exec::Packs packs(*catalogue);
  const std::string folder = arguments.text("output");
  const int rank = static_cast<int>(arguments.integer("rank"));
  HEADRACE_TRY(exec::save_pipeline(*store, *catalogue, packs, arguments.text("run"), rank, folder));
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("folder", folder);
    document.set("rank", rank);
    session.out.print_json(document);
  } else {
    session.out.print(cat(folder, "\n"));
    session.out.say(cat("next: headrace apply ", folder, " --mode predict --data FILE -o predictions.csv"));
  }
  return 0;
}

}  // namespace

Command save_command() {
  return {
      .name = "save",
      .summary = "fit a path of a run on all rows and save it in a folder",
      .details =
          "The folder holds the path as a graph without grids, its models, and where they came from. It needs nothing of the "
          "store.",
      .flags = {run_argument(), takes("DIR", config::path("output", "the folder to make; it must be new or empty").must()).short_form('o'),
                takes("N", config::integer("rank", 1, "which path, by its place in the table").at_least(1)), store_flag(), json_flag()},
      .examples = {"headrace save last -o digits.model"},
      .run = run};
}

}  // namespace headrace::cli
