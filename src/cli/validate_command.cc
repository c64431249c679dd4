// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/pipeline.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

std::string plural(std::size_t count, std::string_view noun) { return cat(count, " ", noun, count == 1 ? "" : "s"); }

Result<int> run(const Arguments& arguments, Session& session) {
  const LoadedPipeline loaded = load_pipeline(
      session, {.file = arguments.text("file"), .overrides = arguments.texts("set"), .seed = {}, .limits = limits_here(0, 0)});
  if (!loaded.errors.empty()) return session.out.fail(loaded.errors);
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const graph::Plan plan, plan_of(loaded.graph, *catalogue));
  const std::size_t written = loaded.graph.nodes.size(), expanded = plan.expanded.nodes.size(), paths = plan.paths.size();
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("ok", true);
    document.set("nodes", static_cast<std::int64_t>(written));
    document.set("expanded", static_cast<std::int64_t>(expanded));
    document.set("paths", static_cast<std::int64_t>(paths));
    document.set("tasks", static_cast<std::int64_t>(plan.tasks.size()));
    session.out.print_json(document);
  } else {
    session.out.print(cat("ok: ", plural(written, "node"), ", ", expanded, " expanded, ", plural(paths, "path"), ", ",
                          plural(plan.tasks.size(), "task"), "\n"));
  }
  return 0;
}

}  // namespace

Command validate_command() {
  return {.name = "validate",
          .summary = "check a pipeline file without running it",
          .details =
              "Checks everything that can be known before a run: syntax, names, inputs, cycles, operators, parameters and "
              "grids, kinds on edges, metrics, resources. All errors are printed, in file order, each with its place and advice. "
              "No data are read.",
          .flags = {positional(config::path("file", "the pipeline file (YAML)").must()),
                    takes("NODE.KEY=VALUE",
                          config::list("set", config::Type::kStringList, config::Value(), "change the pipeline first; the value is YAML"))
                        .many(),
                    json_flag()},
          .examples = {"headrace validate examples/digits/pipeline.yaml"},
          .run = run};
}

}  // namespace headrace::cli
