// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one event stream of a run. The journal, the progress display, traces and the results are readers of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/error.h"
#include "headrace/data/object.h"
#include "headrace/graph/plan.h"

namespace headrace::exec {

/// How a task ended. Remembered: its result, or everything that reads it, was there already. Skipped: something before it failed
/// or was skipped. Pruned: its alternative was stopped early. Cancelled: the run was stopped before it could end.
enum class TaskStatus : std::uint8_t { kWaiting, kRunning, kDone, kRemembered, kFailed, kSkipped, kPruned, kCancelled };
std::string_view status_name(TaskStatus status);

/// Where an output was written. `length` 0: it was not kept, and is made again when it is asked for.
struct Kept {
  ObjectId id;
  data::Kind kind = data::Kind::kNone;
  std::string run;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  Digest content;
  double seconds = 0;                  ///< that the task took
};

struct TaskEvent {
  std::int32_t task = -1;
  TaskStatus status = TaskStatus::kWaiting;
  int attempt = 1;
  int worker = -1;
  std::int64_t start_us = 0;           ///< wall clock
  std::int64_t end_us = 0;
  std::optional<Error> error;
  std::vector<Kept> kept;
};

/// Called from the threads that run tasks, several at a time: a sink locks for itself and returns quickly.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// Before the first task: which tasks will run (the others are remembered or not asked for).
  virtual void on_start(const graph::Plan& plan, const std::vector<TaskStatus>& initial);
  virtual void on_task(const TaskEvent& event) = 0;
  /// Share 0..1 of a running task.
  virtual void on_progress(std::int32_t task, double share);
  virtual void on_end();
};

}  // namespace headrace::exec
