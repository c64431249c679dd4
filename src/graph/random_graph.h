// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random graphs and terms over the toy catalogue, for property tests. The same seed gives the same graph.

#include "headrace/base/random.h"
#include "headrace/graph/graph.h"
#include "headrace/graph/term.h"

namespace headrace::graph::toy {

struct Shape {
  bool folds = false;         ///< with `evaluate`: paths end in classifiers
  bool annotations = true;    ///< combine, firing, state, shard, replicas
  int nodes_max = 9;
};
/// A graph that may be wrong (kinds, counts): validate it first.
Graph random_graph(Random& random, const Shape& shape);

/// A term without sources, of up to `leaves` leaves, that draws no random numbers.
Term random_term(Random& random, int leaves);

}  // namespace headrace::graph::toy
