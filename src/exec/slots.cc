// SPDX-License-Identifier: Apache-2.0
#include "exec/slots.h"

#include "headrace/base/text.h"

namespace headrace::exec::detail {

using graph::Ref;

void Slots::count_readers(const graph::Plan& plan, const std::vector<Need>& needs, bool keep_outputs) {
  for (std::size_t i = 0; i < needs.size(); ++i) {
    if (needs[i].status != TaskStatus::kWaiting) continue;
    const graph::Task& task = plan.tasks[i];
    for (const Ref& input : task.inputs) read_again(input);
    if (!needs[i].output_only && task.model.task >= 0) read_again(task.model);
  }
  for (const graph::Path& path : plan.paths) {
    for (const std::int32_t task : path.scores) {
      if (task >= 0) at({task, 0}).wanted = true;
    }
    if (!keep_outputs) continue;
    for (const Ref& ref : path.outputs) {
      if (ref.task >= 0) at(ref).wanted = true;
    }
  }
}

void Slots::set(const Ref& ref, Handle object) {
  Slot& slot = at(ref);
  if (!slot.wanted && slot.readers.load() <= 0) return;
  const std::lock_guard lock(slot.mutex);
  slot.object = std::move(object);
}

void Slots::give(const Ref& ref, Handle object) {
  at(ref).wanted = true;
  set(ref, std::move(object));
}

void Slots::set_kept(const Ref& ref, Kept kept) {
  Slot& slot = at(ref);
  const std::lock_guard lock(slot.mutex);
  slot.kept = std::move(kept);
}

Result<Handle> Slots::find(const Ref& ref) {
  Slot& slot = at(ref);
  const std::lock_guard lock(slot.mutex);
  if (slot.object != nullptr && slot.object->there()) return slot.object;
  slot.object = nullptr;
  if (!slot.kept.has_value() || memory_ == nullptr) return Handle();
  auto loaded = memory_->load(*slot.kept);
  if (!loaded.ok())
    return Error(Code::kDamaged, cat("remembered object ", slot.kept->id.brief(), " cannot be read: ", loaded.error().message));
  HEADRACE_ASSIGN(slot.object, place_.put(std::move(loaded).value(), slot.kept->kind));
  return slot.object;
}

void Slots::release(const Ref& ref) {
  Slot& slot = at(ref);
  if (slot.readers.fetch_sub(1) != 1 || slot.wanted) return;
  const std::lock_guard lock(slot.mutex);
  slot.object = nullptr;
}

void Slots::read_again(const Ref& ref) {
  if (ref.task >= 0) at(ref).readers.fetch_add(1);
}

void Slots::drop(const Ref& ref) {
  Slot& slot = at(ref);
  const std::lock_guard lock(slot.mutex);
  slot.object = nullptr;
  slot.kept.reset();
}

}  // namespace headrace::exec::detail
