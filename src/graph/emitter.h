// SPDX-License-Identifier: Apache-2.0
#pragma once
// Emitter: firings to tasks, node by node, first on all rows, then fold by fold below the cut.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "graph/firings.h"
#include "graph/pruning.h"
#include "graph/recipe.h"
#include "graph/task_ids.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

class Emitter {
 public:
  /// Fills `plan.tasks`, and the scores and outputs of `plan.paths`. Borrows everything for its life.
  Emitter(Plan& plan, const Firings& firings, const std::vector<Recipe>& recipes, const IdHeads& heads, PruneGroups& prunes,
          std::size_t tasks_max);
  Status run();

 private:
  /// The rows that tasks are made for: all rows (fold -1), or one side of a fold.
  struct Side {
    int fold = -1;
    bool test = false;
  };

  Status emit_nodes(int fold);
  void emit_node(int node, int fold);
  void emit_stacks(int node, int fold);
  void emit_sources(int node);
  void emit_models(int node, int fold);
  void emit_update_chain(int node, int fold, const std::vector<int>& group);
  void emit_fit(int node, int fold, const std::vector<int>& group);
  void emit_outputs(int node, int fold);
  void emit_results(int node, int fold);
  Ref result_of(int node, int fold, const Path& path);
  void emit_cuts();
  void emit_takes(int fold);
  void emit_prunes(int fold);

  /// The inputs of a firing on one side, in order. A join counts as its parts.
  std::vector<Ref> inputs_of(int firing, bool test) const;
  void append_input(int input, bool test, std::vector<Ref>& out) const;
  /// Inputs of several firings that are worked on together: each position stacked.
  std::vector<Ref> inputs_of(const std::vector<std::int32_t>& group, Side side);
  /// Runs a node's operator on one side, in parts when it is sharded.
  Ref apply(int node, int firing, Side side, Phase phase);
  std::vector<Ref> shard(int node, int firing, Side side, const std::vector<Ref>& inputs, int part);
  Ref stack(int node, int firing, Side side, std::vector<Ref> inputs);

  /// Adds a task; `facts` enter its id beside what the task itself says.
  std::int32_t add(Task task, const Digest& head, std::string_view facts = {});
  const ObjectId& id_of(Ref ref) const;
  const ExpandedNode& node_at(int node) const { return plan_.expanded.nodes[static_cast<std::size_t>(node)]; }

  Plan& plan_;
  const Firings& firings_;
  const std::vector<Recipe>& recipes_;
  const IdHeads& heads_;
  PruneGroups& prunes_;
  std::size_t tasks_max_;
  std::string score_facts_;

  // By firing. Refs of a fold replace those of the fold before; rows that are not cut are the same on both sides.
  std::vector<Ref> train_, test_, model_;
  std::vector<Ref> whole_, folds_;                 // of cuts: all rows, and how they are cut
  std::vector<std::size_t> path_of_sink_;          // by expanded node: its first path
  std::vector<bool> tuple_asked_;                  // by expanded node: a join whose tuples themselves are needed
  std::vector<ObjectId> fitted_ids_;               // by task: the id of slot 1
  std::map<std::array<std::int32_t, 3>, Ref> shards_;   // of the node at hand: task, slot, part -> rows
  int shards_origin_ = -1;
  std::string buffer_, input_ids_;
};

}  // namespace headrace::graph
