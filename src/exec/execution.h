// SPDX-License-Identifier: Apache-2.0
#pragma once
// Execution: one run of a plan. executor.cc begins and ends it, attempts.cc tries its tasks, lost.cc makes again what is gone.

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "exec/demand.h"
#include "exec/local_place.h"
#include "exec/pruning.h"
#include "exec/slots.h"
#include "headrace/exec/dataflow.h"
#include "headrace/exec/executor.h"

namespace headrace::exec::detail {

using graph::Phase;
using graph::Ref;
using graph::Task;

inline bool ended_well(TaskStatus status) { return status == TaskStatus::kDone || status == TaskStatus::kRemembered; }

inline bool has_no_operator(Phase phase) {
  return phase == Phase::kTake || phase == Phase::kStack || phase == Phase::kJoin || phase == Phase::kPrune;
}

// How often a task is tried because objects were gone, before that is its failure.
inline constexpr int kLostMax = 10;

inline std::size_t position(std::int32_t task) { return static_cast<std::size_t>(task); }

/// One run of a plan. `run` once; the rest is called by the engine's threads.
class Execution {
 public:
  Execution(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options)
      : plan_(plan), catalogue_(catalogue), packs_(packs), options_(options), status_(plan.tasks.size()), pruning_(plan) {}

  Result<ExecuteOutcome> run();

 private:
  Status prepare();
  void preload();
  Status check_feasible();
  const std::string& operator_of(const Task& task) const;
  const std::shared_ptr<const Recipe>& recipe_of(const Task& task);
  Status read_sources();
  void start();
  void run_task(std::int32_t index, bool again = false);
  std::optional<TaskEvent> blocked(std::int32_t index);
  void make_missing();
  // An attempt at a task; `again`: it ended well before, and what it made is gone.
  struct Attempt {
    std::int32_t task = -1;
    TaskEvent event;
    bool again = false;
    int lost = 0;                              // how often what it reads was gone
  };
  void go_on(Attempt now);
  void attempt(Attempt now);
  Result<Call> call_of(const Attempt& now);
  void after_attempt(Attempt now, CallOutcome outcome);
  bool bring_home(std::int32_t task, const std::vector<Handle>& outputs);
  void decide_pruning(Attempt now);
  Place& place_of(std::int32_t index);
  std::string_view language_of(const Task& task) const;
  void fail(Attempt now, Error error);
  bool wait_for_lost(const Attempt& now);
  std::optional<Dataflow::TaskId> make_again(const Ref& ref);
  Handle there(const Ref& ref);
  void finish(std::int32_t index, TaskEvent event, std::vector<Handle> outputs);
  void keep(std::int32_t index, TaskEvent& event, const std::vector<Handle>& outputs, double seconds);
  Result<data::Object> object_of(const Ref& ref);
  void release(const Task& task, bool output_only);
  ExecuteOutcome collect();
  Status fatal_status() {
    const std::lock_guard lock(outcome_mutex_);
    return fatal_;
  }

  const graph::Plan& plan_;
  const graph::Catalogue& catalogue_;
  Packs& packs_;
  const ExecuteOptions& options_;
  std::optional<Dataflow> flow_;
  std::optional<LocalPlace> local_;    // sources are read here, whatever the place
  Place* place_ = nullptr;
  std::vector<Need> needs_;
  std::vector<TaskStatus> initial_;
  std::vector<std::atomic<TaskStatus>> status_;
  std::optional<Slots> slots_;
  Pruning pruning_;
  std::vector<Dataflow::TaskId> flow_ids_;

  std::mutex recipe_mutex_;                    // guards recipes_
  std::map<std::pair<std::int32_t, int>, std::shared_ptr<const Recipe>> recipes_;   // by expanded node, and what is done with it

  std::mutex again_mutex_;                     // guards again_
  std::map<std::int32_t, Dataflow::TaskId> again_;   // tasks that are being run again

  std::mutex outcome_mutex_;   // guards outcome_ and fatal_
  ExecuteOutcome outcome_;
  Status fatal_;
};

}  // namespace headrace::exec::detail
