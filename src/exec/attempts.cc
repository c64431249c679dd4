// SPDX-License-Identifier: Apache-2.0
// A task that is tried: may it start, what it reads, what came out, and what is told of it.

#include <chrono>
#include <thread>

#include "exec/execution.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"

namespace headrace::exec::detail {
namespace {

// Keeping pays when making took longer than writing and reading back would; small results are always kept.
bool worth_keeping(graph::Cache cache, const Held& object, double seconds) {
  if (cache != graph::Cache::kAuto) return cache == graph::Cache::kAlways;
  constexpr std::uint64_t kSmallBytes = 4 << 20;
  constexpr double kBytesPerSecond = 300e6;
  return object.kind() == data::Kind::kModel || object.kind() == data::Kind::kMetrics || object.bytes() <= kSmallBytes ||
         seconds > static_cast<double>(object.bytes()) / kBytesPerSecond;
}

// Cutting and reading again is cheaper than keeping the rows a second time.
bool is_rows_only(Phase phase) { return phase == Phase::kRead || has_no_operator(phase); }

}  // namespace

// Whether the task cannot run: the run was stopped, its alternative was pruned, or something before it did not end well.
std::optional<TaskEvent> Execution::blocked(std::int32_t index) {
  const Task& task = plan_.tasks[position(index)];
  TaskEvent event{.task = index, .worker = Dataflow::current_worker()};
  if (options_.stop.stop_requested() || !fatal_status().ok()) {
    event.status = TaskStatus::kCancelled;
    event.error = Error(Code::kCancelled, "the run was stopped");
    return event;
  }
  if (pruning_.dropped(index)) {
    event.status = TaskStatus::kPruned;
    return event;
  }
  const bool skips = written_node(plan_, task).annotations.on_error == graph::OnError::kSkip &&
                     written_node(plan_, task).annotations.firing == graph::Firing::kAll;
  bool one_is_there = task.inputs.empty();
  const auto ended = [&](const Ref& ref) { return ended_well(status_[position(ref.task)].load()); };
  std::int32_t cause = -1;
  for (const Ref& input : task.inputs) {
    if (ended(input)) {
      one_is_there = true;
    } else if (cause < 0) {
      cause = input.task;
    }
  }
  if (skips && one_is_there) cause = -1;
  if (task.phase == Phase::kPrune) cause = -1;   // a failed alternative is dropped, it does not stop the others
  if (cause < 0 && task.model.task >= 0 && !needs_[position(index)].output_only && !ended(task.model)) cause = task.model.task;
  if (cause < 0) return std::nullopt;
  event.status = status_[position(cause)].load();
  if (event.status == TaskStatus::kFailed) event.status = TaskStatus::kSkipped;
  const std::lock_guard lock(outcome_mutex_);
  const TaskOutcome& before = outcome_.tasks[position(cause)];
  event.error = before.error;
  outcome_.tasks[position(index)].cause = before.cause >= 0 ? before.cause : cause;
  return event;
}

void Execution::run_task(std::int32_t index, bool again) {
  go_on({.task = index, .event = {.task = index, .status = TaskStatus::kRunning, .start_us = system_clock().wall_us()}, .again = again});
}

void Execution::go_on(Attempt now) {
  if (auto event = blocked(now.task)) {
    event->start_us = event->end_us = system_clock().wall_us();
    return finish(now.task, std::move(*event), {});
  }
  if (plan_.tasks[position(now.task)].phase == Phase::kPrune) return decide_pruning(std::move(now));
  attempt(std::move(now));
}

void Execution::decide_pruning(Attempt now) {
  const Status decided = pruning_.decide(now.task, [&](std::int32_t score) -> std::optional<data::Metrics> {
    if (!ended_well(status_[position(score)].load())) return std::nullopt;
    const auto object = object_of({score, 0});
    return object.ok() ? std::optional(object->metrics()) : std::nullopt;
  }, catalogue_);
  if (!decided.ok()) return fail(std::move(now), decided.error());
  now.event.status = TaskStatus::kDone;
  now.event.end_us = system_clock().wall_us();
  finish(now.task, std::move(now.event), {place_->put(data::Object::bytes(""))});
}

Result<Call> Execution::call_of(const Attempt& now) {
  const Task& task = plan_.tasks[position(now.task)];
  const graph::Annotations& annotations = written_node(plan_, task).annotations;
  const bool output_only = needs_[position(now.task)].output_only;
  Call call;
  call.work = {recipe_of(task), task.phase, task.piece, task.test_side, task.wants_output, output_only};
  const auto take = [&](const Ref& ref) -> Result<Handle> {
    Handle handle = there(ref);
    if (handle == nullptr) return Error(Code::kObjectLost, cat("what ", graph::task_text(plan_, ref.task), " made is gone"));
    return handle;
  };
  for (const Ref& ref : task.inputs) {
    // Inputs that failed are left out only where `on_error: skip` allowed the task to start without them.
    if (!ended_well(status_[position(ref.task)].load())) continue;
    HEADRACE_ASSIGN(Handle input, take(ref));
    call.inputs.push_back(std::move(input));
  }
  if (output_only || task.model.task >= 0) {
    HEADRACE_ASSIGN(call.model, take(output_only ? Ref{now.task, 0} : task.model));
  }
  call.language = language_of(task);
  call.text = cat(graph::phase_name(task.phase), " ", call.work.recipe->node);
  call.asked = {annotations.resources.cpu, annotations.resources.memory_bytes, annotations.resources.gpu, {}};
  call.priority = annotations.priority;
  call.gang = annotations.gang;
  call.group = static_cast<std::uint32_t>(task.node) * 16 + static_cast<std::uint32_t>(task.phase);
  call.timeout_s = annotations.timeout_s;
  call.stop = options_.stop;
  return call;
}

// Sources of files are read here, where the files are.
Place& Execution::place_of(std::int32_t index) {
  const Task& task = plan_.tasks[position(index)];
  if (language_of(task) == "python") return options_.python != nullptr ? *options_.python : *place_;
  return task.phase == Phase::kRead ? *local_ : *place_;
}

std::string_view Execution::language_of(const Task& task) const {
  if (has_no_operator(task.phase)) return {};
  const graph::OperatorSpec* spec = catalogue_.find(operator_of(task));
  return spec == nullptr ? std::string_view() : std::string_view(spec->language);
}

// Runs inside a body of the task. The task is held until `after_attempt` has looked at what came out.
void Execution::attempt(Attempt now) {
  auto call = call_of(now);
  if (!call.ok()) {
    if (call.error().code == Code::kObjectLost && wait_for_lost(now)) return;
    return fail(std::move(now), std::move(call).error());
  }
  const std::int32_t index = now.task;
  if (!now.again) {
    call->started = [this, index, attempt = now.event.attempt, start_us = now.event.start_us](int worker) {
      status_[position(index)] = TaskStatus::kRunning;
      const TaskEvent event{.task = index, .status = TaskStatus::kRunning, .attempt = attempt, .worker = worker, .start_us = start_us};
      for (EventSink* sink : options_.sinks) sink->on_task(event);
    };
    call->progress = [this, index](double share) {
      for (EventSink* sink : options_.sinks) sink->on_progress(index, share);
    };
  }
  const Dataflow::TaskId held = flow_->hold();
  call->done = [this, held, now = std::move(now)](CallOutcome outcome) mutable {
    auto shared = std::make_shared<CallOutcome>(std::move(outcome));   // std::function copies
    flow_->resume(held, [this, now = std::move(now), shared] { after_attempt(now, std::move(*shared)); });
  };
  place_of(index).start(std::move(call).value());
}

void Execution::after_attempt(Attempt now, CallOutcome outcome) {
  now.event.worker = outcome.worker;
  if (outcome.start_us > 0) now.event.start_us = outcome.start_us;
  now.event.end_us = outcome.end_us;
  if (outcome.outputs.ok()) {
    now.event.status = TaskStatus::kDone;
    std::vector<Handle> outputs = std::move(outcome.outputs).value();
    // Made here, wanted there: sources of a fleet.
    const bool moves = plan_.tasks[position(now.task)].phase == Phase::kRead && !place_->is_here() && place_of(now.task).is_here();
    for (Handle& output : outputs) {
      if (!moves || output == nullptr) continue;
      if (auto object = output->object(); object.ok()) output = place_->put(std::move(object).value());
    }
    if (bring_home(now.task, outputs)) return finish(now.task, std::move(now.event), std::move(outputs));
    outcome.outputs = Error(Code::kObjectLost, "its results are gone with the worker that made them");
    // Made, and gone before they were here: once more, which is no fault of the task's.
    if (++now.lost < kLostMax && !options_.stop.stop_requested()) return attempt(std::move(now));
  }
  Error error = std::move(outcome.outputs).error();
  if (options_.stop.stop_requested()) return fail(std::move(now), Error(Code::kCancelled, "the run was stopped"));
  if (error.code == Code::kObjectLost && wait_for_lost(now)) return;
  const int retries = written_node(plan_, plan_.tasks[position(now.task)]).annotations.retries;
  if (now.event.attempt > retries) return fail(std::move(now), std::move(error));
  // Waits 10 ms, 20 ms, ... before the next attempt, at most 1 s, on this thread: retries are rare.
  const int doubled = std::min(now.event.attempt - 1, 7);
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1000, 10 << doubled)));
  ++now.event.attempt;
  attempt(std::move(now));
}

