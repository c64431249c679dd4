// SPDX-License-Identifier: Apache-2.0
// A plan as JSON shows it.
#include "headrace/base/text.h"
#include "headrace/graph/plan.h"
#include "headrace/graph/term.h"

namespace headrace::graph {
namespace {

using config::Value;

Value params_value(const std::vector<std::pair<std::string, Value>>& params) {
  config::Map out;
  for (const auto& [name, value] : params) out.push_back(config::Entry{name, value, {}});
  return Value(std::move(out));
}

}  // namespace

Value to_value(const Plan& plan) {
  const std::vector<int> level = levels(plan.expanded);
  const std::vector<ExpandedNode>& nodes = plan.expanded.nodes;
  config::List node_list, edge_list, path_list;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& origin = plan.expanded.graph.nodes[static_cast<std::size_t>(nodes[i].origin)];
    Value node;
    node.set("name", nodes[i].name);
    node.set("node", origin.name);
    node.set("op", origin.op);
    node.set("level", level[i]);
    node.set("params", nodes[i].params.is_null() ? Value(config::Map{}) : nodes[i].params);
    node.set("chosen", params_value(nodes[i].chosen));
    node_list.push_back(std::move(node));
    for (std::size_t input = 0; input < nodes[i].inputs.size(); ++input) {
      for (const int from : nodes[i].inputs[input]) {
        Value edge;
        edge.set("from", nodes[static_cast<std::size_t>(from)].name);
        edge.set("to", nodes[i].name);
        edge.set("input", static_cast<std::int64_t>(input));
        edge_list.push_back(std::move(edge));
      }
    }
  }
  for (std::size_t p = 0; p < plan.paths.size(); ++p) {
    Value path;
    path.set("path", plan.paths[p].label);
    config::List names;
    for (const int node : plan.paths[p].nodes) names.emplace_back(nodes[static_cast<std::size_t>(node)].name);
    path.set("nodes", std::move(names));
    path.set("params", params_value(plan.paths[p].params));
    path_list.push_back(std::move(path));
  }
  Value out;
  out.set("pipeline", plan.expanded.graph.name);
  out.set("nodes", std::move(node_list));
  out.set("edges", std::move(edge_list));
  out.set("paths", std::move(path_list));
  out.set("term", term_of(plan.expanded.graph));
  out.set("folds", plan.folds);
  out.set("tasks", static_cast<std::int64_t>(plan.tasks.size()));
  return out;
}

}  // namespace headrace::graph
