// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attempt: one call of one operator for one task, with the objects it reads. Exceptions of engines stop here.

#include <array>
#include <span>

#include "headrace/exec/operator.h"
#include "headrace/graph/plan.h"

namespace headrace::exec::detail {

struct AttemptInput {
  const graph::Plan& plan;
  const graph::Task& task;
  const graph::OperatorSpec* spec = nullptr;    // null for phases without an operator (take, stack)
  Operator* op = nullptr;
  const Context& context;
  std::span<const data::Object> inputs;
  data::Object model;                           // none for operators that do not fit
  bool output_only = false;
};

/// Returns the slots that the phase makes (see graph::Task).
Result<std::array<data::Object, 2>> attempt(const AttemptInput& input);

}  // namespace headrace::exec::detail
