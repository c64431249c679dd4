// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the drawings of an expanded graph have in common.

#include <string>
#include <utility>
#include <vector>

#include "headrace/graph/plan.h"

namespace headrace::graph {

/// Boxes and edges to draw: expanded nodes, or nodes of the graph with their number of alternatives.
struct Drawing {
  struct Item {
    std::string name;
    std::string op;
    std::string detail;                          ///< shown on demand: parameters
    std::vector<int> members;                    ///< expanded nodes it stands for
  };
  std::vector<Item> items;
  std::vector<std::pair<int, int>> edges;        ///< from lower to higher indexes, each pair once
};

/// Draws every expanded node when there are at most `nodes_max`, else one item per node of the graph.
Drawing drawing_of(const Expanded& expanded, std::size_t nodes_max);

}  // namespace headrace::graph
