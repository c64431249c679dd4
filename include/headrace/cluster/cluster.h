// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cluster: a fleet with whoever starts its workers, opened from one line of text: what `--on` says.

#include <memory>
#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/cluster/fleet.h"

namespace headrace::cluster {

struct ClusterOptions {
  std::uint64_t object_bytes = 0;          ///< see FleetOptions
  std::string program;                     ///< the headrace binary that workers run; empty: this one
  int python = 0;                          ///< Python workers besides: the pipeline has nodes in Python
};

/// The Python that runs Python workers and gateways: $HEADRACE_PYTHON, else python3 of $PATH.
/// Errors: kEnvironment when it is not there or cannot import `module` (takes some 0.1 s), with what to install.
Result<std::string> find_python(const std::string& module);

class Cluster {
 public:
  /// "here" starts Python workers only: everything else runs in this process.
  /// "processes:N" starts N workers on this host. "workers:N@ADDRESS" waits for N workers that somebody else starts and prints the
  /// command that starts one. "ray://ADDRESS?..." has Ray place them (ray.h). Returns when the first worker is
  /// there; others join as they come.
  /// Errors: kUsage, kEnvironment, kTimeout.
  static Result<std::unique_ptr<Cluster>> open(std::string_view on, const ClusterOptions& options);
  virtual ~Cluster() = default;
  virtual Fleet& fleet() = 0;
};

}  // namespace headrace::cluster