void Execution::fail(Attempt now, Error error) {
  now.event.status = error.code == Code::kCancelled ? TaskStatus::kCancelled : TaskStatus::kFailed;
  now.event.error = std::move(error);
  if (now.event.end_us == 0) now.event.end_us = system_clock().wall_us();
  finish(now.task, std::move(now.event), {});
}

void Execution::keep(std::int32_t index, TaskEvent& event, const std::vector<Handle>& outputs, double seconds) {
  const Task& task = plan_.tasks[position(index)];
  const graph::Cache cache = written_node(plan_, task).annotations.cache;
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
    const Handle& object = outputs[slot];
    // What was asked for can be read again, whatever it is.
    const bool wanted = slots_->wanted({index, static_cast<std::int32_t>(slot)});
    if (object == nullptr || (is_rows_only(task.phase) && !wanted)) continue;
    const bool keeps = (wanted && cache != graph::Cache::kNever) || worth_keeping(cache, *object, seconds);
    auto kept = options_.memory->save(task.output(static_cast<int>(slot)), *object, seconds, keeps);
    // Gone before it could be written: it is made again when somebody reads it.
    if (!kept.ok() && kept.error().code == Code::kObjectLost) {
      kept = options_.memory->save(task.output(static_cast<int>(slot)), *object, seconds, false);
    }
    if (kept.ok()) {
      event.kept.push_back(std::move(kept).value());
      continue;
    }
    const std::lock_guard lock(outcome_mutex_);
    if (fatal_.ok()) fatal_ = std::move(kept).error().within("keeping a result");
  }
}

