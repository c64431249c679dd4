// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/pipeline.h"
#include "headrace/base/text.h"
#include "headrace/graph/term.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kPathsShown = 20;

std::string drawing(const graph::Plan& plan) {
  std::string out = to_terminal(plan.expanded);
  if (!out.empty() && out.back() != '\n') out += '\n';
  out += cat("\nterm   ", term_of(plan.expanded.graph), "\n");
  out += cat("nodes  ", plan.expanded.nodes.size(), " expanded, ", plan.expanded.edges(), " edges\ntasks  ", plan.tasks.size(), "\npaths  ",
             plan.paths.size(), "\n");
  for (std::size_t i = 0; i < plan.paths.size() && i < kPathsShown; ++i) out += cat("  ", plan.paths[i].label, "\n");
  if (plan.paths.size() > kPathsShown) out += cat("  ... and ", plan.paths.size() - kPathsShown, " more\n");
  return out;
}

Result<int> run(const Arguments& arguments, Session& session) {
  const int forms = arguments.flag("dot") + arguments.flag("svg") + arguments.flag("term") + arguments.flag("json");
  if (forms > 1) return Error(Code::kUsage, "choose one of --dot, --svg, --term and --json", "see headrace help graph");
  const LoadedPipeline loaded =
      load_pipeline(session, {.file = arguments.text("file"), .overrides = arguments.texts("set"), .seed = {}, .limits = {}});
  if (!loaded.errors.empty()) return session.out.fail(loaded.errors);
  if (arguments.flag("term")) {
    session.out.print(term_of(loaded.graph) + "\n");
    return 0;
  }
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const graph::Plan plan, plan_of(loaded.graph, *catalogue));
  if (session.out.json()) {
    session.out.print_json(to_value(plan));
  } else if (arguments.flag("dot")) {
    session.out.print(to_dot(plan.expanded));
  } else if (arguments.flag("svg")) {
    session.out.print(to_svg(plan.expanded));
  } else {
    session.out.print(printable(drawing(plan)));
  }
  return 0;
}

}  // namespace

Command graph_command() {
  return {.name = "graph",
          .summary = "draw a pipeline: its nodes, term and paths",
          .details = "Every grid and replica is expanded: what is drawn is what would run. No data are read.",
          .flags = {positional(config::path("file", "the pipeline file (YAML)").must()), toggle("dot", "print a Graphviz drawing"),
                    toggle("svg", "print an SVG drawing"), toggle("term", "print the pipeline as a term of the algebra"),
                    takes("NODE.KEY=VALUE",
                          config::list("set", config::Type::kStringList, config::Value(), "change the pipeline first; the value is YAML"))
                        .many(),
                    json_flag()},
          .examples = {"headrace graph examples/digits/pipeline.yaml", "headrace graph examples/digits/pipeline.yaml --svg > digits.svg"},
          .run = run};
}

}  // namespace headrace::cli
