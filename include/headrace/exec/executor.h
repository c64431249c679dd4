// SPDX-License-Identifier: Apache-2.0
#pragma once
// Executor: turns a plan into attempts, in this process or in another place. It asks memory first, works back from what is wanted,
// and runs only what is missing, each task as soon as its own inputs are there.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/exec/events.h"
#include "headrace/exec/packs.h"
#include "headrace/exec/place.h"
#include "headrace/graph/plan.h"

namespace headrace::exec {

/// Results across runs, as the executor sees them. Threads: any.
class Memory {
 public:
  virtual ~Memory() = default;
  /// What is known of an object; nothing when it was never made.
  virtual std::optional<Kept> find(const ObjectId& id) = 0;
  /// Reads an object back, as it was encoded. Errors: kDamaged (its bytes do not match their digest), kNotFound.
  virtual Result<Encoded> load(const Kept& kept) = 0;
  /// Writes an object. `keep` false records only that it was made and how long that took.
  virtual Result<Kept> save(const ObjectId& id, Held& object, double seconds, bool keep) = 0;
};

struct ExecuteOptions {
  int workers = 0;                             ///< threads of this process; 0: one a core
  Place* place = nullptr;                      ///< where calls run; null: here. Sources are read here in any case
  Place* python = nullptr;                     ///< where operators in Python run; null: where all others do
  std::uint64_t memory_bytes = 0;              ///< what tasks with a memory demand may take together; 0: no bound
  Memory* memory = nullptr;                    ///< null: nothing is remembered
  bool recall = true;                          ///< false: run everything, and write the results anew
  std::string folder;                          ///< where relative paths of the pipeline start
  std::stop_token stop;
  std::vector<EventSink*> sinks;
  /// Models given from outside by expanded node: their fit tasks are not run (a saved pipeline on new data).
  std::map<int, data::Object> fitted;
  bool keep_outputs = false;                   ///< hold the outputs of all paths in the outcome
};

struct TaskOutcome {
  TaskStatus status = TaskStatus::kWaiting;
  double seconds = 0;                          ///< from memory when remembered
  int attempts = 0;
  std::optional<Error> error;                  ///< of the last attempt; of a skipped task, its cause
  std::int32_t cause = -1;                     ///< the failed task behind a skipped one
};

struct ExecuteOutcome {
  std::vector<TaskOutcome> tasks;              ///< one per task of the plan
  std::vector<std::vector<std::optional<data::Metrics>>> scores;   ///< [path][fold]
  std::vector<std::vector<data::Object>> outputs;                  ///< [path][fold], with keep_outputs
  double seconds = 0;
  bool cancelled = false;
};

/// Runs `plan` to its end. A failed task fails its branch only. Errors are those of the whole run (a pack that does not load, a
/// store that cannot be written); failures of tasks are in the outcome.
Result<ExecuteOutcome> execute(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options);

}  // namespace headrace::exec
