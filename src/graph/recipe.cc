// SPDX-License-Identifier: Apache-2.0
#include "graph/recipe.h"

#include <algorithm>

#include "graph/firings.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

// Marks cuts and what descends from them. Expanded nodes are in topological order.
void mark_folds(const Expanded& expanded, std::vector<Recipe>& recipes) {
  if (!expanded.graph.evaluate) return;
  const std::vector<std::string>& at = expanded.graph.evaluate->at;
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    Recipe& recipe = recipes[i];
    const std::span<const int> inputs = expanded.nodes[i].inputs.all();
    recipe.below = std::any_of(inputs.begin(), inputs.end(), [&](int from) {
      const Recipe& before = recipes[static_cast<std::size_t>(from)];
      return before.cut || before.below;
    });
    recipe.cut = at.empty() ? recipe.spec->family == Family::kSource : std::find(at.begin(), at.end(), recipe.node->name) != at.end();
  }
}

// What a sink is asked for, by mode.
void ask_sink(Recipe& recipe, Mode mode, bool clusters_judged) {
  const Family family = recipe.spec->family;
  const bool predictor = is_predictor(family);
  const bool judgeable = predictor || (family == Family::kClusterer && clusters_judged);
  recipe.judged = judgeable && (recipe.below || mode == Mode::kScore);
  recipe.predicts =
      (predictor && (mode == Mode::kTransform || mode == Mode::kPredict)) || (family == Family::kClusterer && mode == Mode::kPredict);
  if (recipe.below) {
    recipe.test_out = !recipe.judged && !recipe.predicts;
  } else {
    recipe.train_out = !recipe.judged && !recipe.predicts && (mode != Mode::kFit || !recipe.fits());
  }
}

// A reader asks its inputs for the rows it works on. Below the cut both sides are known; above it there is one.
void ask_inputs(const Recipe& reader, Recipe& input) {
  if (input.below) {
    input.train_out = input.train_out || reader.train_in;
    input.test_out = input.test_out || reader.test_in;
    return;
  }
  input.train_out = input.train_out || reader.train_in || reader.test_in;
  if (!input.cut) return;
  input.take_train = input.take_train || reader.train_in;
  input.take_test = input.take_test || reader.test_in;
}

}  // namespace

Result<std::vector<std::string>> metrics_of(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs,
                                            const LowerOptions& options) {
  if (expanded.graph.evaluate) return expanded.graph.evaluate->metrics;
  if (options.mode != Mode::kScore) return std::vector<std::string>{};
  if (!options.metrics.empty()) return options.metrics;
  const Node* classifier = nullptr;
  const Node* regressor = nullptr;
  for (const int sink : expanded.sinks) {
    const auto origin = static_cast<std::size_t>(expanded.nodes[static_cast<std::size_t>(sink)].origin);
    if (specs[origin]->family == Family::kClassifier) classifier = &expanded.graph.nodes[origin];
    if (specs[origin]->family == Family::kRegressor) regressor = &expanded.graph.nodes[origin];
  }
  if (classifier != nullptr && regressor != nullptr) {
    return Error(Code::kUnsupported,
                 cat("no metric judges both ", classifier->name, ", a classifier, and ", regressor->name, ", a regressor"),
                 "score them in two pipelines", regressor->where);
  }
  if (classifier != nullptr) return std::vector<std::string>{"accuracy"};
  if (regressor != nullptr) return std::vector<std::string>{"r2"};
  return std::vector<std::string>{};
}

std::vector<Recipe> recipes_of(const Expanded& expanded, const Catalogue& catalogue, const std::vector<const OperatorSpec*>& specs,
                               Mode mode, const std::vector<std::string>& metrics) {
  std::vector<Recipe> recipes(expanded.nodes.size());
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    const auto origin = static_cast<std::size_t>(expanded.nodes[i].origin);
    const Node& node = expanded.graph.nodes[origin];
    recipes[i].node = &node;
    recipes[i].spec = specs[origin];
    recipes[i].state = state_of(node, *specs[origin]);
    if (node.op == "join") recipes[i].phase = Phase::kJoin;
    if (node.annotations.shard && node.annotations.shard->parts > 1) recipes[i].shard = &*node.annotations.shard;
  }
  mark_folds(expanded, recipes);
  const bool clusters_judged = !metrics.empty() && std::all_of(metrics.begin(), metrics.end(), [&](const std::string& name) {
    const MetricSpec* metric = catalogue.find_metric(name);
    return metric != nullptr && metric->family == Family::kClusterer;
  });
  for (const int sink : expanded.sinks) {
    Recipe& recipe = recipes[static_cast<std::size_t>(sink)];
    recipe.sink = true;
    // In the middle of a graph a predictor hands its predictions on as features: that is its transform.
    if (is_predictor(recipe.spec->family)) recipe.phase = Phase::kPredict;
    ask_sink(recipe, mode, clusters_judged);
  }
  for (std::size_t i = recipes.size(); i-- > 0;) {
    Recipe& recipe = recipes[i];
    // Whole rows: what a sink is asked for is made from them. Folds: from the held-out rows.
    const bool asked = recipe.judged || recipe.predicts;
    recipe.train_in = recipe.fits() || recipe.train_out || (!recipe.below && asked);
    recipe.test_in = recipe.below && (recipe.test_out || asked);
    for (const int from : expanded.nodes[i].inputs.all()) ask_inputs(recipe, recipes[static_cast<std::size_t>(from)]);
  }
  return recipes;
}

}  // namespace headrace::graph
