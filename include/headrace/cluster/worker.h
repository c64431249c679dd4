// SPDX-License-Identifier: Apache-2.0
#pragma once
// Worker: the process that runs calls for a driver. It connects, says who it is, and works until the driver goes.

#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/exec/packs.h"
#include "headrace/io/channel.h"

namespace headrace::cluster {

struct WorkerOptions {
  io::Address driver;
  std::string token;
  std::string slot;                        ///< the name its starter gave it
  double cpu = 1;                          ///< what it brings to its host
  std::uint64_t memory_bytes = 0;
  double gpu = 0;
  std::int64_t parent = 0;                 ///< ends with this process; 0: with the driver only
  /// Where other workers fetch objects from it; empty: on the driver's host none is needed, elsewhere a free port of all interfaces.
  std::string data_host;
};

/// Runs calls until the driver says so or goes. Threads: the caller's for the connection, one for the calls. Returns how it ended:
/// ok when it was told to end. Errors: kRefused, kUnreachable, kClosed (the driver went).
Status run_worker(const WorkerOptions& options, exec::Packs& packs);

}  // namespace headrace::cluster
