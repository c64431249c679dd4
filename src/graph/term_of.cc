// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/series.h"
#include "graph/term_body.h"
#include "graph/wiring.h"
#include "headrace/base/text.h"
#include "headrace/graph/term.h"

namespace headrace::graph {
namespace {

// Past this a term is nothing a person reads, and finding it is no longer cheap.
constexpr std::size_t kEdgesMax = 20'000;

}  // namespace

std::string term_of(const Graph& graph) {
  const Wiring wiring = wire(graph);
  if (wiring.from.size() > kEdgesMax || !wiring.cycle.empty())
    return cat("... (", graph.nodes.size(), " nodes, ", wiring.from.size(), " edges)");
  std::vector<int> place(graph.nodes.size(), -1);
  std::vector<TermNode> nodes;
  for (const int index : wiring.order) {
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    place[static_cast<std::size_t>(index)] = static_cast<int>(nodes.size());
    TermNode& out = nodes.emplace_back();
    out.name = node.name;
    out.text = leaf(node).text();
    std::size_t at = 0;
    for (const Input& input : node.inputs) {
      // `combine: union` makes one input of all.
      if (out.inputs.empty() || node.annotations.combine != Combine::kUnion) out.inputs.emplace_back();
      for (std::size_t k = 0; k < input.from.size(); ++k) {
        const int from = wiring.of(index)[at++];
        if (from >= 0) out.inputs.back().push_back(place[static_cast<std::size_t>(from)]);
      }
    }
    std::erase_if(out.inputs, [](const std::vector<int>& united) { return united.empty(); });   // names of no node
  }
  bool exact = false;
  std::string text = write_term(std::move(nodes), &exact);
  if (graph.evaluate && graph.evaluate->pick_best && !graph.evaluate->metrics.empty()) {
    const bool brackets = !exact || text.find(" | ") != std::string::npos || text.find(" & ") != std::string::npos;
    text = cat(brackets && text.find(" >> ") == std::string::npos ? cat("(", text, ")") : text, exact ? " >> " : "; ", "pick(",
               graph.evaluate->metrics.front(), ")");
  }
  return text;
}

}  // namespace headrace::graph
