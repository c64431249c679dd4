// SPDX-License-Identifier: Apache-2.0
#pragma once
// Paths: one per firing of a sink (or per group of firings that share a model), with the nodes behind it and its label.

#include <cstdint>
#include <string>
#include <vector>

#include "graph/firings.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

/// Paths in order of sinks and firings, with nodes, params, label and sink filled in; outputs and scores come with the tasks.
std::vector<Path> find_paths(const Expanded& expanded, const Firings& firings);

/// Walks back from firings. Reuse one for many walks: it keeps its marks.
class Walk {
 public:
  explicit Walk(const Firings& firings) : firings_(firings), mark_(firings.all.size(), 0) {}
  /// All firings behind `roots`, those included; stops and returns nothing once `visits` (of edges) are used up.
  const std::vector<int>& behind(const std::vector<std::int32_t>& roots, std::size_t& visits);

 private:
  const Firings& firings_;
  std::vector<std::uint32_t> mark_;
  std::uint32_t round_ = 0;
  std::vector<int> found_;
};

/// The expanded nodes of some firings, ascending, each once.
std::vector<int> nodes_of(const Firings& firings, const std::vector<int>& fired);

/// "file=part-3.csv", for the piece entries of a lineage on a node; "" when it has none.
std::string piece_text(const Expanded& expanded, const Firings& firings, int node, int lineage);

}  // namespace headrace::graph
