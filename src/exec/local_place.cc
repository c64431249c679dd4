// SPDX-License-Identifier: Apache-2.0
#include "exec/local_place.h"

#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/exec/dataflow.h"

namespace headrace::exec::detail {
namespace {

class LocalHeld : public Held {
 public:
  explicit LocalHeld(data::Object object) : Held(object.kind(), object.size_bytes()), object_(std::move(object)) {}

  Result<data::Object> object() override { return object_; }
  Result<Encoded> encoded() override {
    HEADRACE_ASSIGN(std::string bytes, data::encode(object_));
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    return Encoded{*owner, owner};
  }

 private:
  data::Object object_;
};

Result<std::vector<data::Object>> objects_of(const std::vector<Handle>& handles) {
  std::vector<data::Object> objects;
  objects.reserve(handles.size());
  for (const Handle& handle : handles) {
    HEADRACE_ASSIGN(data::Object object, handle->object());
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace

Status LocalPlace::check(const Capacity& asked, int gang) {
  if (asked.cpu * gang > workers_) {
    return Error(Code::kInfeasible, cat("asks for ", asked.cpu * gang, " cores, and there are ", workers_, " workers"),
                 "lower resources.cpu, or raise --workers");
  }
  if (memory_bytes_ > 0 && asked.memory_bytes > memory_bytes_) {
    return Error(Code::kInfeasible, cat("asks for ", bytes_text(asked.memory_bytes), " of ", bytes_text(memory_bytes_)),
                 "lower resources.memory, or raise --memory");
  }
  if (asked.gpu > 0) return Error(Code::kInfeasible, "asks for a GPU, and this process has none to give", "remove resources.gpu");
  return {};
}

void LocalPlace::start(Call call) {
  CallOutcome outcome{.outputs = std::vector<Handle>{}, .worker = Dataflow::current_worker(), .start_us = system_clock().wall_us()};
  if (call.started) call.started(outcome.worker);
  const auto run = [&]() -> Result<std::vector<Handle>> {
    HEADRACE_ASSIGN(const std::vector<data::Object> inputs, objects_of(call.inputs));
    data::Object model;
    if (call.model != nullptr) {
      HEADRACE_ASSIGN(model, call.model->object());
    }
    Watch::Attempt attempt(watch_, call.timeout_s);
    auto made = perform(call.work, packs_, inputs, model, {attempt.token(), std::move(call.progress)});
    if (!made.ok() && attempt.timed_out()) {
      return Error(Code::kTimeout, cat("ran past its limit of ", seconds_text(call.timeout_s)),
                   "raise `timeout`, or give the node less data");
    }
    HEADRACE_ASSIGN(std::vector<data::Object> objects, std::move(made));
    std::vector<Handle> handles;
    for (data::Object& object : objects) handles.push_back(object ? put(std::move(object)) : nullptr);
    return handles;
  };
  outcome.outputs = run();
  outcome.end_us = system_clock().wall_us();
  call.done(std::move(outcome));
}

Handle LocalPlace::put(data::Object object) { return std::make_shared<LocalHeld>(std::move(object)); }

Result<Handle> LocalPlace::put(Encoded encoded, data::Kind /*kind*/) {
  HEADRACE_ASSIGN(data::Object object, data::decode(encoded.bytes, encoded.owner));
  return put(std::move(object));
}

}  // namespace headrace::exec::detail
