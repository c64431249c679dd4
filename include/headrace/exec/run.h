// SPDX-License-Identifier: Apache-2.0
#pragma once
// Run: a pipeline from graph to report, in a store: plan, journal, objects; resumed when it was killed, remembered when it is done.

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "headrace/exec/executor.h"
#include "headrace/exec/results.h"
#include "headrace/exec/store.h"
#include "headrace/graph/graph.h"

namespace headrace::exec {

struct RunOptions {
  graph::Mode mode = graph::Mode::kFit;
  int workers = 0;
  std::uint64_t memory_bytes = 0;
  Place* place = nullptr;                          ///< where calls run; null: in this process
  Place* python = nullptr;                         ///< where operators in Python run; null: where all others do
  bool recall = true;                              ///< false (`--fresh`): run everything again
  std::vector<EventSink*> sinks;
  std::stop_token stop;
  std::vector<std::string> command;                ///< as typed; kept so that `replay` can say it
  bool keep_outputs = false;
};

struct RunOutcome {
  RunReport report;
  std::shared_ptr<const graph::Plan> plan;
  ExecuteOutcome execution;
};

/// Expands, lowers and runs a validated graph. A killed run of the same plan in the store is resumed under its own id; `store` null
/// runs without memory. Errors are those that leave no report: a bad graph, a source that cannot be read or whose rows the nodes
/// behind it refuse (sources are read before anything else runs), a store that cannot be written. Failed tasks are in the report.
Result<RunOutcome> run_graph(const graph::Graph& validated, const graph::Catalogue& catalogue, Packs& packs, Store* store,
                             const RunOptions& options);

/// A run read back from its folder: the plan lowered again from the kept graph and file digests, its events, its report.
struct RecordedRun {
  std::string id;
  std::vector<std::string> command;
  std::string file;                                ///< the pipeline file it came from
  std::int64_t started_us = 0;
  std::shared_ptr<const graph::Plan> plan;
  std::vector<TaskEvent> events;                   ///< finished tasks, in the order they ended; remembered ones first
  std::vector<TaskStatus> status;                  ///< by task
  RunReport report;
  std::vector<std::vector<std::optional<data::Metrics>>> scores;   ///< [path][fold]
};
Result<RecordedRun> read_run(Store& store, const graph::Catalogue& catalogue, std::string_view run);

/// Where an object came from: operator, version, parameters, seed, phase, fold, the run that made it, its inputs down to the source
/// files and their digests, and the command that makes it again. `object` is an id, a unique prefix of one, or
/// NODE[@fold] with folds counted from 1.
Result<config::Value> explain(Store& store, const graph::Catalogue& catalogue, std::string_view run, std::string_view object);

/// Fits the path on all rows and writes a folder: graph.yaml, models, facts. `rank` counts from 1.
Status save_pipeline(Store& store, const graph::Catalogue& catalogue, Packs& packs, std::string_view run, int rank,
                     const std::string& folder);
/// A saved pipeline on other data: `data_path` replaces the path of its source (empty: its own). Gives the outputs of its sinks.
struct AppliedPipeline {
  std::vector<data::Object> outputs;
  std::vector<data::Metrics> scores;               ///< mode score
};
Result<AppliedPipeline> apply_pipeline(const std::string& folder, const graph::Catalogue& catalogue, Packs& packs, graph::Mode mode,
                                       const std::string& data_path, const RunOptions& options);

}  // namespace headrace::exec
