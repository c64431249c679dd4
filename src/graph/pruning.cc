// SPDX-License-Identifier: Apache-2.0
#include "graph/pruning.h"

#include <algorithm>

namespace headrace::graph {
namespace {

// Firings that share a model need each other's inputs.
void spread_groups(const Firings& firings, int node, std::vector<bool>& marked) {
  const auto groups = firings.groups.find(node);
  if (groups == firings.groups.end()) return;
  for (const std::vector<int>& group : groups->second) {
    if (std::none_of(group.begin(), group.end(), [&](int firing) { return marked[static_cast<std::size_t>(firing)]; })) continue;
    for (const int firing : group) marked[static_cast<std::size_t>(firing)] = true;
  }
}

std::vector<bool> descendants(const Expanded& expanded, const Firings& firings, int origin) {
  std::vector<bool> marked(firings.all.size(), false);
  for (std::size_t i = 0; i < firings.all.size(); ++i) {
    const Fired& firing = firings.all[i];
    const std::span<const int> inputs = firings.inputs_of(static_cast<int>(i));
    marked[i] = (!firing.stack && expanded.nodes[static_cast<std::size_t>(firing.node)].origin == origin) ||
                std::any_of(inputs.begin(), inputs.end(), [&](int input) { return marked[static_cast<std::size_t>(input)]; });
  }
  return marked;
}

void mark_ancestors(const Expanded& expanded, const Firings& firings, std::vector<bool>& marked) {
  for (std::size_t node = expanded.nodes.size(); node-- > 0;) {
    spread_groups(firings, static_cast<int>(node), marked);
    const auto pass_on = [&](Firings::Range range) {
      for (int firing = range.begin; firing < range.end; ++firing) {
        if (!marked[static_cast<std::size_t>(firing)]) continue;
        for (const int input : firings.inputs_of(firing)) marked[static_cast<std::size_t>(input)] = true;
      }
    };
    pass_on(firings.of_node[node]);
    pass_on(firings.stacks_of[node]);
  }
}

}  // namespace

PruneGroups find_prune_groups(const Expanded& expanded, const Firings& firings, const std::vector<Recipe>& recipes,
                              const std::vector<Path>& paths, const std::vector<std::string>& metrics) {
  PruneGroups out;
  for (std::size_t origin = 0; origin < expanded.graph.nodes.size(); ++origin) {
    const Node& node = expanded.graph.nodes[origin];
    if (!node.annotations.prune) continue;
    Pruning pruning{static_cast<int>(origin), *node.annotations.prune, {}, {}};
    if (pruning.rule.metric.empty() && !metrics.empty()) pruning.rule.metric = metrics.front();
    const std::vector<bool> through = descendants(expanded, firings, static_cast<int>(origin));
    std::vector<bool> inside(firings.all.size(), false), outside(firings.all.size(), false);
    for (std::size_t p = 0; p < paths.size(); ++p) {
      const bool member = recipes[static_cast<std::size_t>(paths[p].sink)].judged && through[static_cast<std::size_t>(paths[p].firings[0])];
      if (member) pruning.paths.push_back(static_cast<std::int32_t>(p));
      for (const std::int32_t firing : paths[p].firings) (member ? inside : outside)[static_cast<std::size_t>(firing)] = true;
    }
    if (pruning.paths.empty()) continue;
    mark_ancestors(expanded, firings, inside);
    mark_ancestors(expanded, firings, outside);
    if (out.exclusive.empty()) out.exclusive.resize(firings.all.size());
    for (std::size_t i = 0; i < firings.all.size(); ++i) {
      if (inside[i] && !outside[i]) out.exclusive[i].push_back(static_cast<std::int32_t>(out.groups.size()));
    }
    out.groups.push_back(std::move(pruning));
  }
  return out;
}

}  // namespace headrace::graph
