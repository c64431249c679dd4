// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_file.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/metrics/trace.h"

namespace headrace::cli {

Status write_trace(const exec::RecordedRun& run, const std::string& path) {
  HEADRACE_ASSIGN(const auto trace, metrics::TraceWriter::create(path));
  const graph::Plan& plan = *run.plan;
  trace->name_process(cat("headrace ", run.report.pipeline, " ", run.id));
  int workers = 0;
  std::int64_t first_us = 0;
  for (const exec::TaskEvent& event : run.events) {
    if (event.start_us > 0) first_us = first_us == 0 ? event.start_us : std::min(first_us, event.start_us);
    workers = std::max(workers, event.worker + 1);
  }
  for (int worker = 0; worker < workers; ++worker) trace->name_track(worker, cat("worker ", worker + 1));
  for (const exec::TaskEvent& event : run.events) {
    const bool known = event.task >= 0 && static_cast<std::size_t>(event.task) < plan.tasks.size();
    const bool ran = event.status == exec::TaskStatus::kDone || event.status == exec::TaskStatus::kFailed;
    if (!known || !ran || event.worker < 0 || event.end_us < event.start_us) continue;
    const graph::Task& task = plan.tasks[static_cast<std::size_t>(event.task)];
    config::Value args{config::Map{}};
    args.set("what", task_text(plan, event.task));
    args.set("status", std::string(exec::status_name(event.status)));
    args.set("object", task.output(0).hex());
    if (task.fold >= 0) args.set("fold", static_cast<int>(task.fold));
    args.set("attempt", event.attempt);
    if (event.error.has_value()) args.set("error", event.error->text());
    const std::string& node = task.node < 0 ? run.report.pipeline : plan.expanded.nodes[static_cast<std::size_t>(task.node)].name;
    trace->add_complete(node, graph::phase_name(task.phase), event.worker, event.start_us - first_us, event.end_us - event.start_us, args);
  }
  return trace->close();
}

}  // namespace headrace::cli
