// SPDX-License-Identifier: Apache-2.0
#include "graph/wiring.h"

#include <algorithm>

namespace headrace::graph {
namespace {

// Depth first along inputs, without recursion: graphs can be a million nodes deep.
void sort(Wiring& wiring, std::size_t nodes) {
  enum : std::uint8_t { kNew, kOpen, kDone };
  std::vector<std::uint8_t> state(nodes, kNew);
  struct Frame {
    int node;
    std::size_t next;
  };
  std::vector<Frame> stack;
  wiring.order.reserve(nodes);
  for (std::size_t root = 0; root < nodes; ++root) {
    if (state[root] != kNew) continue;
    stack.push_back({static_cast<int>(root), 0});
    state[root] = kOpen;
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const std::span<const int> inputs = wiring.of(frame.node);
      while (frame.next < inputs.size() && (inputs[frame.next] < 0 || state[static_cast<std::size_t>(inputs[frame.next])] == kDone))
        ++frame.next;
      if (frame.next == inputs.size()) {
        state[static_cast<std::size_t>(frame.node)] = kDone;
        wiring.order.push_back(frame.node);
        stack.pop_back();
        continue;
      }
      const int input = inputs[frame.next++];
      if (state[static_cast<std::size_t>(input)] == kNew) {
        state[static_cast<std::size_t>(input)] = kOpen;
        stack.push_back({input, 0});
      } else if (wiring.cycle.empty()) {
        // The stack from `input` upwards is the cycle, each entry reading the next.
        const auto start = std::find_if(stack.begin(), stack.end(), [&](const Frame& open) { return open.node == input; });
        for (auto at = stack.end(); at != start;) wiring.cycle.push_back((--at)->node);
      }
    }
  }
}

}  // namespace

std::span<const int> Wiring::of(int node) const {
  const auto at = static_cast<std::size_t>(node);
  const std::uint32_t start = at == 0 ? 0 : ends[at - 1];
  return std::span<const int>(from).subspan(start, ends[at] - start);
}

Wiring wire(const Graph& graph) {
  Wiring wiring;
  const std::vector<Node>& nodes = graph.nodes;
  wiring.index.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) wiring.index.try_emplace(nodes[i].name, static_cast<int>(i));
  wiring.ends.reserve(nodes.size());
  wiring.read.assign(nodes.size(), false);
  bool alike = false;   // the node before has one name an input, so that its inputs and its part of `from` run in step
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::vector<Input>& inputs = nodes[i].inputs;
    const std::size_t start = wiring.from.size();
    // Nodes of one layer often read the same: look at the neighbour before asking the map.
    const Node* neighbour = alike && nodes[i - 1].inputs.size() == inputs.size() ? &nodes[i - 1] : nullptr;
    alike = true;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      alike = alike && inputs[k].from.size() == 1;
      if (neighbour != nullptr && alike && neighbour->inputs[k].from[0] == inputs[k].from[0]) {
        wiring.from.push_back(wiring.from[start - inputs.size() + k]);
        continue;
      }
      for (const std::string& name : inputs[k].from) {
        const auto found = wiring.index.find(name);
        wiring.from.push_back(found == wiring.index.end() ? -1 : found->second);
      }
    }
    wiring.ends.push_back(static_cast<std::uint32_t>(wiring.from.size()));
  }
  for (const int from : wiring.from) {
    if (from >= 0) wiring.read[static_cast<std::size_t>(from)] = true;
  }
  sort(wiring, nodes.size());
  return wiring;
}

void mark_descendants(const Wiring& wiring, std::vector<bool>& marked) {
  for (const int node : wiring.order) {
    for (const int from : wiring.of(node)) {
      if (from >= 0 && marked[static_cast<std::size_t>(from)]) marked[static_cast<std::size_t>(node)] = true;
    }
  }
}

void mark_ancestors(const Wiring& wiring, std::vector<bool>& marked) {
  for (auto node = wiring.order.rbegin(); node != wiring.order.rend(); ++node) {
    if (!marked[static_cast<std::size_t>(*node)]) continue;
    for (const int from : wiring.of(*node)) {
      if (from >= 0) marked[static_cast<std::size_t>(from)] = true;
    }
  }
}

}  // namespace headrace::graph
