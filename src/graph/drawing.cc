// SPDX-License-Identifier: Apache-2.0
#include "graph/drawing.h"

#include <algorithm>
#include <map>

#include "graph/grid.h"
#include "graph/layout.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

std::string detail_of(const ExpandedNode& node) {
  std::string out;
  if (!node.params.is_map()) return out;
  for (const config::Entry& entry : node.params.map()) out += cat(out.empty() ? "" : "\n", entry.key, ": ", value_label(entry.value));
  return out;
}

}  // namespace

Drawing drawing_of(const Expanded& expanded, std::size_t nodes_max) {
  Drawing out;
  const bool apart = expanded.nodes.size() <= nodes_max;
  std::vector<int> item_of(expanded.nodes.size());
  std::map<int, int> item_of_origin;
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    const ExpandedNode& node = expanded.nodes[i];
    const Node& origin = expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
    const auto known = item_of_origin.find(node.origin);
    if (apart || known == item_of_origin.end()) {
      item_of_origin[node.origin] = static_cast<int>(out.items.size());
      out.items.push_back({apart ? node.name : origin.name, origin.op, detail_of(node), {}});
    }
    item_of[i] = item_of_origin[node.origin];
    out.items[static_cast<std::size_t>(item_of[i])].members.push_back(static_cast<int>(i));
  }
  std::vector<std::pair<int, int>> edges;
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    if (!apart && expanded.nodes[i].alternative > 0) continue;   // copies have the same edges
    for (const int from : expanded.nodes[i].inputs.all()) edges.emplace_back(item_of[static_cast<std::size_t>(from)], item_of[i]);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  out.edges = std::move(edges);
  if (!apart) {
    for (Drawing::Item& item : out.items) {
      if (item.members.size() > 1) item.name += cat(" \u00d7", item.members.size());
    }
  }
  return out;
}

std::vector<int> levels(const Expanded& expanded) {
  std::vector<int> out(expanded.nodes.size(), 0);
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    for (const int from : expanded.nodes[i].inputs.all()) out[i] = std::max(out[i], out[static_cast<std::size_t>(from)] + 1);
  }
  return out;
}

}  // namespace headrace::graph
