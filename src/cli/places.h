// SPDX-License-Identifier: Apache-2.0
#pragma once
// Places: where a subcommand runs a graph: in this process, on the workers that `--on` names, and in Python workers for its Python nodes.

#include <memory>

#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/cluster/cluster.h"
#include "headrace/graph/graph.h"

namespace headrace::cli {

struct Places {
  std::unique_ptr<cluster::Cluster> workers;
  exec::Place* place = nullptr;                ///< null: in this process
  exec::Place* python = nullptr;               ///< null: the pipeline has no node in Python
};

/// Opens what the graph needs. Flags looked at: `--on`, `--object-memory`, `--workers`, where the subcommand has them.
/// Errors: kUsage, kEnvironment, kTimeout.
Result<Places> open_places(const Arguments& arguments, Session& session, const graph::Graph& graph);

}  // namespace headrace::cli
