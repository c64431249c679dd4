// SPDX-License-Identifier: Apache-2.0
#include "graph/random_graph.h"

#include <algorithm>

#include "graph/keys.h"
#include "headrace/base/text.h"

namespace headrace::graph::toy {
namespace {

bool chance(Random& random, int percent) { return random.below(100) < static_cast<std::uint64_t>(percent); }

template <class T>
const T& one_of(Random& random, const std::vector<T>& items) {
  return items[random.below(items.size())];
}

config::Value grid(config::List values) {
  config::Value out;
  out.set(kGridKey, config::Value(std::move(values)));
  return out;
}

void add_grids(Random& random, Node& node) {
  if (node.op == "join" || node.op == "identity") return;
  if (chance(random, 18)) node.params.set("a", grid({1, 2}));
  if (chance(random, 6)) node.params.set("kind", grid({"y", "x", "z"}));
}

void add_annotations(Random& random, Node& node) {
  Annotations& notes = node.annotations;
  if (chance(random, 8)) notes.replicas = 2;
  if (node.inputs.empty()) return;
  if (chance(random, 20)) notes.combine = one_of<Combine>(random, {Combine::kUnion, Combine::kJoin, Combine::kProduct, Combine::kProduct});
  if (chance(random, 12)) notes.firing = Firing::kAll;
  if (node.op == "kernel" || node.op == "bayes") notes.state = one_of<State>(random, {State::kOnce, State::kSequential, State::kAggregate});
  if ((node.op == "pca" || node.op == "forest") && chance(random, 30)) notes.state = State::kAggregate;
  if (node.op != "join" && chance(random, 15))
    notes.shard = Shard{2 + static_cast<int>(random.below(2)), chance(random, 40) ? config::Value("key") : config::Value()};
}

std::vector<Input> random_inputs(Random& random, const std::vector<Node>& before) {
  std::vector<Input> out(1 + random.below(chance(random, 50) ? 1 : 3));
  for (Input& input : out) {
    const std::uint64_t names = 1 + (chance(random, 30) ? random.below(2) + 1 : 0);
    for (std::uint64_t i = 0; i < names; ++i) {
      // Mostly of the last few, so that graphs grow deep.
      const std::size_t back = 1 + random.below(std::min<std::size_t>(before.size(), chance(random, 70) ? 3 : 9));
      const std::string& name = before[before.size() - back].name;
      if (std::find(input.from.begin(), input.from.end(), name) == input.from.end()) input.from.push_back(name);
    }
  }
  return out;
}

void end_in_classifiers(Random& random, Graph& graph) {
  std::vector<std::string> read;
  for (const Node& node : graph.nodes) {
    for (const Input& input : node.inputs) read.insert(read.end(), input.from.begin(), input.from.end());
  }
  for (Node& node : graph.nodes) {
    const bool sink = std::find(read.begin(), read.end(), node.name) == read.end();
    if (!sink || node.inputs.empty() || chance(random, 15)) continue;
    node.op = one_of<std::string>(random, {"logistic", "forest", "bayes"});
    node.annotations.state.reset();
    if (node.op == "bayes" && chance(random, 50)) node.annotations.state = State::kSequential;
  }
}

}  // namespace

Graph random_graph(Random& random, const Shape& shape) {
  static const std::vector<std::string> kInner = {"scale",  "scale",    "pca",   "wash",   "kernel", "stacker", "noise",   "one",
                                                  "filter", "logistic", "bayes", "forest", "means",  "join",    "identity"};
  Graph graph;
  graph.seed = random.below(3);
  const std::size_t sources = 1 + random.below(2);
  const std::size_t count = sources + random.below(static_cast<std::uint64_t>(shape.nodes_max) - sources + 1);
  for (std::size_t i = 0; i < count; ++i) {
    Node node;
    node.name = cat("n", i);
    node.params = config::Value(config::Map{});
    if (i < sources) {
      node.op = one_of<std::string>(random, {"source", "reader", "reader", "draw"});
      if (node.op == "reader") node.params.set("path", chance(random, 60) ? cat("in", i, "-*.csv") : cat("in", i, ".csv"));
    } else {
      node.op = one_of(random, kInner);
      node.inputs = random_inputs(random, graph.nodes);
    }
    add_grids(random, node);
    if (shape.annotations) add_annotations(random, node);
    graph.nodes.push_back(std::move(node));
  }
  if (!shape.folds) return graph;
  end_in_classifiers(random, graph);
  graph.evaluate.emplace();
  if (chance(random, 15)) {
    graph.evaluate->splitter = "hold_out";
  } else {
    graph.evaluate->splitter_params.set("n", static_cast<int>(2 + random.below(2)));
  }
  if (chance(random, 25)) graph.evaluate->at = {one_of(random, graph.nodes).name};
  return graph;
}

Term random_term(Random& random, int leaves) {
  if (leaves <= 1) {
    const std::string op = one_of<std::string>(random, {"scale", "pca", "wash", "busy"});
    const std::string name = cat(op, static_cast<char>('a' + random.below(3)));
    Term out = node(name, op);
    if (chance(random, 20)) out = out.grid("a", {1, 2});
    if (chance(random, 8)) out = out.grid("C", {0.5, 2.0, 1.0});
    if (chance(random, 12)) out = (2 + static_cast<int>(random.below(2))) * out;
    return out;
  }
  const int left = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(leaves - 1)));
  const Term a = random_term(random, left), b = random_term(random, leaves - left);
  switch (random.below(7)) {
    case 0: case 1: case 2: return a >> b;
    case 3: case 4: return a | b;
    case 5: return a & b;
    default: return leaves > 3 ? a & b : 2 * (a >> b);
  }
}

}  // namespace headrace::graph::toy
