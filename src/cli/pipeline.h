// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pipeline file to validated graph, as run, validate and graph read it: overrides first, then every check, with all errors.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/session.h"
#include "headrace/base/result.h"
#include "headrace/graph/graph.h"
#include "headrace/graph/plan.h"

namespace headrace::cli {

class Arguments;

struct LoadOptions {
  std::string file;
  std::vector<std::string> overrides;    ///< `--set`
  std::optional<std::int64_t> seed;
  graph::Limits limits;
};

/// A graph that passed every check, or all errors in file order.
struct LoadedPipeline {
  graph::Graph graph;
  std::vector<Error> errors;
};
LoadedPipeline load_pipeline(Session& session, const LoadOptions& options);

/// What one worker of this machine can give: `workers` cores (0: all) and `memory_bytes` (0: all there is).
graph::Limits limits_here(int workers, std::uint64_t memory_bytes);

/// Expands and lowers without reading any data: for counting and drawing.
Result<graph::Plan> plan_of(const graph::Graph& validated, const graph::Catalogue& catalogue, graph::Mode mode = graph::Mode::kFit);

/// The `--mode` flag and its value.
Flag mode_flag(std::string fallback, std::vector<std::string> choices, std::string doc);
graph::Mode mode_of(const Arguments& arguments);

}  // namespace headrace::cli
