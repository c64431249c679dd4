// SPDX-License-Identifier: Apache-2.0
// Lowering, as a list of passes: files, firings, paths, recipes, tasks.
#include <limits>

#include "graph/emitter.h"
#include "graph/firings.h"
#include "graph/paths.h"
#include "graph/recipe.h"
#include "graph/task_ids.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {
namespace {

constexpr std::int64_t kFoldsMax = std::numeric_limits<std::int16_t>::max();

Result<std::vector<const OperatorSpec*>> specs_of(const Graph& graph, const Catalogue& catalogue) {
  std::vector<const OperatorSpec*> specs;
  for (const Node& node : graph.nodes) {
    specs.push_back(catalogue.find(node.op));
    if (specs.back() == nullptr)
      return Error(Code::kUnknownOperator, cat("node ", node.name, ": no operator is called '", node.op, "'"), "validate the graph first",
                   node.where);
  }
  return specs;
}

// The splitter's option `n`; a splitter without one cuts once.
Result<int> folds_of(const Evaluate& evaluate) {
  const config::Value* n = evaluate.splitter_params.find("n");
  if (n == nullptr || n->is_null()) return 1;
  if (n->kind() != config::Kind::kInt || n->integer() < 1 || n->integer() > kFoldsMax) {
    return Error(Code::kBadValue, cat("evaluate: the number of folds must be from 1 to ", kFoldsMax), "for example folds: 5",
                 evaluate.where);
  }
  return static_cast<int>(n->integer());
}

}  // namespace

Result<Plan> lower(Expanded expanded, const Catalogue& catalogue, const LowerOptions& options) {
  Plan plan;
  plan.expanded = std::move(expanded);
  plan.mode = options.mode;
  const Graph& graph = plan.expanded.graph;
  plan.split_seed = derive_seed(graph.seed, "evaluate.folds");
  HEADRACE_ASSIGN(const std::vector<const OperatorSpec*> specs, specs_of(graph, catalogue));
  const OperatorSpec* splitter = nullptr;
  if (graph.evaluate) {
    splitter = catalogue.find(graph.evaluate->splitter);
    if (splitter == nullptr)
      return Error(Code::kUnknownOperator, cat("evaluate: no splitter is called '", graph.evaluate->splitter, "'"),
                   "validate the graph first", graph.evaluate->where);
    HEADRACE_ASSIGN(plan.folds, folds_of(*graph.evaluate));
  }
  HEADRACE_ASSIGN(plan.metrics, metrics_of(plan.expanded, specs, options));

  // Which objects the sources give; then which node fires for which objects.
  HEADRACE_TRY(find_files(plan.expanded, specs, options));
  HEADRACE_ASSIGN(Firings fired, fire(plan.expanded, specs, options.tasks_max));
  const auto firings = std::make_shared<const Firings>(std::move(fired));
  plan.firings = firings;
  plan.paths = find_paths(plan.expanded, *firings);

  // What each node must give, from what the sinks are asked for; then the tasks.
  const std::vector<Recipe> recipes = recipes_of(plan.expanded, catalogue, specs, plan.mode, plan.metrics);
  PruneGroups prunes;
  if (plan.folds > 1) prunes = find_prune_groups(plan.expanded, *firings, recipes, plan.paths, plan.metrics);
  HEADRACE_ASSIGN(const IdHeads heads, IdHeads::make(plan.expanded, specs, splitter, plan.split_seed, options));
  HEADRACE_TRY(Emitter(plan, *firings, recipes, heads, prunes, options.tasks_max).run());
  plan.prunings = std::move(prunes.groups);
  return plan;
}

}  // namespace headrace::graph
