// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/judgement.h"

namespace headrace::learn {

Result<Decision> Predictor::decide(const exec::Context&, const data::Model&, const Frame&) const {
  return Error(Code::kUnsupported, cat("operator ", row().name, " does not predict"));
}

Result<Decision> Predictor::judge(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const {
  HEADRACE_ASSIGN(const Frame frame, frame_for(&model, inputs));
  HEADRACE_ASSIGN(Decision decision, decide(context, model, frame));
  if (decision.classes.empty() && decision.classifies()) {
    HEADRACE_ASSIGN(decision.classes, texts_of(model, "classes"));
  }
  return decision;
}

Result<data::Object> Predictor::predict(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Object> {
    HEADRACE_ASSIGN(const auto tables, tables_of(inputs));
    HEADRACE_ASSIGN(const Decision decision, judge(context, *model, inputs));
    HEADRACE_ASSIGN(TablePtr table, prediction_table(*tables[0], decision, false));
    return data::Object(std::move(table));
  });
}

Result<data::Object> Predictor::transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Object> {
    HEADRACE_ASSIGN(const auto tables, tables_of(inputs));
    HEADRACE_ASSIGN(const Decision decision, judge(context, *model, inputs));
    HEADRACE_ASSIGN(TablePtr table, prediction_table(*tables[0], decision, true));
    return data::Object(std::move(table));
  });
}

Result<data::Metrics> Predictor::score(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Metrics> {
    HEADRACE_ASSIGN(const auto tables, tables_of(inputs));
    HEADRACE_ASSIGN(const Decision decision, judge(context, *model, inputs));
    return judge_against(*tables[0], decision, context.metrics);
  });
}

}  // namespace headrace::learn
