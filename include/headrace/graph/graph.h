// SPDX-License-Identifier: Apache-2.0
#pragma once
// Graph: a pipeline as a plain value. It can be parsed, built, validated, expanded, printed and compared; it starts no thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/options.h"
#include "headrace/config/value.h"
#include "headrace/graph/catalogue.h"

namespace headrace::graph {

/// How objects on several inputs meet. Lineage decides: see plan.h.
enum class Combine { kUnion, kJoin, kProduct };
/// `each`: fire per object; `all`: wait for every object (pieces are stacked, alternatives become inputs side by side).
enum class Firing { kEach, kAll };
/// kNone: never fits. kOnce: fit, then frozen. kSequential: updated piece by piece in order. kAggregate: fit on all pieces together.
enum class State { kNone, kOnce, kSequential, kAggregate };
enum class OnError { kStop, kSkip };
/// kAuto keeps models, metrics and whatever took longer to make than to write.
enum class Cache { kAuto, kAlways, kNever };

struct Resources {
  double cpu = 1;
  std::uint64_t memory_bytes = 0;
  double gpu = 0;
  bool operator==(const Resources&) const = default;
};

/// Rows cut into `parts`; `by` empty: even runs of rows, re-united in order; else rows with equal values of that column together.
struct Shard {
  int parts = 1;
  config::Value by;
  bool operator==(const Shard&) const = default;
};

struct Prune {
  std::string metric;
  double keep = 0.5;      ///< share of the alternatives that goes on after each fold, in (0, 1]
  bool operator==(const Prune&) const = default;
};

struct Annotations {
  std::optional<Combine> combine;       ///< unset: join when there are several inputs
  Firing firing = Firing::kEach;
  std::optional<State> state;           ///< unset: once for operators that fit, none for others
  std::optional<Shard> shard;
  int replicas = 1;
  Resources resources;
  int gang = 1;
  int retries = 0;
  double timeout_s = 0;                 ///< 0: none
  int priority = 0;                     ///< higher first
  Cache cache = Cache::kAuto;
  OnError on_error = OnError::kStop;
  std::optional<Prune> prune;
  bool operator==(const Annotations&) const = default;
};
/// The table that parses, checks and documents annotations.
const std::vector<config::Option>& annotation_options();
/// Reads and writes annotations as a map; only what differs from the defaults is written. Errors: kUnknownKey, kBadValue.
Result<Annotations> annotations_from_value(const config::Value& map);
config::Value annotations_to_value(const Annotations& annotations);

/// One input of a node. Several names are alternatives: objects of any of them arrive here, united.
struct Input {
  std::vector<std::string> from;
  bool operator==(const Input&) const = default;
};

/// One node as written. `params` holds plain values, or {grid: [..]} for one alternative per value.
/// Names: a letter or '_', then letters, digits, '_' and '-'; '#' and digits may follow ("pca#2"). No '.', so that "node.param" is clear.
struct Node {
  std::string name;
  std::string op;
  config::Value params;                 ///< a map (or null)
  std::vector<Input> inputs;
  Annotations annotations;
  std::string seed_name;                ///< draws random numbers under this name; empty: its own (select keeps seeds this way)
  Position where;
  config::Value written;                ///< the map it was read from, if any: positions for messages; not compared
};
bool operator==(const Node& left, const Node& right);
/// True for a legal node name.
bool is_node_name(std::string_view name);

/// How a graph is judged: folds (a splitter and its options), metrics (the first ranks), and what to keep.
struct Evaluate {
  std::string splitter = "k_fold";
  config::Value splitter_params;
  std::vector<std::string> metrics;     ///< empty: accuracy for classifiers, r2 for regressors
  bool pick_best = true;
  std::vector<std::string> at;          ///< nodes whose output is cut into folds; empty: the sources
  double confidence = 0.95;             ///< of the interval over folds
  Position where;
  config::Value written;                ///< as for nodes
};
bool operator==(const Evaluate& left, const Evaluate& right);
const std::vector<config::Option>& evaluate_options();

struct Graph {
  std::string name = "pipeline";
  std::uint64_t seed = 0;
  std::vector<Node> nodes;
  std::optional<Evaluate> evaluate;
  std::string file;                     ///< where relative paths start; "" for built graphs
  int version = 1;

  const Node* find(std::string_view name) const;
};
/// Compares what was written: name, seed, nodes, evaluate, version. File and positions do not count.
bool operator==(const Graph& left, const Graph& right);

/// Reads the YAML form (docs/reference/pipeline-file.md). Every error carries file, line, column and advice.
Result<Graph> parse_graph(const config::Value& document);
Result<Graph> read_graph(const std::string& path);
/// The YAML form; parse_graph reads it back to an equal graph.
std::string graph_to_yaml(const Graph& graph);
config::Value graph_to_value(const Graph& graph);

/// Everything that can be checked before running: names, inputs, cycle, operators, parameters (bound: defaults filled in, grids
/// checked point by point), annotations, kinds on edges, metrics against what the paths end in, infeasible resources.
/// Collects all errors, in file order. On success every `params` is bound.
struct Limits {
  double cpu = 0;                       ///< what a worker can give; 0: do not check
  std::uint64_t memory_bytes = 0;
  double gpu = 0;
};
/// A predictor judged without a metric gets accuracy (classifiers) or r2 (regressors).
std::vector<Error> validate(Graph& graph, const Catalogue& catalogue, const Limits& limits = {});

}  // namespace headrace::graph
