// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pruning: which paths compete, and which firings belong to them alone.

#include <cstdint>
#include <vector>

#include "graph/firings.h"
#include "graph/recipe.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

struct PruneGroups {
  std::vector<Pruning> groups;
  /// Per firing the groups whose paths are the only ones it serves; empty when nothing is pruned.
  std::vector<std::vector<std::int32_t>> exclusive;
};

/// One group per annotated node that some judged path goes through. Cost: linear in the firings' edges, per group.
PruneGroups find_prune_groups(const Expanded& expanded, const Firings& firings, const std::vector<Recipe>& recipes,
                              const std::vector<Path>& paths, const std::vector<std::string>& metrics);

}  // namespace headrace::graph
