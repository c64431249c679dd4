// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes a graph as a term, as far as it is one: series-parallel reduction.
//
// Two steps are repeated until nothing changes. *Series*: a node whose only input is u, when nothing else reads u, becomes u >> v.
// *Parallel*: nodes with the same inputs that every reader unites side by side become a | b; those that every reader joins side by
// side become a & b; those that nothing reads become a | b. What is left is either one term, or a core that is no series-parallel
// graph, such as a -> c, a -> d, b -> d. The core is written as statements that share names: "a; b; a >> c; (a & b) >> d".

#include <string>
#include <vector>

namespace headrace::graph {

struct TermNode {
  std::string text;                        ///< name, with replicas and grids as they should read
  std::string name;                        ///< how statements refer to it
  std::vector<std::vector<int>> inputs;    ///< per input the nodes united there; earlier nodes only
};

/// The term of the nodes, which are in topological order. `exact` tells whether it is one term.
std::string write_term(std::vector<TermNode> nodes, bool* exact = nullptr);

}  // namespace headrace::graph
