// SPDX-License-Identifier: Apache-2.0
#pragma once
// Operators for the tests of this room: cheap, countable, and able to fail on purpose.

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "headrace/exec/packs.h"
#include "headrace/graph/catalogue.h"

namespace headrace::exec::toys {

/// How often each node ran each phase, and what should go wrong. Tests change it; operators read it.
struct World {
  std::mutex mutex;                                // guards the maps
  std::map<std::string, int> calls;                // "fit add", ...
  std::map<std::string, int> failures;             // node name: how many more calls fail
  int fail_rows_from = -1;                         // `fails` refuses inputs whose first x is at least this; -1: never
  std::atomic<int> sleep_us{0};                    // each call takes this long

  void note(const std::string& phase, const std::string& op);
  int count(const std::string& call);
  void reset();
};
World& world();

/// Rows: `rows` (n). Features: `add` (amount), `fails`, `slow` (seconds; looks at its stop token), `sum` (all inputs, side by side).
/// Predictor: `mean` (shift), a regressor whose prediction is mean(y) + shift. Learner by pieces: `counter`. Splitter: `cut` (n).
/// Metric: `closeness` = -|mean(y) - prediction|, higher is better.
graph::Catalogue catalogue();
void add_operators(Packs& packs);

}  // namespace headrace::exec::toys
