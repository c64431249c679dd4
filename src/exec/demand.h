// SPDX-License-Identifier: Apache-2.0
#pragma once
// Demand: which tasks of a plan must run, given what is wanted and what is remembered. Works back from the wanted slots, so a
// remembered score hides everything behind it.

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "headrace/exec/executor.h"

namespace headrace::exec::detail {

struct Need {
  TaskStatus status = TaskStatus::kRemembered;    // kWaiting: it runs
  std::array<bool, 2> slots{};                    // read by a task that runs, or wanted
  std::array<std::optional<Kept>, 2> kept;        // where a remembered slot lies
  bool output_only = false;                       // a fit whose model is remembered: only slot 1 is made again
};

struct Wanted {
  const graph::Plan& plan;
  const graph::Catalogue& catalogue;
  Memory* memory = nullptr;
  bool recall = true;
  const std::map<int, data::Object>* fitted = nullptr;
};

/// One entry a task. Cost: one look-up a wanted slot, linear in the part of the plan that runs.
std::vector<Need> demand(const Wanted& wanted);

const graph::Node& written_node(const graph::Plan& plan, const graph::Task& task);

}  // namespace headrace::exec::detail
