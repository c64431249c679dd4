// SPDX-License-Identifier: Apache-2.0
#include "exec/recorder.h"

#include "exec/store_access.h"

namespace headrace::exec {

RunRecorder::RunRecorder(Store& store, std::unique_ptr<detail::RunFolder> folder, std::shared_ptr<const graph::Plan> plan)
    : store_(store), folder_(std::move(folder)), plan_(std::move(plan)) {
  for (const TaskEvent& event : folder_->before().events) {
    for (const Kept& kept : event.kept) made_.emplace(kept.id, kept);
  }
}

std::optional<Kept> RunRecorder::find(const ObjectId& id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = made_.find(id); found != made_.end()) return found->second;
  }
  return store_.find(id);
}

Result<Encoded> RunRecorder::load(const Kept& kept) {
  auto encoded = store_.load_encoded(kept);
  if (!encoded.ok()) {
    const std::lock_guard lock(mutex_);
    made_.erase(kept.id);
  }
  return encoded;
}

Result<Kept> RunRecorder::save(const ObjectId& id, Held& object, double seconds, bool keep) {
  Kept kept{.id = id, .kind = object.kind(), .run = folder_->facts().id, .seconds = seconds};
  if (keep) {
    HEADRACE_ASSIGN(const Encoded encoded, object.encoded());
    HEADRACE_ASSIGN(kept, folder_->write(id, encoded.bytes, object.kind(), seconds));
  }
  const std::lock_guard lock(mutex_);
  made_[id] = kept;
  return kept;
}

void RunRecorder::on_task(const TaskEvent& event) {
  if (event.status == TaskStatus::kRunning) return;
  const Status recorded = folder_->record(event, *plan_);
  if (recorded.ok()) return;
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) failure_ = recorded;
}

Status RunRecorder::finish(const RunReport& report) {
  HEADRACE_TRY(folder_->record_end(report.status, report.seconds));
  HEADRACE_TRY(folder_->close());
  std::vector<Kept> kept;
  {
    const std::lock_guard lock(mutex_);
    HEADRACE_TRY(failure_);
    kept.reserve(made_.size());
    for (const auto& [id, entry] : made_) kept.push_back(entry);
  }
  HEADRACE_TRY(StoreAccess::of(store_).index->add(kept));
  RunSummary summary{.id = report.run, .pipeline = report.pipeline, .status = report.status, .started_us = folder_->facts().started_us,
                     .seconds = report.seconds, .executed = report.tasks.executed, .remembered = report.tasks.remembered,
                     .failed = report.tasks.failed};
  if (!report.results.empty() && report.results[0].rank == 1) {
    summary.best = report.results[0].label;
    summary.best_mean = report.results[0].metrics[0].mean;
  }
  return StoreAccess::of(store_).index->set_run(summary, folder_->facts().plan);
}

}  // namespace headrace::exec
