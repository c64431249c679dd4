// SPDX-License-Identifier: Apache-2.0
// What is gone is made again: objects that a place lost with its workers, and remembered ones that memory cannot give back.

#include "exec/execution.h"
#include "headrace/base/text.h"

namespace headrace::exec::detail {

// Where a slot lies, from memory when it is only there; null when it has to be made again.
Handle Execution::there(const Ref& ref) {
  auto found = slots_->find(ref);
  if (found.ok() && *found != nullptr) return std::move(found).value();
  slots_->drop(ref);
  if (options_.memory == nullptr) return nullptr;
  const auto kept = options_.memory->find(plan_.tasks[position(ref.task)].output(ref.slot));
  if (!kept.has_value() || kept->length == 0) return nullptr;
  slots_->set_kept(ref, *kept);
  found = slots_->find(ref);
  return found.ok() ? std::move(found).value() : nullptr;
}

// Final results are taken to this process as soon as they are made: nothing would make them again after the end of the run. False when
// one is gone.
bool Execution::bring_home(std::int32_t task, const std::vector<Handle>& outputs) {
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
    const Handle& output = outputs[slot];
    if (output == nullptr || !slots_->wanted({task, static_cast<std::int32_t>(slot)})) continue;
    const auto object = output->object();
    if (!object.ok() && object.error().code == Code::kObjectLost) return false;
  }
  return true;
}

// Holds the task until what it reads has been made again, and then tries it once more. False when that was tried too often.
bool Execution::wait_for_lost(const Attempt& now) {
  if (now.lost >= kLostMax) return false;
  const Task& task = plan_.tasks[position(now.task)];
  std::vector<Dataflow::TaskId> after;
  const auto need = [&](const Ref& ref) {
    if (ref.task < 0 || !ended_well(status_[position(ref.task)].load())) return;
    if (const auto made = make_again(ref)) after.push_back(*made);
  };
  for (const Ref& ref : task.inputs) need(ref);
  if (needs_[position(now.task)].output_only) {
    need({now.task, 0});
  } else {
    need(task.model);
  }
  Attempt next = now;
  ++next.lost;
  const Dataflow::TaskId held = flow_->hold();
  flow_->submit([this, held, next] { flow_->resume(held, [this, next] { go_on(next); }); }, after);
  return true;
}

// The engine's task that makes a lost object again, after those that make what it reads; nothing when it is there after all.
std::optional<Dataflow::TaskId> Execution::make_again(const Ref& ref) {
  if (there(ref) != nullptr) return std::nullopt;
  const Task& task = plan_.tasks[position(ref.task)];
  {
    const std::lock_guard lock(again_mutex_);
    if (const auto running = again_.find(ref.task); running != again_.end()) return running->second;
  }
  std::vector<Dataflow::TaskId> after;
  const auto need = [&](const Ref& input) {
    if (input.task < 0) return;
    slots_->read_again(input);
    if (const auto made = make_again(input)) after.push_back(*made);
  };
  for (const Ref& input : task.inputs) need(input);
  need(task.model);
  const std::lock_guard lock(again_mutex_);
  if (const auto running = again_.find(ref.task); running != again_.end()) return running->second;
  slots_->read_again(ref);
  needs_[position(ref.task)].output_only = false;
  const Dataflow::TaskId id = flow_->submit([this, index = ref.task] { run_task(index, true); }, after);
  again_.emplace(ref.task, id);
  return id;
}

// Remembered results that memory cannot give back after all.
void Execution::make_missing() {
  const auto look = [&](const Ref& ref) {
    if (ref.task >= 0 && ended_well(status_[position(ref.task)].load())) make_again(ref);
  };
  for (const graph::Path& path : plan_.paths) {
    for (const std::int32_t task : path.scores) look({task, 0});
    if (!options_.keep_outputs) continue;
    for (const Ref& ref : path.outputs) look(ref);
  }
  flow_->wait();
}

}  // namespace headrace::exec::detail