void Execution::finish(std::int32_t index, TaskEvent event, std::vector<Handle> outputs) {
  const Task& task = plan_.tasks[position(index)];
  const bool known = status_[position(index)].load() == TaskStatus::kDone;   // made again: its event was told
  const double seconds = static_cast<double>(event.end_us - event.start_us) * 1e-6;
  if (!known && event.status == TaskStatus::kDone && options_.memory != nullptr) keep(index, event, outputs, seconds);
  if (!known || event.status != TaskStatus::kDone) {
    const std::lock_guard lock(outcome_mutex_);
    TaskOutcome& outcome = outcome_.tasks[position(index)];
    outcome.status = event.status;
    outcome.seconds = seconds;
    outcome.attempts = event.attempt;
    outcome.error = event.error;
    outcome_.cancelled = outcome_.cancelled || event.status == TaskStatus::kCancelled;
  }
  // Looked at before anybody can see the results: who finds them lost may make this task again, whole.
  const bool output_only = needs_[position(index)].output_only;
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) slots_->set({index, static_cast<std::int32_t>(slot)}, std::move(outputs[slot]));
  status_[position(index)] = event.status;
  {
    const std::lock_guard lock(again_mutex_);
    again_.erase(index);
  }
  if (!known || event.status != TaskStatus::kDone) {
    for (EventSink* sink : options_.sinks) sink->on_task(event);
  }
  release(task, output_only);
}

void Execution::release(const Task& task, bool output_only) {
  for (const Ref& input : task.inputs) slots_->release(input);
  if (!output_only && task.model.task >= 0) slots_->release(task.model);
}

}  // namespace headrace::exec::detail
