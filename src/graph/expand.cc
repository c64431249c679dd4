// SPDX-License-Identifier: Apache-2.0
// Expansion: one node per grid point and replica, one edge per pair of copies. Every common prefix is shared: PCA with 5 points
// before a classifier with 4 gives 9 nodes and 20 paths, not 40 nodes.
#include <algorithm>

#include "graph/grid.h"
#include "graph/keys.h"
#include "graph/wiring.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {
namespace {

constexpr std::size_t kEdgesMax = 64'000'000;

struct Grid {
  std::string param;
  const config::List* values;
};

std::vector<Grid> grids_of(const Node& node) {
  std::vector<Grid> grids;
  if (!node.params.is_map()) return grids;
  for (const config::Entry& entry : node.params.map()) {
    if (is_grid(entry.value)) grids.push_back({entry.key, &entry.value.map()[0].value.list()});
  }
  return grids;
}

// Alternatives of one node: replicas times grid points.
std::size_t points_of(const Node& node, const std::vector<Grid>& grids, std::size_t limit) {
  std::size_t points = static_cast<std::size_t>(node.annotations.replicas);
  for (const Grid& grid : grids) {
    if (grid.values->size() > limit / std::max<std::size_t>(points, 1)) return limit + 1;
    points *= grid.values->size();
  }
  return points;
}

// The `point`-th alternative: the last grid varies fastest, replicas slowest.
ExpandedNode alternative(const Graph& graph, int origin, const std::vector<Grid>& grids, std::size_t point, std::size_t points) {
  const Node& node = graph.nodes[static_cast<std::size_t>(origin)];
  ExpandedNode out;
  out.origin = origin;
  out.alternative = points > 1 ? static_cast<int>(point) : -1;
  out.params = node.params;
  std::size_t rest = point;
  std::vector<std::size_t> at(grids.size());
  for (std::size_t i = grids.size(); i-- > 0;) {
    at[i] = rest % grids[i].values->size();
    rest /= grids[i].values->size();
  }
  const std::string copy = rest > 0 ? cat("#", rest + 1) : std::string();
  out.name = node.name + copy;
  out.seed = derive_seed(graph.seed, (node.seed_name.empty() ? node.name : node.seed_name) + copy);
  for (std::size_t i = 0; i < grids.size(); ++i) {
    const config::Value& value = (*grids[i].values)[at[i]];
    out.params.set(grids[i].param, value);
    out.chosen.emplace_back(grids[i].param, value);
    out.name += cat(i == 0 ? "[" : ",", grids[i].param, "=", value_label(value));
  }
  if (!grids.empty()) out.name += ']';
  return out;
}

// Copies of the nodes named by each input; `combine: union` makes one input of all.
InputList inputs_of(const Node& node, std::span<const int> from, const std::vector<std::pair<int, int>>& copies) {
  InputList out;
  std::vector<int> united;
  std::size_t at = 0;
  const bool one = node.annotations.combine == Combine::kUnion;
  for (const Input& input : node.inputs) {
    for (std::size_t k = 0; k < input.from.size(); ++k) {
      const auto [first, count] = copies[static_cast<std::size_t>(from[at++])];
      for (int copy = 0; copy < count; ++copy) united.push_back(first + copy);
    }
    if (one) continue;
    out.add(united);
    united.clear();
  }
  if (one && !united.empty()) out.add(united);
  return out;
}

}  // namespace

void InputList::add(std::span<const int> nodes) {
  nodes_.insert(nodes_.end(), nodes.begin(), nodes.end());
  ends_.push_back(static_cast<std::uint32_t>(nodes_.size()));
}

std::span<const int> InputList::operator[](std::size_t input) const {
  const std::uint32_t start = input == 0 ? 0 : ends_[input - 1];
  return std::span<const int>(nodes_).subspan(start, ends_[input] - start);
}

std::size_t Expanded::edges() const {
  std::size_t edges = 0;
  for (const ExpandedNode& node : nodes) edges += node.inputs.all().size();
  return edges;
}

Result<Expanded> expand(Graph validated, std::size_t nodes_max) {
  Expanded out;
  out.graph = std::move(validated);
  const Graph& graph = out.graph;
  const Wiring wiring = wire(graph);
  HEADRACE_CHECK(wiring.cycle.empty(), "only a validated graph can be expanded");
  std::vector<std::pair<int, int>> copies(graph.nodes.size());   // first expanded node and number of alternatives
  std::size_t edges = 0;
  for (const int origin : wiring.order) {
    const Node& node = graph.nodes[static_cast<std::size_t>(origin)];
    const std::vector<Grid> grids = grids_of(node);
    const std::size_t points = points_of(node, grids, nodes_max);
    if (points > nodes_max || out.nodes.size() + points > nodes_max) {
      return Error(Code::kTooLarge, cat("the expanded graph would have more than ", nodes_max, " nodes"),
                   cat("node ", node.name, " has too many alternatives: give its grids fewer values"), node.where);
    }
    InputList inputs = inputs_of(node, wiring.of(origin), copies);
    edges += inputs.all().size() * points;
    if (edges > kEdgesMax) {
      return Error(Code::kTooLarge, cat("the expanded graph would have more than ", kEdgesMax, " edges"),
                   cat("give the grids before and at node ", node.name, " fewer values"), node.where);
    }
    copies[static_cast<std::size_t>(origin)] = {static_cast<int>(out.nodes.size()), static_cast<int>(points)};
    for (std::size_t point = 0; point < points; ++point) {
      out.nodes.push_back(alternative(graph, origin, grids, point, points));
      if (point + 1 < points) {
        out.nodes.back().inputs = inputs;
      } else {
        out.nodes.back().inputs = std::move(inputs);
      }
    }
  }
  for (std::size_t i = 0; i < out.nodes.size(); ++i) {
    if (!wiring.read[static_cast<std::size_t>(out.nodes[i].origin)]) out.sinks.push_back(static_cast<int>(i));
  }
  return out;
}

}  // namespace headrace::graph
