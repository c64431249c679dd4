// SPDX-License-Identifier: Apache-2.0
#pragma once
// RunRecorder: a run's memory and its journal. It answers look-ups from the store and from what this run made, writes results, and
// records every task that ended.

#include <unordered_map>

#include "exec/index.h"
#include "exec/run_folder.h"
#include "headrace/exec/executor.h"
#include "headrace/exec/results.h"
#include "headrace/exec/store.h"

namespace headrace::exec {

class RunRecorder : public Memory, public EventSink {
 public:
  RunRecorder(Store& store, std::unique_ptr<detail::RunFolder> folder, std::shared_ptr<const graph::Plan> plan);

  std::optional<Kept> find(const ObjectId& id) override;
  Result<Encoded> load(const Kept& kept) override;
  Result<Kept> save(const ObjectId& id, Held& object, double seconds, bool keep) override;
  void on_task(const TaskEvent& event) override;

  const detail::RunFacts& facts() const { return folder_->facts(); }
  /// Ends the journal, makes it durable, and enters run and objects into the index.
  Status finish(const RunReport& report);

 private:
  Store& store_;
  std::unique_ptr<detail::RunFolder> folder_;
  std::shared_ptr<const graph::Plan> plan_;
  std::mutex mutex_;                                            // guards made_ and failure_
  std::unordered_map<ObjectId, Kept, DigestHash> made_;         // by this run, not in the index yet
  Status failure_;
};

}  // namespace headrace::exec
