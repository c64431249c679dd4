// SPDX-License-Identifier: Apache-2.0
#pragma once
// Slots: where the outputs of tasks wait for the tasks that read them. An output is let go with its last reader. What was remembered
// is taken out of memory when somebody asks for it.

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include "exec/demand.h"
#include "headrace/exec/executor.h"
#include "headrace/exec/place.h"

namespace headrace::exec::detail {

/// Threads: any, once `count_readers` has returned.
class Slots {
 public:
  Slots(const graph::Plan& plan, Memory* memory, Place& place) : memory_(memory), place_(place), slots_(plan.tasks.size()) {}

  /// Every task of `needs` that runs reads its inputs once; outputs of paths are never let go where `keep_outputs`, scores never.
  void count_readers(const graph::Plan& plan, const std::vector<Need>& needs, bool keep_outputs);
  /// Gives a slot its object, unless nobody will read it.
  void set(const graph::Ref& ref, Handle object);
  /// The same for a model given from outside, which stays whoever reads it.
  void give(const graph::Ref& ref, Handle object);
  /// The same for an object of memory that is taken out when it is asked for.
  void set_kept(const graph::Ref& ref, Kept kept);
  /// Null when it is not there: never made, let go, or gone with the workers that held it.
  /// Errors: kDamaged when memory cannot give it back.
  Result<Handle> find(const graph::Ref& ref);
  void release(const graph::Ref& ref);
  /// Whether the outcome wants it: it is then never let go.
  bool wanted(const graph::Ref& ref) const { return slots_[static_cast<std::size_t>(ref.task)][static_cast<std::size_t>(ref.slot)].wanted; }
  /// One more reader: a task that is run again to make a lost object.
  void read_again(const graph::Ref& ref);
  /// Forgets what a slot holds: memory could not give it, or it is lost.
  void drop(const graph::Ref& ref);

 private:
  struct Slot {
    std::mutex mutex;                         // guards object and kept
    Handle object;
    std::optional<Kept> kept;
    std::atomic<std::int32_t> readers{0};
    bool wanted = false;                      // by the outcome: never let go
  };
  Slot& at(const graph::Ref& ref) { return slots_[static_cast<std::size_t>(ref.task)][static_cast<std::size_t>(ref.slot)]; }

  Memory* memory_;
  Place& place_;
  std::vector<std::array<Slot, 2>> slots_;
};

}  // namespace headrace::exec::detail
