// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dataflow: tasks that start as soon as the tasks before them have ended, on a work-stealing pool (oneTBB). No barriers, no
// driver that waits. It knows nothing of pipelines: `run` builds on it, and so does the bench of the executor.
//
// States of a task: waiting (some task before it has not ended) -> ready -> running -> ended, and running <-> held: a task whose
// body called `hold` has not ended when the body returns; it goes on, in the pool, with the body that `resume` brings. So work that
// happens elsewhere (another process, a pause before the next attempt) keeps its place in the order and occupies no worker.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace headrace::exec {

class Dataflow {
 public:
  using TaskId = std::uint32_t;

  /// What a task needs while it runs, and how urgent it is (higher first). Looked at only when `account` is on.
  struct Demand {
    double cpu = 1;
    std::uint64_t memory_bytes = 0;
    int priority = 0;
  };
  struct Options {
    int workers = 0;                       ///< 0: one a core
    bool account = false;                  ///< gate ready tasks by demand and priority; costs about 0.2 us a task
    double cpu = 0;                        ///< what may run at once; 0: `workers`
    std::uint64_t memory_bytes = 0;        ///< 0: no bound
  };

  explicit Dataflow(const Options& options);
  /// Waits for all tasks.
  ~Dataflow();
  Dataflow(const Dataflow&) = delete;
  Dataflow& operator=(const Dataflow&) = delete;

  /// Queues `body` to run once, after every task of `after` has ended. Threads: any, also from inside a body.
  /// The body must not throw, and blocks a worker while it runs. A demand above the capacity is a bug: check it before.
  /// Cost: about 1 us and 100 bytes, plus 20 ns and 16 bytes for each further entry of `after`.
  TaskId submit(std::function<void()> body, std::span<const TaskId> after = {});
  TaskId submit(std::function<void()> body, std::span<const TaskId> after, const Demand& demand);

  /// Inside a body: the running task is to go on with another body. Each hold is followed by exactly one `resume` of its id, from
  /// any thread, perhaps before the body that held returns. What the task demands stays taken meanwhile.
  TaskId hold();
  void resume(TaskId held, std::function<void()> body);

  /// Blocks until every task submitted so far, and every task those submit, has ended.
  void wait();

  int workers() const;
  /// Number of the worker that calls, 0 .. workers - 1; -1 outside the pool.
  static int current_worker();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::exec
