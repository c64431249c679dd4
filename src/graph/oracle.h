// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a graph means, by the definition: lists of objects with lineage, worked out node by node, fold by fold, with nested loops.
// Independent of expansion, firing and lowering; shares only the toy operators with the runner.

#include <optional>
#include <string>
#include <vector>

#include "graph/toy_run.h"
#include "headrace/graph/graph.h"
#include "headrace/graph/plan.h"
#include "headrace/graph/term.h"

namespace headrace::graph::toy {

/// What one path must give.
struct Expected {
  std::vector<Thing> outputs;
  std::vector<std::string> scores;
};
struct Meaning {
  std::vector<Expected> paths;
  int fits = 0;      ///< tasks that fit, folds included
  int scores = 0;
  int firings = 0;   ///< of all nodes
};

/// The meaning of a validated graph in a mode. `files` is how many objects a reader's pattern matches.
/// Nothing when a node would fire more than `limit` times, or when inputs never meet.
std::optional<Meaning> meaning_of(const Graph& graph, Mode mode, int files, std::size_t limit);

/// The rows that a term gives, by the definition of its operators: sequence, alternatives, join, replicas, grids. Leaves are
/// operators of the toy catalogue that do not draw random numbers. Used on terms without folds, in mode transform.
/// Nothing when a part gives more than `limit` objects.
std::optional<std::vector<Tables>> value_of(const Term& term, std::size_t limit);

}  // namespace headrace::graph::toy
