// SPDX-License-Identifier: Apache-2.0
#pragma once
// Simulation of a cluster in virtual time around the real Scheduler: how busy a cluster of a size would be, and what the driver's one
// thread allows. What is modelled: each message costs the driver some microseconds and travels for a latency; inputs of other hosts
// come over the hosts' links, one after the other; workers die and come back. What is not: the executor's own work, disks, memory.

#include <cstdint>

#include "headrace/base/result.h"
#include "headrace/exec/scheduler.h"

namespace headrace::exec {

struct SimulationOptions {
  int hosts = 96;
  int workers_per_host = 72;                   ///< each with one cpu
  std::uint64_t calls = 0;                     ///< 0: 50 a worker
  std::uint64_t backlog = 0;                   ///< calls that wait at any time; 0: twice the workers
  double call_s = 0.1;                         ///< mean duration
  double call_spread = 0.1;                    ///< standard deviation of a duration, as a share of the mean (normal, cut at 5 % of it)
  double slow_share = 0;                       ///< of the attempts that take `slow_factor` times as long
  double slow_factor = 10;
  double driver_us = 10;                       ///< of the driver's thread, for each message that it reads or writes
  bool says_started = true;                    ///< workers tell that a call runs once it has for 150 ms: one more message
  double latency_us = 50;                      ///< of a message, one way
  double link_bytes_per_s = 1.25e9;            ///< of a host, each way
  std::uint64_t input_bytes = 0;               ///< a call reads one object of this size ...
  std::uint64_t inputs = 1'000;                ///< ... of so many, which lie on random workers; 0 bytes: it reads nothing
  double failures_per_worker_hour = 0;
  double restart_s = 5;                        ///< until a new worker comes in place of a dead one
  std::uint64_t seed = 1;
  SchedulerOptions scheduling = {};
};

struct SimulationReport {
  std::uint64_t workers = 0, calls = 0;
  double makespan_s = 0;
  double busy = 0;                             ///< time in calls that counted, as a share of all workers' time until the last call ended
  double busy_steady = 0;                      ///< time in calls between the end of the first tenth and of the ninth tenth of them
  double calls_per_s = 0;
  double driver_busy = 0;                      ///< share of the driver's time
  double messages_per_call = 0;
  std::uint64_t bytes_moved = 0;               ///< between hosts
  std::uint64_t attempts = 0;                  ///< that started: calls, and those that ran again or twice
  std::uint64_t recalled = 0;                  ///< queued calls asked back for idle workers
  std::uint64_t workers_lost = 0;
  double events_per_call = 0;                  ///< of the scheduler
};

/// Errors: kBadValue for options out of range; kWorkerLost when a call was given up. Same options, same report. Cost: a few microseconds
/// and 1 KB a waiting call.
Result<SimulationReport> simulate(const SimulationOptions& options);

}  // namespace headrace::exec
