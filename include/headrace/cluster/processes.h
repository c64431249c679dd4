// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processes: workers of a fleet on this host, started and kept alive by this process.

#include <memory>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/cluster/fleet.h"

namespace headrace::cluster {

struct ProcessesOptions {
  int count = 1;
  std::string program;                     ///< the headrace binary; empty: this program
  std::vector<std::string> words;          ///< before the worker's own flags; empty: {"worker"}
  std::string name;                        ///< before the numbers of the slots
  io::Address address;                     ///< where they connect; unset: the fleet's Unix socket
  int restarts_max = 20;                   ///< of one slot in a row; one that lived 10 s counts from zero again
};

/// One thread starts workers, passes on what they print, and starts them again when they die, after 100 ms, 200 ms, ... 5 s. They are
/// ended with the object, and by the kernel when this process is killed. Each has a process group of its own: Ctrl-C at a terminal
/// reaches the driver, which ends them in order.
class Processes {
 public:
  /// Errors: kEnvironment (the program cannot be started).
  static Result<std::unique_ptr<Processes>> start(Fleet& fleet, ProcessesOptions options);
  ~Processes();
  /// Process ids of those that run, by slot; 0 for one that waits to be started again. Threads: any.
  std::vector<int> pids() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit Processes(std::unique_ptr<Impl> impl);
};

/// Runs a program to its end, without input and output; its exit code, or 128 and the signal. Errors: kEnvironment.
Result<int> run_quietly(const std::string& program, std::vector<std::string> words);

}  // namespace headrace::cluster
