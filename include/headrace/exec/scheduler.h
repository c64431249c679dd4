// SPDX-License-Identifier: Apache-2.0
#pragma once
// Scheduler: which worker runs which call, and when. A plain state machine: events go in, decisions come out; it has no thread, no
// clock and no socket. So the fleet that drives real processes and the simulation in virtual time run the same code.
//
// States of a call: waiting (for a place) -> queued (at a worker, perhaps behind another call) -> running -> ended. A queued call
// can come back to waiting: recalled for an idle worker, or its worker was lost. A running one of a lost worker waits again too.
// Who moves it: `decide` to queued, `returned` and `remove_worker` back, the worker's order (or `started`) to running, `ended` out.
// Each kSend is answered by exactly one `ended` or `returned`, also after a kStop, unless the worker is removed.
//
// Placement. A worker runs its calls one at a time, in the order they were sent. It holds at most `queue_depth` calls beyond the one
// it runs, so that the next call and its inputs are there when it ends one. A free worker takes, of the most urgent waiting calls,
// one whose host holds most bytes of its inputs; a call waits for a busy host that holds its data only while moving them would take
// longer than the wait. An idle worker with nothing waiting gets a queued call of the worker with the longest queue.
//
// Resources are those of a host; its workers share them. A worker that has calls holds as much as the largest of them asks, and only
// calls that ask no more queue behind: so the worker goes from one to the next without asking. A call that does not fit now lets
// smaller ones pass, but only so often: then a host is kept free for it. A gang starts on all its workers at once or on none; one
// gang at a time keeps hosts free, so two never wait for each other.
//
// Cost. An event costs about a microsecond with 70,000 workers and a million waiting calls. It grows with the number of *different*
// requests that wait (what they ask, gang and language; tens in a pipeline), not with the number of calls.
// Same events, same decisions: nothing depends on addresses or on hash order.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/result.h"

namespace headrace::exec {

using HostId = std::uint32_t;
using WorkerId = std::uint32_t;
using CallId = std::uint64_t;
/// Names an object within one fleet; see cluster/worker.proto.
using ObjectNumber = std::uint64_t;

struct Capacity {
  double cpu = 0;
  std::uint64_t memory_bytes = 0;              ///< 0 in a request: none asked; 0 of a host: not known, no bound. At most 1 PiB
  double gpu = 0;
  std::map<std::string, double> custom = {};
};

struct CallInput {
  ObjectNumber object = 0;
  std::uint64_t bytes = 0;
};

struct CallRequest {
  CallId id = 0;
  Capacity asked{.cpu = 1};
  int priority = 0;                            ///< higher first; equal ones in the order of submission
  int gang = 1;                                ///< workers it needs together, each with `asked`
  std::uint32_t group = 0;                     ///< calls expected to take about as long: durations are learned by group
  std::uint32_t language = 0;                  ///< workers of this language only; 0 native
  bool may_duplicate = true;                   ///< a straggler may be run a second time elsewhere
  std::vector<CallInput> inputs = {};
};

struct SchedulerOptions {
  int queue_depth = 2;                         ///< calls queued at a worker beyond the running one; raised for short calls, 1 for long
  int queue_depth_max = 64;                    ///< for calls that take microseconds
  double link_bytes_per_s = 1e9;               ///< between hosts; within a host moving is free
  int passes_max = 64;                         ///< how often smaller calls may pass one that does not fit
  double straggler_factor = 3;                 ///< a call that runs so many times the median of its group ...
  std::int64_t straggler_min_us = 1'000'000;   ///< ... and at least this long is duplicated once on an idle worker; 0: never
  int lost_max = 3;                            ///< a call whose workers died so often is given up (it may be what kills them)
};

struct Decision {
  enum class Kind {
    kSend,       ///< give the call to the worker
    kRecall,     ///< ask the worker to give it back unless it has started; answer with `returned` or `started`
    kStop,       ///< stop it there: another attempt committed, or it was cancelled
    kGiveUp,     ///< it cannot run: `error` says why; the scheduler has forgotten it
  };
  Kind kind = Kind::kSend;
  CallId call = 0;
  WorkerId worker = 0;
  int rank = 0;                                ///< within a gang
  std::optional<Error> error = {};
};

struct SchedulerLoad {
  std::size_t waiting = 0, queued = 0, running = 0;
  std::size_t workers = 0, idle = 0;
};

/// Threads: one. All times are microseconds of the caller's monotonic clock. Events about calls or workers it does not know are
/// ignored: messages cross.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options = {});
  ~Scheduler();

  /// Tells what a host has; again when that changes. What runs there goes on, also where it is more than there is now.
  void add_host(HostId host, const Capacity& capacity);
  /// Its host must be known.
  void add_worker(WorkerId worker, HostId host, std::uint32_t language, std::int64_t now_us);
  /// Its calls wait again, and what only it held is returned: lost objects, ascending. The call that ran is given up (kWorkerLost)
  /// when workers died under it `lost_max` times; those queued behind are not blamed.
  std::vector<ObjectNumber> remove_worker(WorkerId worker, std::int64_t now_us);
  /// No new calls for it, and those that have not started are recalled; it is done when `has_calls` is false.
  void drain(WorkerId worker);
  bool has_calls(WorkerId worker) const;
  /// Whether workers may still come that are larger than those there: then a request that fits none waits instead of failing. At
  /// first none may.
  void may_grow(bool grows);

  void object_at(ObjectNumber object, WorkerId worker);
  void object_gone(ObjectNumber object);
  bool holds(WorkerId worker, ObjectNumber object) const;
  /// The workers that hold it. Valid until the next event.
  std::span<const WorkerId> holders(ObjectNumber object) const;

  /// Errors: kInfeasible, naming what is asked and the most there is; kBadValue for amounts below 0 or not finite, a gang below 1, an
  /// id in use.
  Status submit(CallRequest request, std::int64_t now_us);
  /// The caller is done with it: no attempt of it counts any more. Those sent are stopped.
  void cancel(CallId call, std::int64_t now_us);
  void started(CallId call, WorkerId worker, std::int64_t now_us);
  /// An attempt ended, well or not. True when this decides the call: the first that ended well (its results count) or the last that
  /// failed (the call failed; a retry is a new submission). Of a gang: the last rank to end well, or the first that failed.
  /// `ran_us`: how long it ran, as measured by the worker; below 0: taken from the times of the events.
  bool ended(CallId call, WorkerId worker, bool well, std::int64_t now_us, std::int64_t ran_us = -1);
  /// A call that had not started came back: recalled, or the worker would not take it.
  void returned(CallId call, WorkerId worker, std::int64_t now_us);
  /// Looks again at what only time changes: stragglers, calls that wait for their data's host. Call it at `next_tick`, then `decide`.
  void tick(std::int64_t now_us);
  std::optional<std::int64_t> next_tick() const;

  /// What is to be done because of the events since the last call, in order.
  std::vector<Decision> decide(std::int64_t now_us);
  SchedulerLoad load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::exec
