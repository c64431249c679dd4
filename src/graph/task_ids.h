// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ids of tasks, and the files that parameters name. See "Ids" in plan.h.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"
#include "headrace/graph/catalogue.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

/// Finds what the patterns of sources match and fills in ExpandedNode::files; a pattern with one match becomes that path.
/// Errors: kNotFound at the node when nothing matches.
Status find_files(Expanded& expanded, const std::vector<const OperatorSpec*>& specs, const LowerOptions& options);

/// What goes into the id of a task before its inputs: which operator, with what.
class IdHeads {
 public:
  /// Digests parameters (and the files they name) of every node, and of the splitter. Errors: those of `file_digest`, at the node.
  static Result<IdHeads> make(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs, const OperatorSpec* splitter,
                              std::uint64_t split_seed, const LowerOptions& options);

  const Digest& node(int node, int piece = -1) const;
  const Digest& splitter() const { return splitter_; }
  const Digest& take() const { return take_; }
  const Digest& stack() const { return stack_; }
  const Digest& prune() const { return prune_; }

 private:
  std::vector<std::vector<Digest>> nodes_;   // per node one, or one per piece
  Digest splitter_, take_, stack_, prune_;
};

/// `inputs` holds the ids of the inputs, 32 bytes each.
ObjectId task_id(const Digest& head, Phase phase, std::string_view facts, const ObjectId* model, std::string_view inputs,
                 std::string& buffer);

}  // namespace headrace::graph
