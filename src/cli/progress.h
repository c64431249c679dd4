// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress: what a run has done so far, counted from its events. Numbers only; progress_screen.h makes them lines.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/exec/events.h"

namespace headrace::cli {

/// One node as written, all its alternatives and folds together.
struct NodeProgress {
  std::string name;
  std::int64_t total = 0;            ///< tasks that run in this process; remembered ones are not among them
  std::int64_t ended = 0;            ///< done, failed, skipped, pruned or cancelled
  std::int64_t failed = 0;
  std::int64_t running = 0;
  double rate = 0;                   ///< tasks a second since its first one started
};

/// What a worker does now.
struct WorkerProgress {
  int worker = 0;
  std::string node;                  ///< expanded name
  std::string phase;
  int fold = -1;
  double seconds = 0;                ///< since the task started
  double share = -1;                 ///< 0..1 as the task tells; -1 when it tells nothing
};

struct ProgressSnapshot {
  bool started = false;
  double seconds = 0;                ///< since the first task could run
  std::int64_t total = 0, ended = 0, failed = 0, remembered = 0;
  double rate = 0;
  double left_s = -1;                ///< estimate; -1 while nothing was measured
  std::vector<NodeProgress> nodes;   ///< those with tasks to run, in file order
  std::vector<WorkerProgress> workers;
};

/// Counts events. Threads: any; one lock an event, nothing is allocated while tasks run.
///
/// Time left: every (expanded node, phase) has a mean of its ended tasks; where none has ended, the mean of the same phase of its
/// node as written, then of all tasks. The work left is shared by as many workers as were seen busy at once. There is no estimate
/// while more than a quarter of what is left is of a kind that has not been measured.
class Progress : public exec::EventSink {
 public:
  explicit Progress(const Clock& clock = system_clock()) : clock_(clock) {}

  void on_start(const graph::Plan& plan, const std::vector<exec::TaskStatus>& initial) override;
  void on_task(const exec::TaskEvent& event) override;
  void on_progress(std::int32_t task, double share) override;

  ProgressSnapshot snapshot() const;

 private:
  // Where a task is counted; kept by value, since the plan may go before the display does.
  struct Place {
    std::int32_t cell = 0;           // (node, phase)
    std::int16_t fold = -1;
    bool running = false;
  };
  struct Cell {
    std::int64_t left = 0;
    std::int64_t ended = 0;          // with a time
    double seconds = 0;
  };
  struct Busy {
    std::int32_t task = -1;
    std::int64_t start_us = 0;
    double share = -1;
  };
  struct Origin {
    NodeProgress shown;
    std::int64_t first_us = 0;
  };

  void start_task(const exec::TaskEvent& event);
  void end_task(const exec::TaskEvent& event);
  double left_locked(std::int64_t now_us) const;

  const Clock& clock_;
  mutable std::mutex mutex_;         // guards all below
  bool started_ = false;
  std::int64_t start_us_ = 0;
  std::int64_t total_ = 0, ended_ = 0, failed_ = 0, remembered_ = 0;
  std::size_t busy_now_ = 0, busy_most_ = 0;
  std::vector<Place> places_;        // by task
  std::vector<Cell> cells_;          // [node][phase]
  std::vector<std::int32_t> origin_of_;   // by node
  std::vector<std::string> names_;   // by node
  std::vector<Origin> origins_;
  std::vector<Busy> busy_;           // by worker
};

}  // namespace headrace::cli
