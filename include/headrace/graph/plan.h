// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plan: a graph made ready to run, still a plain value.
//
//   Graph --expand--> Expanded (one node per parameter point) --lower--> Plan (one task per firing, ids known)
//
// Lineage. Every firing carries a *lineage*: which alternative it descends from at each choice (grid point of a node, replica,
// source of a united input, piece of a many-object source). Firings meet in a join when their lineages agree wherever both
// have an entry: a natural join. Objects of different folds never meet, because each fold is lowered apart. `product` ignores
// the entries that disagree. So (a | b) >> (c & d) gives two results, not four.
//
// Ids. A task's id is the SHA-256 of operator, version, canonical parameters (paths replaced by content digests), seed when the
// operator draws random numbers, phase, and the ids of its inputs, in order. Equal ids mean equal results.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {

/// One parameter point of a node. `name` is unique: "pca", or "pca[components=5]".
struct ExpandedNode {
  std::string name;
  int origin = -1;                                   ///< index in Graph::nodes
  int alternative = -1;                              ///< which point or replica of the origin; -1 when there is only one
  config::Value params;                              ///< bound, no grids
  std::vector<std::pair<std::string, config::Value>> chosen;   ///< the grid parameters and their values here
  std::vector<std::vector<int>> inputs;              ///< per input the expanded nodes united there
};

struct Expanded {
  Graph graph;                                       ///< validated; parameters bound
  std::vector<ExpandedNode> nodes;                   ///< topological order
  std::vector<int> sinks;                            ///< nodes that no node reads
  std::size_t edges() const;
};
/// Splits every grid and replica into alternatives; every edge becomes the complete bipartite set between copies, and every
/// common prefix is shared. Cost: linear in the result. Errors: kTooLarge above `nodes_max`.
Result<Expanded> expand(const Graph& validated, std::size_t nodes_max = 1'000'000);

enum class Phase : std::uint8_t { kRead, kSplit, kTake, kFit, kUpdate, kTransform, kPredict, kScore, kJoin, kStack, kPrune };
std::string_view phase_name(Phase phase);

enum class Mode { kFit, kTransform, kPredict, kScore };
std::string_view mode_name(Mode mode);

/// Output `slot` of task `task`.
struct Ref {
  std::int32_t task = -1;
  std::int32_t slot = 0;
  bool operator==(const Ref&) const = default;
};

/// What is run once. Slots by phase: read/transform/predict/score/join/stack: 0 the object. split: 0 the folds. take: 0 the rows.
/// fit and update: 0 the model, 1 the fitted input transformed (made only when `wants_output`).
struct Task {
  Phase phase = Phase::kRead;
  std::int32_t node = -1;                            ///< index in Expanded::nodes
  std::int16_t fold = -1;                            ///< -1: all rows
  bool test_side = false;                            ///< works on the held-out rows
  bool wants_output = false;
  std::int32_t piece = -1;                           ///< shard or piece number; the fold index of a take
  Ref model;                                         ///< for transform, predict, score, update
  std::vector<Ref> inputs;
  std::vector<std::int32_t> after;                   ///< tasks that must end first without giving data (prune decisions)
  ObjectId id;
  ObjectId output(int slot) const;                   ///< id of a slot
};

/// One way through the graph: a sink firing with everything it descends from. A path is a DAG; nodes are listed once.
struct Path {
  std::vector<int> nodes;                            ///< expanded nodes, topological order
  std::vector<std::pair<std::string, config::Value>> params;   ///< "node.param" -> value, the chosen grid values
  std::vector<std::int32_t> scores;                  ///< score tasks, by fold
  std::vector<Ref> outputs;                          ///< what the path gives, by fold
  std::string text() const;                          ///< "pca[components=5] >> logistic[C=0.0464]"
  std::string label;
};

struct Plan {
  Expanded expanded;
  Mode mode = Mode::kFit;
  std::vector<std::string> metrics;
  int folds = 0;                                     ///< 0: no cross-validation
  std::vector<Task> tasks;                           ///< in topological order
  std::vector<Path> paths;
  Digest digest() const;                             ///< names the plan: equal plans resume each other's runs
};

struct LowerOptions {
  Mode mode = Mode::kFit;
  /// Content digest of a file named by a kPath option; the executor remembers them by path, size and time.
  std::function<Result<Digest>(const std::string& path)> file_digest;
  std::size_t tasks_max = 20'000'000;
};
/// Turns an expanded graph into tasks. With `evaluate`, cross-validation is this rewrite: folds are cut once, every node is
/// fitted once per fold and lineage, held-out rows are transformed once per fitted node, scoring is fused into the same plan.
Result<Plan> lower(Expanded expanded, const Catalogue& catalogue, const LowerOptions& options);

/// Cuts the sub-graph of one path: a graph without grids that gives exactly this path's result. Linear in the graph's size.
Graph select(const Plan& plan, std::size_t path);

/// Drawings. `levels[i]` is 0 for a source, else one more than its deepest input.
std::vector<int> levels(const Expanded& expanded);
std::string to_dot(const Expanded& expanded);
std::string to_svg(const Expanded& expanded);        ///< a layered drawing, self-contained
config::Value to_value(const Plan& plan);            ///< {"nodes": [...], "edges": [...], "paths": [...], "term": "..."}

}  // namespace headrace::graph
