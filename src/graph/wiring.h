// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wiring: the names in `from` resolved to node indexes, flat, and an order in which every node comes after its inputs.

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "headrace/graph/graph.h"

namespace headrace::graph {

/// Borrows the names of the graph it was made from.
struct Wiring {
  std::unordered_map<std::string_view, int> index;   ///< the first node of each name
  std::vector<int> from;                             ///< all names of all inputs of all nodes, in order; -1: no such node
  std::vector<std::uint32_t> ends;                   ///< per node, where its part of `from` ends
  std::vector<int> order;                            ///< topological; of nodes written in such an order, that order
  std::vector<int> cycle;                            ///< nodes of one cycle, each read by the next; empty when there is none
  std::vector<bool> read;                            ///< some node reads it

  std::span<const int> of(int node) const;
};
/// Cost: linear in nodes and edges.
Wiring wire(const Graph& graph);

/// Marks every node that descends from a marked one, including those.
void mark_descendants(const Wiring& wiring, std::vector<bool>& marked);
/// Marks every node that a marked one descends from, including those.
void mark_ancestors(const Wiring& wiring, std::vector<bool>& marked);

}  // namespace headrace::graph
