// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plan: a graph made ready to run, still a plain value.
//
//   Graph --expand--> Expanded (one node per parameter point) --lower--> Plan (one task per firing, ids known)
//
// Lineage. Every firing carries a *lineage*: which alternative it descends from at each choice (grid point or replica of a node,
// source of a united input, piece of a many-object source, tuple of a product). Firings meet in a join when their lineages agree
// wherever both have an entry: a natural join. Objects of different folds never meet, because each fold is lowered apart.
// `product` drops the entries that disagree and adds one for its own tuple. So (a | b) >> (c & d) gives two results, not four.
//
// Orders. The objects of an input are those of its nodes in the order written, node by node; alternatives of one node come in
// grid order (replicas outermost, then the grids in the order of the operator's options, last fastest). A node fires for the
// tuples of its inputs in lexicographic order, last input fastest. Alternatives of the reading node each see all tuples, and
// their firings stay apart: node-major. Paths: sink by sink, then by firing. Files of a glob: by name, as bytes.
//
// Folds. With `evaluate`, the nodes of `at` (else the sources), everything before them and everything that does not descend from
// them run once on all rows. Each object of those nodes is cut by the splitter; what descends from them is lowered once per fold.
// The number of folds is the splitter's option `n`, or 1 when it has none. All cuts draw from one seed: equal row counts give
// equal folds.
//
// Ids. A task's id is SHA-256 over a format tag and framed fields: [operator, version, canonical parameters with every path
// replaced by the digest of its content, and the node's seed when the operator draws random numbers], phase, facts (a take: fold,
// side, piece; a score: the metrics), the model's id, and the ids of the inputs in order. Node names enter only through seeds;
// `wants_output` and `after` do not enter. Output slot 0 has the task's own id, slot s > 0 the digest of (id, s). Equal ids mean
// equal results.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {

/// The inputs of an expanded node: per input the expanded nodes united there, flat in memory (graphs have millions of edges).
class InputList {
 public:
  void add(std::span<const int> nodes);
  std::size_t size() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  std::span<const int> operator[](std::size_t input) const;
  /// All nodes of all inputs, in order.
  std::span<const int> all() const { return nodes_; }
  bool operator==(const InputList&) const = default;

 private:
  std::vector<int> nodes_;
  std::vector<std::uint32_t> ends_;
};

/// One parameter point of a node. `name` is unique: "pca", "pca[components=5]", "forest#2".
struct ExpandedNode {
  std::string name;
  int origin = -1;                                   ///< index in Graph::nodes
  int alternative = -1;                              ///< which point or replica of the origin; -1 when there is only one
  config::Value params;                              ///< bound, no grids
  std::vector<std::pair<std::string, config::Value>> chosen;   ///< the grid parameters and their values here
  InputList inputs;
  std::uint64_t seed = 0;                            ///< derived from the graph's seed and the node's name; grid points share it
  std::vector<std::string> files;                    ///< filled by `lower` for a source over a glob: what piece i reads
  std::string pattern;                               ///< the option that holds the glob
};

struct Expanded {
  Graph graph;                                       ///< validated; parameters bound
  std::vector<ExpandedNode> nodes;                   ///< topological order
  std::vector<int> sinks;                            ///< nodes that no node reads
  std::size_t edges() const;
};
/// Splits every grid and replica into alternatives; every edge becomes the complete bipartite set between copies, and every
/// common prefix is shared. Cost: linear in the result. Errors: kTooLarge above `nodes_max`.
Result<Expanded> expand(Graph validated, std::size_t nodes_max = 1'000'000);

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
/// prune: 0 the decision. fit and update: 0 the model, 1 the fitted input transformed (made only when `wants_output`).
///
/// take   Of a fold: inputs {rows, folds}, piece = fold. Of a shard: inputs {rows}, piece = shard; how rows are cut is the
///        executor's (even runs, or by the hash of the shard's column).
/// stack  piece -1: the rows of all inputs, in order. piece n > 0: re-unites n shards; inputs are the n parts and, when the shard
///        is by key and the operator keeps rows, the rows they were cut from (so that their order can be restored).
/// join   The inputs as one tuple. Whoever reads a join gets its parts as inputs; the tuple itself is made only where it ends a path
///        or its pieces are stacked. Wherever a tuple is an input of an operator, it counts as its parts, in order.
/// update Continues from `model`; the first of a chain has none.
/// prune  inputs: the scores of this fold, one per path of the group, in the order of Pruning::paths; model: the decision of the
///        fold before, if any. Paths dropped before are no longer there to be read.
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
  std::int32_t firing = -1;                          ///< which firing of the node; names the lineage (task_text)
  ObjectId id;
  ObjectId output(int slot) const;                   ///< id of a slot
};

