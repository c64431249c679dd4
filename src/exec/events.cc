// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/events.h"

namespace headrace::exec {

std::string_view status_name(TaskStatus status) {
  switch (status) {
    case TaskStatus::kWaiting: return "waiting";
    case TaskStatus::kRunning: return "running";
    case TaskStatus::kDone: return "done";
    case TaskStatus::kRemembered: return "remembered";
    case TaskStatus::kFailed: return "failed";
    case TaskStatus::kSkipped: return "skipped";
    case TaskStatus::kPruned: return "pruned";
    case TaskStatus::kCancelled: return "cancelled";
  }
  return "unknown";
}

void EventSink::on_start(const graph::Plan&, const std::vector<TaskStatus>&) {}
void EventSink::on_progress(std::int32_t, double) {}
void EventSink::on_end() {}

}  // namespace headrace::exec
