// SPDX-License-Identifier: Apache-2.0
// A Graph back to its YAML form; parse_graph reads it to an equal graph.
#include <algorithm>

#include "graph/keys.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {
namespace {

using config::Value;

Value names_value(const std::vector<std::string>& names) {
  if (names.size() == 1) return Value(names[0]);
  config::List list;
  for (const std::string& name : names) list.emplace_back(name);
  return Value(std::move(list));
}

Value inputs_value(const std::vector<Input>& inputs) {
  if (inputs.size() == 1 && inputs[0].from.size() == 1) return Value(inputs[0].from[0]);
  config::List list;
  for (const Input& input : inputs) list.push_back(names_value(input.from));
  return Value(std::move(list));
}

Value node_value(const Node& node) {
  Value out;
  out.set("op", node.op);
  if (!node.inputs.empty()) out.set("from", inputs_value(node.inputs));
  Value inside;   // parameters that bear the name of another key
  if (node.params.is_map()) {
    for (const config::Entry& entry : node.params.map()) (is_reserved_key(entry.key) ? inside : out).set(entry.key, entry.value);
  }
  if (!inside.is_null()) out.set("params", std::move(inside));
  Value annotations = annotations_to_value(node.annotations);
  if (!annotations.map().empty()) out.set("annotate", std::move(annotations));
  if (!node.seed_name.empty()) out.set("seed_name", node.seed_name);
  return out;
}

Value evaluate_value(const Evaluate& evaluate) {
  Value folds;
  folds.set("kind", evaluate.splitter);
  if (evaluate.splitter_params.is_map()) {
    for (const config::Entry& entry : evaluate.splitter_params.map()) folds.set(entry.key, entry.value);
  }
  Value out;
  out.set("folds", std::move(folds));
  if (!evaluate.metrics.empty()) out.set("metric", names_value(evaluate.metrics));
  out.set("pick", evaluate.pick_best ? "best" : "all");
  if (!evaluate.at.empty()) out.set("at", names_value(evaluate.at));
  if (evaluate.confidence != Evaluate{}.confidence) out.set("confidence", evaluate.confidence);
  return out;
}

}  // namespace

Value graph_to_value(const Graph& graph) {
  Value out;
  out.set("pipeline", graph.name);
  if (graph.version != kFormatVersion) out.set("version", graph.version);
  if (graph.seed != 0) out.set("seed", static_cast<std::int64_t>(graph.seed));
  config::Map nodes;
  for (const Node& node : graph.nodes) nodes.push_back(config::Entry{node.name, node_value(node), {}});
  out.set("nodes", Value(std::move(nodes)));
  if (graph.evaluate) out.set("evaluate", evaluate_value(*graph.evaluate));
  return out;
}

std::string graph_to_yaml(const Graph& graph) { return config::to_yaml(graph_to_value(graph)); }

}  // namespace headrace::graph
