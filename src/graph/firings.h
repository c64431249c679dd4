// SPDX-License-Identifier: Apache-2.0
#pragma once
// Firings: which node fires for which objects. It does not depend on folds: each fold repeats the part below the cut.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "graph/lineage.h"
#include "headrace/base/result.h"
#include "headrace/graph/catalogue.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

/// One firing of a node, or (`stack`) the pieces that a node with `firing: all` waits for, stacked into one object.
struct Fired {
  int node = -1;                 ///< expanded node; of a stack, the first of the nodes that read it
  int lineage = 0;
  std::uint32_t first = 0;       ///< its inputs in Firings::inputs; alternatives of one node share them
  std::uint32_t count = 0;
  bool stack = false;
};

struct Firings {
  struct Range {
    int begin = 0;
    int end = 0;
  };
  Lineages lineages;
  std::vector<Fired> all;                                ///< inputs before what reads them
  std::vector<int> inputs;                                ///< flat
  std::vector<Range> of_node;                             ///< per expanded node its own firings
  std::vector<Range> stacks_of;                           ///< per expanded node the stacks made for it
  /// Of nodes fitted over pieces (`sequential`, `aggregate`): firings that share a model, in order of their pieces.
  std::unordered_map<int, std::vector<std::vector<int>>> groups;

  std::span<const int> inputs_of(int firing) const;
};

/// The state a node has: as annotated, else once for operators that fit.
State state_of(const Node& node, const OperatorSpec& spec);
/// True for nodes whose model is fitted over all pieces of an edge.
bool fits_over_pieces(const Node& node, const OperatorSpec& spec);

/// Errors: kTooLarge above `limit` firings, kMissingInput when the inputs of a node never meet, kEdgeType when more alternatives
/// arrive than the operator takes. `specs` is per node of the graph.
Result<Firings> fire(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs, std::size_t limit);

}  // namespace headrace::graph
