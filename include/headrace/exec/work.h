// SPDX-License-Identifier: Apache-2.0
#pragma once
// Work: one call of one operator, on its own. It needs no graph and no plan, so any process that has the packs can do it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "headrace/config/value.h"
#include "headrace/data/object.h"
#include "headrace/exec/packs.h"
#include "headrace/graph/plan.h"

namespace headrace::exec {

/// What all calls of one node in one phase have in common. Shared and never changed, so that it is sent to a worker once.
struct Recipe {
  std::string op;                                ///< empty for phases without an operator (take, stack, join)
  config::Value params;                          ///< bound
  std::string node;
  std::uint64_t seed = 0;
  std::vector<std::string> metrics;
  int threads = 1;
  std::string folder;
  std::optional<graph::Shard> shard;             ///< for take and stack of shards
  bool own_fit_output = false;                   ///< of the operator's row
};

struct Work {
  std::shared_ptr<const Recipe> recipe;
  graph::Phase phase = graph::Phase::kRead;
  std::int32_t piece = -1;                       ///< see graph::Task
  bool test_side = false;
  bool wants_output = false;
  bool output_only = false;                      ///< of a fit whose model is there: only its output is made
};

/// What the caller of `perform` decides.
struct WorkControl {
  std::stop_token stop;
  std::function<void(double share)> progress;
};

/// Calls the operator and returns what the phase makes, by slot (see graph::Task); tuples among `inputs` count as their parts.
/// Engines' exceptions end here, as errors. Threads: any. `model` is none for operators that do not fit.
Result<std::vector<data::Object>> perform(const Work& work, Packs& packs, std::span<const data::Object> inputs, const data::Object& model,
                                          const WorkControl& control);

}  // namespace headrace::exec
