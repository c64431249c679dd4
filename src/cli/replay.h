// SPDX-License-Identifier: Apache-2.0
#pragma once
// Replay: a recorded run again, from nothing, and its objects compared with what was recorded: same ids, same bytes, same scores.

#include <cstdint>
#include <string>
#include <vector>

#include "headrace/exec/run.h"

namespace headrace::cli {

struct Difference {
  std::string object;                ///< id
  std::string what;                  ///< "fit logistic[C=1], fold 3 of 5"
  std::string why;
};

struct ReplayReport {
  std::string run;
  std::int64_t objects = 0;          ///< outputs that the recorded run made or remembered
  std::int64_t compared = 0;         ///< of them, those whose bytes both sides hold
  std::int64_t scores = 0;           ///< fold scores compared, value by value
  bool whole = true;                 ///< false: only the path behind one object was run
  double seconds = 0;
  std::vector<Difference> differences;
};

struct ReplayOptions {
  std::string object;                ///< full id of one object, or "" for all
  exec::RunOptions run;              ///< workers, sinks, stop, command
};

/// Runs `recorded` again in a temporary store and compares. Only results of tasks that ended well are expected again.
/// Errors: those of run_graph (a source file that is gone), kCancelled, kNotFound when the object is not of this run.
Result<ReplayReport> replay(const exec::RecordedRun& recorded, exec::Store& store, const graph::Catalogue& catalogue, exec::Packs& packs,
                            const ReplayOptions& options);

}  // namespace headrace::cli
