// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fleet: the driver's side of workers in other processes. It is a Place: calls run in workers, objects lie in shared memory on this
// host or in the workers of others. It waits for workers to connect; who starts them is not its concern (processes.h, ray.h).
//
// One thread, the loop, owns connections, scheduler and calls. Workers that die, freeze or leave cost their calls a new attempt
// elsewhere; objects that only they held are reported as lost, and the executor makes them again.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/exec/place.h"
#include "headrace/io/channel.h"

namespace headrace::cluster {

struct FleetOptions {
  std::vector<io::Address> listen;                        ///< besides the Unix socket that it always has; tcp only on loopback
  std::string token;                                      ///< what workers must show; empty: one is made
  std::chrono::milliseconds heartbeat{200};               ///< how often workers say that they live
  std::chrono::milliseconds silence{1000};                ///< a worker that is silent so long is dead
  std::uint64_t inline_bytes = 64 << 10;                  ///< larger objects go through shared memory
  std::uint64_t object_bytes = 0;                         ///< objects beyond this go to disk; 0: a quarter of the machine's memory
  std::string spill_folder;                               ///< empty: $TMPDIR, else /tmp
  exec::SchedulerOptions scheduling;
  /// What is expected when all workers are there; calls that ask for more are refused at once.
  int workers_expected = 1;
  exec::Capacity largest_host{.cpu = 1};
};

struct WorkerInfo {
  exec::WorkerId id = 0;
  std::string slot;                                       ///< the name its starter gave it
  std::string host;                                       ///< for people
  std::string language;
  std::int64_t pid = 0;
  std::string address;                                    ///< of its end of the connection
  std::int64_t since_us = 0;                              ///< wall clock
  std::uint64_t calls_done = 0;
  int calls_held = 0;                                     ///< running and queued
  std::string running;                                    ///< text of its first call
  std::uint64_t rss_bytes = 0, object_bytes = 0, spilled_bytes = 0;
  double cpu_seconds = 0;
};

struct FleetReport {
  std::vector<WorkerInfo> workers;
  exec::SchedulerLoad load;
  std::uint64_t calls_done = 0, calls_failed = 0, calls_again = 0, workers_lost = 0;
  std::uint64_t object_bytes = 0, spilled_bytes = 0, object_bytes_max = 0;   ///< held by the driver, now and at most
  std::uint64_t bytes_sent = 0, bytes_received = 0;       ///< of objects between hosts
  double loop_cpu_seconds = 0;                            ///< of the fleet's thread: what one driver can serve
};

class Fleet : public exec::Place {
 public:
  /// Errors: kBusy, kIo, kUnsupported (tcp on an address that is not loopback).
  static Result<std::unique_ptr<Fleet>> start(FleetOptions options);
  /// Tells workers to end, and waits for their connections to close, at most a second.
  ~Fleet() override;

  /// Where workers connect: the Unix socket first, then those of `listen`. The token goes to them in $HEADRACE_TOKEN.
  std::vector<io::Address> addresses() const;
  const std::string& token() const;
  /// Waits until so many workers are there. Errors: kTimeout, and what `fail` was told.
  Status wait_for_workers(int count, std::chrono::milliseconds timeout);
  /// No workers will come any more, or not those that are waited for: calls that wait for them fail with this. Threads: any.
  void fail(Error error);
  FleetReport report() const;
  /// Calls `function` in the loop when a worker is taken for dead or leaves: its starter makes sure that it is. Until `forget_listener`
  /// with the number that it returns.
  int on_worker_gone(std::function<void(const WorkerInfo&, const Status& cause)> function);
  void forget_listener(int number);

  Status check(const exec::Capacity& asked, int gang) override;
  void start(exec::Call call) override;
  exec::Handle put(data::Object object) override;
  Result<exec::Handle> put(exec::Encoded encoded, data::Kind kind) override;
  int workers() const override;
  bool is_here() const override { return false; }

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
  explicit Fleet(std::unique_ptr<Impl> impl);
};

}  // namespace headrace::cluster
