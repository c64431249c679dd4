// SPDX-License-Identifier: Apache-2.0
#include "exec/attempt.h"

#include <exception>
#include <new>
#include <utility>

#include "exec/rows.h"
#include "headrace/base/text.h"
#include "headrace/data/table.h"

namespace headrace::exec::detail {
namespace {

using graph::Phase;
using Slots = std::array<data::Object, 2>;

const data::Model* model_of(const AttemptInput& input) { return input.model ? &input.model.model() : nullptr; }

Result<Slots> fit(const AttemptInput& input) {
  if (input.output_only) {
    HEADRACE_ASSIGN(data::Object output, input.op->transform(input.context, model_of(input), input.inputs));
    return Slots{input.model, std::move(output)};
  }
  const bool asks_output = input.task.wants_output;
  HEADRACE_ASSIGN(Fitted fitted, input.op->fit(input.context, input.inputs, asks_output && input.spec->own_fit_output));
  Slots slots{data::Object(std::move(fitted.model)), std::move(fitted.output)};
  if (asks_output && !slots[1]) {
    HEADRACE_ASSIGN(slots[1], input.op->transform(input.context, &slots[0].model(), input.inputs));
  }
  return slots;
}

Result<Slots> read(const AttemptInput& input) {
  HEADRACE_ASSIGN(std::vector<data::Object> objects, input.op->read(input.context));
  const auto piece = static_cast<std::size_t>(std::max(0, input.task.piece));
  if (piece >= objects.size()) return Error(Code::kBadData, cat("source ", input.context.node, " gave ", objects.size(), " objects"));
  return Slots{std::move(objects[piece]), {}};
}

Result<Slots> call(const AttemptInput& input) {
  switch (input.task.phase) {
    case Phase::kRead: return read(input);
    case Phase::kFit: return fit(input);
    case Phase::kUpdate: {
      HEADRACE_ASSIGN(data::Model model, input.op->update(input.context, model_of(input), input.inputs));
      return Slots{data::Object(std::move(model)), {}};
    }
    case Phase::kTransform: {
      HEADRACE_ASSIGN(data::Object output, input.op->transform(input.context, model_of(input), input.inputs));
      return Slots{std::move(output), {}};
    }
    case Phase::kPredict: {
      HEADRACE_ASSIGN(data::Object output, input.op->predict(input.context, model_of(input), input.inputs));
      return Slots{std::move(output), {}};
    }
    case Phase::kScore: {
      HEADRACE_ASSIGN(data::Metrics metrics, input.op->score(input.context, model_of(input), input.inputs));
      return Slots{data::Object(std::move(metrics)), {}};
    }
    case Phase::kSplit: {
      if (input.inputs[0].kind() != data::Kind::kTable) return Error(Code::kEdgeType, "only tables can be cut into folds");
      HEADRACE_ASSIGN(data::TensorSet folds, input.op->split(input.context, input.inputs[0].table()));
      return Slots{data::Object(std::move(folds)), {}};
    }
    case Phase::kJoin: return Slots{data::Object::tuple({input.inputs.begin(), input.inputs.end()}), {}};
    case Phase::kTake: {
      HEADRACE_ASSIGN(data::Object rows, take_rows(input.plan, input.task, input.inputs));
      return Slots{std::move(rows), {}};
    }
    case Phase::kStack: {
      HEADRACE_ASSIGN(data::Object stacked, stack_rows(input.plan, input.task, input.inputs));
      return Slots{std::move(stacked), {}};
    }
    case Phase::kPrune: break;   // decided by the executor, which knows the alternatives
  }
  return Error(Code::kBug, cat("phase ", graph::phase_name(input.task.phase), " has no attempt"));
}

}  // namespace

Result<Slots> attempt(const AttemptInput& input) {
  try {
    return call(input);
  } catch (const std::bad_alloc&) {
    return Error(Code::kTaskFailed, "out of memory", "give the node fewer rows (shard), or fewer workers (--workers)");
  } catch (const std::exception& thrown) {
    return Error(Code::kTaskFailed, cat("operator threw: ", thrown.what()));
  }
}

}  // namespace headrace::exec::detail