/// One way through the graph: a sink firing with everything it descends from. A path is a DAG; nodes are listed once. A sink that
/// is fitted over the pieces of an edge (`sequential`, `aggregate`) has one path for all of them.
struct Path {
  std::vector<int> nodes;                            ///< expanded nodes, topological order; empty in huge plans: see nodes_of
  std::vector<std::pair<std::string, config::Value>> params;   ///< "node.param" -> value, the chosen grid values
  std::vector<std::int32_t> scores;                  ///< score tasks, by fold (one without folds, in mode score)
  /// What the path gives, by fold; without folds one, or one per piece. Mode fit: the model, or what a sink without one gives;
  /// else transformed rows, predictions or scores. Under folds: the held-out rows; a sink that is no predictor is transformed.
  std::vector<Ref> outputs;
  const std::string& text() const { return label; }
  /// "pca[components=5] >> logistic[C=0.046416]", in the form of a term. Sources are named when the graph has several.
  std::string label;
  std::int32_t sink = -1;                            ///< expanded node it ends in
  std::vector<std::int32_t> firings;                 ///< of the sink: one, or one per piece
};

/// A group of paths of which only the best share goes on after each fold: all scored paths through one annotated node.
struct Pruning {
  int node = -1;                                     ///< index in Graph::nodes
  Prune rule;                                        ///< metric filled in
  std::vector<std::int32_t> paths;                   ///< paths that compete
  std::vector<std::int32_t> tasks;                   ///< prune task after fold 0, 1, ... (none after the last)
};

struct Firings;  // which node fires for what; private to the room

struct Plan {
  Expanded expanded;
  Mode mode = Mode::kFit;
  std::vector<std::string> metrics;
  int folds = 0;                                     ///< 0: no cross-validation
  std::uint64_t split_seed = 0;                      ///< for the splitter of every cut
  std::vector<Task> tasks;                           ///< in topological order; fold by fold below the cut
  std::vector<Path> paths;
  std::vector<Pruning> prunings;
  std::shared_ptr<const Firings> firings;
  /// Names the plan: equal plans resume each other's runs. Cost: one hash over the task ids.
  Digest digest() const;
};

struct LowerOptions {
  Mode mode = Mode::kFit;
  std::vector<std::string> metrics;   ///< mode score without `evaluate`: what to measure; empty: accuracy or r2
  /// Content digest of a file named by a kPath option; the executor remembers them by path, size and time. Without it, paths enter
  /// ids by name: enough to draw and count a plan whose data are elsewhere, not to remember results.
  std::function<Result<Digest>(const std::string& path)> file_digest;
  /// The files that a pattern matches, in any order. Default: the file system.
  std::function<Result<std::vector<std::string>>(const std::string& pattern)> list_files;
  std::size_t tasks_max = 20'000'000;
};
/// Turns an expanded graph into tasks. With `evaluate`, cross-validation is this rewrite: folds are cut once, every node is
/// fitted once per fold and lineage, held-out rows are transformed once per fitted node, scoring is fused into the same plan.
Result<Plan> lower(Expanded expanded, const Catalogue& catalogue, const LowerOptions& options);

/// The parameters that a task runs with: those of its node, with the path of its own file where the node reads several.
config::Value params_of(const Plan& plan, const Task& task);
/// What a node gives in this plan, firing by firing (fold by fold below the cut, held-out rows after the rows trained on): its
/// data where the plan makes them, else its models. Works for interior nodes as for sinks. Cost: one pass over the tasks.
std::vector<Ref> outputs_of(const Plan& plan, int node);
/// The models of a node (final ones of a chain), firing by firing, fold by fold.
std::vector<Ref> models_of(const Plan& plan, int node);
/// The expanded nodes on a path, topological order. Cost: linear in the path.
std::vector<int> nodes_of(const Plan& plan, std::size_t path);
/// The tasks that a path needs, all folds, ascending. Cost: linear in them.
std::vector<std::int32_t> tasks_of(const Plan& plan, std::size_t path);
/// Names a task to a person: "fit logistic[C=1] after pca[components=5], fold 3 of 5".
std::string task_text(const Plan& plan, std::int32_t task);

/// Cuts the sub-graph of one path: a graph without grids that gives exactly this path's result. Names are kept where they are
/// unique, seeds always, `evaluate` is dropped: lowered on the same rows it gives the same ids. Linear in the path's size.
/// One exception: where an earlier node was fitted over all pieces of a source, a path through one piece keeps all of them, and
/// its result is one of those that the graph gives (not so when a `product` takes the pieces apart in between).
Graph select(const Plan& plan, std::size_t path);

/// Drawings. `levels[i]` is 0 for a source, else one more than its deepest input.
std::vector<int> levels(const Expanded& expanded);
std::string to_dot(const Expanded& expanded);

/// What a drawing shows beside a node: a status ("done", "failed", "running", "remembered", "skipped"; "" for none) as a colour,
/// and a short text such as a time.
struct NodeMark {
  std::string status;
  std::string text;
};
/// A layered drawing, self-contained, for light and dark pages. `marks` is empty or has one entry per expanded node. Above 600
/// nodes the alternatives of each node are drawn as one box, and above 2,000 boxes only a note is drawn.
std::string to_svg(const Expanded& expanded, std::span<const NodeMark> marks = {});
/// A drawing for a terminal: one line a node, level by level, with what it reads. UTF-8 box characters.
std::string to_terminal(const Expanded& expanded);
config::Value to_value(const Plan& plan);            ///< {"nodes": [...], "edges": [...], "paths": [...], "term": "..."}

}  // namespace headrace::graph
