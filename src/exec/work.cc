// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/work.h"

#include <exception>
#include <new>
#include <utility>

#include "exec/rows.h"
#include "headrace/base/text.h"
#include "headrace/data/table.h"

namespace headrace::exec {
namespace {

using graph::Phase;
using Slots = std::vector<data::Object>;

// One call, with everything it reads at hand.
struct Attempt {
  const Work& work;
  Operator* op = nullptr;                       // null for phases without an operator
  const Context& context;
  std::span<const data::Object> inputs;
  const data::Object& model_object;

  const data::Model* model() const { return model_object ? &model_object.model() : nullptr; }
};

Slots one(data::Object object) {
  Slots slots;
  slots.push_back(std::move(object));
  return slots;
}

Result<Slots> fit(const Attempt& attempt) {
  Slots slots(2);
  if (attempt.work.output_only) {
    slots[0] = attempt.model_object;
    HEADRACE_ASSIGN(slots[1], attempt.op->transform(attempt.context, attempt.model(), attempt.inputs));
    return slots;
  }
  const bool asks_output = attempt.work.wants_output;
  HEADRACE_ASSIGN(Fitted fitted, attempt.op->fit(attempt.context, attempt.inputs, asks_output && attempt.work.recipe->own_fit_output));
  slots[0] = data::Object(std::move(fitted.model));
  slots[1] = std::move(fitted.output);
  if (asks_output && !slots[1]) {
    HEADRACE_ASSIGN(slots[1], attempt.op->transform(attempt.context, &slots[0].model(), attempt.inputs));
  }
  return slots;
}

Result<Slots> read(const Attempt& attempt) {
  HEADRACE_ASSIGN(std::vector<data::Object> objects, attempt.op->read(attempt.context));
  const auto piece = static_cast<std::size_t>(std::max(0, attempt.work.piece));
  if (piece >= objects.size()) return Error(Code::kBadData, cat("source ", attempt.context.node, " gave ", objects.size(), " objects"));
  return one(std::move(objects[piece]));
}

Result<Slots> call(const Attempt& attempt) {
  switch (attempt.work.phase) {
    case Phase::kRead: return read(attempt);
    case Phase::kFit: return fit(attempt);
    case Phase::kUpdate: {
      HEADRACE_ASSIGN(data::Model model, attempt.op->update(attempt.context, attempt.model(), attempt.inputs));
      return one(data::Object(std::move(model)));
    }
    case Phase::kTransform: {
      HEADRACE_ASSIGN(data::Object output, attempt.op->transform(attempt.context, attempt.model(), attempt.inputs));
      return one(std::move(output));
    }
    case Phase::kPredict: {
      HEADRACE_ASSIGN(data::Object output, attempt.op->predict(attempt.context, attempt.model(), attempt.inputs));
      return one(std::move(output));
    }
    case Phase::kScore: {
      HEADRACE_ASSIGN(data::Metrics metrics, attempt.op->score(attempt.context, attempt.model(), attempt.inputs));
      return one(data::Object(std::move(metrics)));
    }
    case Phase::kSplit: {
      if (attempt.inputs[0].kind() != data::Kind::kTable) return Error(Code::kEdgeType, "only tables can be cut into folds");
      HEADRACE_ASSIGN(data::TensorSet folds, attempt.op->split(attempt.context, attempt.inputs[0].table()));
      return one(data::Object(std::move(folds)));
    }
    case Phase::kJoin: return one(data::Object::tuple({attempt.inputs.begin(), attempt.inputs.end()}));
    case Phase::kTake: {
      HEADRACE_ASSIGN(data::Object rows, detail::take_rows(attempt.work, attempt.inputs));
      return one(std::move(rows));
    }
    case Phase::kStack: {
      HEADRACE_ASSIGN(data::Object stacked, detail::stack_rows(attempt.work, attempt.inputs));
      return one(std::move(stacked));
    }
    case Phase::kPrune: break;   // decided by the executor, which knows the alternatives
  }
  return Error(Code::kBug, cat("phase ", graph::phase_name(attempt.work.phase), " has no attempt"));
}

std::vector<data::Object> flattened(const Work& work, std::span<const data::Object> inputs) {
  std::vector<data::Object> flat;
  flat.reserve(inputs.size());
  for (const data::Object& input : inputs) {
    if (input.kind() == data::Kind::kTuple && work.phase != Phase::kJoin) {
      flat.insert(flat.end(), input.tuple().begin(), input.tuple().end());
    } else {
      flat.push_back(input);
    }
  }
  return flat;
}

Context context_of(const Recipe& recipe, const WorkControl& control) {
  Context context;
  context.params = recipe.params;
  context.node = recipe.node;
  context.seed = recipe.seed;
  context.metrics = recipe.metrics;
  context.threads = recipe.threads;
  context.folder = recipe.folder;
  context.stop = control.stop;
  context.progress = control.progress;
  return context;
}

}  // namespace

Result<std::vector<data::Object>> perform(const Work& work, Packs& packs, std::span<const data::Object> inputs, const data::Object& model,
                                          const WorkControl& control) {
  try {
    Operator* op = nullptr;
    if (!work.recipe->op.empty()) {
      HEADRACE_ASSIGN(op, packs.find(work.recipe->op));
    }
    const Context context = context_of(*work.recipe, control);
    const std::vector<data::Object> flat = flattened(work, inputs);
    return call({work, op, context, flat, model});
  } catch (const std::bad_alloc&) {
    return Error(Code::kTaskFailed, "out of memory", "give the node fewer rows (shard), or fewer workers (--workers)");
  } catch (const std::exception& thrown) {
    return Error(Code::kTaskFailed, cat("operator threw: ", thrown.what()));
  }
}

}  // namespace headrace::exec
