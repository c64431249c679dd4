// SPDX-License-Identifier: Apache-2.0
#include "learn/estimator.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include "headrace/base/text.h"

namespace headrace::learn {

struct TorchScope::Guards {
  std::optional<c10::InferenceMode> inference;
  std::optional<c10::AutoGradMode> autograd;
};

TorchScope::TorchScope(int threads, bool autograd) : guards_(std::make_unique<Guards>()) {
  // Deterministic algorithms belong to the process. The thread count belongs to the calling thread, but only once torch has seen that
  // thread: a first look after another thread has set its own count would take that one over, so look first, then set.
  static const bool deterministic = [] {
    at::globalContext().setDeterministicAlgorithms(true, false);
    return true;
  }();
  static_cast<void>(deterministic);
  thread_local int threads_now = 0;
  if (threads_now != threads) {
    static_cast<void>(at::get_num_threads());
    at::set_num_threads(std::max(threads, 1));
    threads_now = threads;
  }
  guards_->inference.emplace(!autograd);
  guards_->autograd.emplace(autograd);
}

TorchScope::~TorchScope() = default;

Error caught() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Error(Code::kEnvironment, "memory is exhausted", "give the run more memory or smaller data");
  } catch (const c10::Error& error) {
    return Error(Code::kTaskFailed, cat("torch failed: ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return Error(Code::kTaskFailed, cat("an operator failed: ", error.what()));
  } catch (...) {
    return Error(Code::kTaskFailed, "an operator failed with an unknown exception");
  }
}

Result<exec::Fitted> Estimator::fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) {
  return guarded(context, [&]() -> Result<exec::Fitted> {
    HEADRACE_ASSIGN(const Training training, training_of(inputs));
    exec::Fitted fitted;
    HEADRACE_ASSIGN(fitted.model, learn(context, training));
    sign(fitted.model, training);
    if (wants_output) {
      HEADRACE_ASSIGN(fitted.output, transform(context, &fitted.model, inputs));
    }
    return fitted;
  });
}

Result<data::Model> Estimator::learn(const exec::Context&, const Training&) const {
  return Error(Code::kUnsupported, cat("operator ", row().name, " does not learn"));
}

Result<Training> Estimator::training_of(std::span<const data::Object> inputs) const {
  Training training;
  HEADRACE_ASSIGN(training.frame, frame_of(inputs, {.refuses_missing = row().refuses_missing}));
  HEADRACE_ASSIGN(training.weights, weights_of(*training.frame.table));
  if (!row().needs_target) return training;
  if (row().family == graph::Family::kRegressor) {
    HEADRACE_ASSIGN(training.targets, targets_of(*training.frame.table));
    return training;
  }
  HEADRACE_ASSIGN(training.labels, labels_of(*training.frame.table));
  if (training.labels.classes.size() < 2) {
    return Error(Code::kBadData, cat("the target has one class only: ", training.labels.classes[0]),
                 "look at the rows of this fold; stratified folds keep every class");
  }
  return training;
}

Result<Frame> Estimator::frame_for(const data::Model* model, std::span<const data::Object> inputs) const {
  HEADRACE_ASSIGN(Frame frame, frame_of(inputs, {.refuses_missing = row().refuses_missing}));
  if (model == nullptr) return frame;
  HEADRACE_ASSIGN(const double width, number_of(*model, "features"));
  if (static_cast<double>(frame.width()) != width) {
    return Error(Code::kShape, cat("features differ from those of the fit: ", row().name, " was fitted on ",
                                   static_cast<std::int64_t>(width), ", the input has ", frame.width()));
  }
  return frame;
}

void Estimator::sign(data::Model& model, const Training& training) const {
  model.op = row().name;
  model.version = row().version;
  model.meta.set("features", training.frame.width());
  if (!training.labels.classes.empty()) {
    model.meta.set("classes", text_list(training.labels.classes));
    model.meta.set("numeric_classes", training.labels.numeric);
  }
}

Result<data::Object> Transformer::transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Object> {
    HEADRACE_ASSIGN(const Frame frame, frame_for(model, inputs));
    HEADRACE_ASSIGN(const Features features, map(context, model, frame));
    HEADRACE_ASSIGN(TablePtr table, features_table(*frame.table, features.matrix, features.names));
    return data::Object(std::move(table));
  });
}

exec::Context Nested::context(const exec::Context& outer, std::string_view name) const {
  exec::Context inner = outer;
  inner.params = params;
  inner.node = cat(outer.node, ".", name);
  inner.seed = derive_seed(outer.seed, name);
  inner.progress = nullptr;
  return inner;
}

Result<Nested> make_estimator(std::string_view op, const config::Value& params) {
  std::vector<std::string> names;
  for (const exec::Registration& registration : headrace_pack_rows().operators()) {
    names.push_back(registration.spec.name);
    if (registration.spec.name != op) continue;
    std::shared_ptr<exec::Operator> made = registration.make();
    Nested nested;
    nested.estimator = std::dynamic_pointer_cast<Estimator>(made);
    if (nested.estimator == nullptr) return Error(Code::kUnsupported, cat("this operator cannot be part of another one: ", op));
    nested.label = std::string(op);
    HEADRACE_ASSIGN(nested.params, config::bind(registration.spec.options, params, cat("operator ", op)));
    return nested;
  }
  return Error(Code::kUnknownOperator, cat("no estimator has this name: ", op), nearest_advice(op, names));
}

Result<std::vector<Nested>> make_estimators(const config::Value& list) {
  std::vector<Nested> estimators;
  if (!list.is_list() || list.list().empty()) {
    return Error(Code::kBadValue, "a list of estimators is expected", "write [{op: ridge, alpha: 0.5}, knn_regressor]", list.where());
  }
  for (const config::Value& entry : list.list()) {
    config::Value params = entry.is_map() ? entry : config::Value(config::Map{});
    const config::Value* op = entry.is_map() ? entry.find("op") : &entry;
    if (op == nullptr || !op->is_string()) {
      return Error(Code::kMissingKey, "an estimator has no `op`", "write {op: ridge, alpha: 0.5}", entry.where());
    }
    const std::string name = op->string();
    params.erase("op");
    auto nested = make_estimator(name, params);
    if (!nested.ok()) return std::move(nested).error().at(entry.where());
    const auto same = std::count_if(estimators.begin(), estimators.end(), [&](const Nested& other) {
      return other.estimator->row().name == name;
    });
    if (same > 0) nested->label = cat(name, "_", same);
    estimators.push_back(std::move(nested).value());
  }
  return estimators;
}

}  // namespace headrace::learn
