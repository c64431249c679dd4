// SPDX-License-Identifier: Apache-2.0
// What a pipeline asks of a cluster: its annotations, summed up.
#include <algorithm>

#include "cluster/manifests_parts.h"

namespace headrace::cluster::detail {
namespace {

template <class T>
void raise(T& largest, T value, std::string& whose, const std::string& node) {
  if (value <= largest) return;
  largest = value;
  whose = node;
}

// More than any machine has: sums of hostile annotations stop here instead of wrapping.
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 60;

std::uint64_t bytes_times(std::uint64_t bytes, int members) {
  std::uint64_t out = 0;
  return __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(members), &out) ? kBytesMax : std::min(out, kBytesMax);
}

}  // namespace

Result<Demand> demand_of(const graph::Graph& validated) {
  HEADRACE_ASSIGN(const graph::Expanded expanded, graph::expand(validated));
  Demand demand;
  demand.nodes = static_cast<int>(expanded.nodes.size());
  demand.largest.cpu = 0;
  demand.together.cpu = 0;
  demand.sum.cpu = 0;
  for (const graph::ExpandedNode& node : expanded.nodes) {
    const graph::Node& written = expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
    const graph::Resources& asked = written.annotations.resources;
    const int gang = written.annotations.gang;
    const std::uint64_t memory = bytes_times(asked.memory_bytes, gang);
    if (asked.cpu * gang > demand.together.cpu) demand.cpu_where = written.where;
    if (memory > demand.together.memory_bytes) demand.memory_where = written.where;
    raise(demand.largest.cpu, asked.cpu, demand.cpu_node, written.name);
    raise(demand.largest.memory_bytes, std::min(asked.memory_bytes, kBytesMax), demand.memory_node, written.name);
    raise(demand.largest.gpu, asked.gpu, demand.gpu_node, written.name);
    raise(demand.gang, gang, demand.gang_node, written.name);
    demand.together.cpu = std::max(demand.together.cpu, asked.cpu * gang);
    demand.together.memory_bytes = std::max(demand.together.memory_bytes, memory);
    demand.together.gpu = std::max(demand.together.gpu, asked.gpu * gang);
    demand.sum.cpu += asked.cpu * gang;
    demand.sum.memory_bytes = std::min(demand.sum.memory_bytes + memory, kBytesMax);
    demand.sum.gpu += asked.gpu * gang;
  }
  return demand;
}

}  // namespace headrace::cluster::detail
