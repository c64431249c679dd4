// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ray as a place where workers run. All that touches Ray is Python, Ray's first-class language (python/headrace/ray); this side starts
// its parts as child processes and talks to them in JSON lines. Tasks and data never pass through Ray: its supervisors start workers,
// and workers connect to the fleet.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/cluster/cluster.h"
#include "headrace/config/value.h"
#include "headrace/graph/catalogue.h"
#include "headrace/graph/graph.h"

namespace headrace::cluster {

/// What `--on ray://ADDRESS?...` says.
struct RayOptions {
  std::string address = "auto";             ///< HOST:PORT of the control store; "auto": $RAY_ADDRESS, else of `headrace cluster up`
  int workers_min = 0;                      ///< 0: as many as the cluster has cores now
  int workers_max = 0;                      ///< more than workers_min: they come and go with the calls that wait
  double cpu = 1;                           ///< of one worker
  std::uint64_t memory_bytes = 0;
  double gpu = 0;
  std::map<std::string, double> custom;     ///< Ray's custom resources
  std::string placement = "free";           ///< pack, spread, strict_pack, strict_spread: all at once or none, by a placement group
  std::string node;                         ///< id or address of the one node that all go to
  std::string listen;                       ///< address of this machine that workers reach; empty: that of the way to the cluster
  bool shared = true;                       ///< workers on this host use its Unix socket and shared memory
  std::string program;                      ///< of the workers; empty: this program
  std::chrono::seconds idle{30};            ///< a worker above workers_min without work this long is given back
  std::chrono::seconds patience{60};        ///< how long to wait for the first worker

  /// From "ADDRESS?workers=2..8&cpu=2&memory=4GB&gpu=1&resource=NAME:1&placement=spread&node=IP&listen=HOST&shared=no&program=PATH".
  /// Errors: kUsage naming the key.
  static Result<RayOptions> parse(std::string_view text);
};

/// Starts a fleet whose workers Ray places. Errors: kEnvironment (no Ray), kUnreachable, kRefused (token), kInfeasible (no node has so
/// much), kTimeout, kUsage.
Result<std::unique_ptr<Cluster>> open_ray(const RayOptions& ray, const ClusterOptions& options);

/// A pipeline as a job of a cluster: what travels, and the words for the program there.
struct RayJob {
  std::vector<std::pair<std::string, std::string>> files;    ///< path here, place in the job's folder
  std::vector<std::string> words;                            ///< "run", "pipeline.yaml", ...
};
/// Source files travel with the pipeline. Errors: kNotFound, kUnsupported (a sink that writes into the job's folder), kTooLarge.
Result<RayJob> ray_job_of(const graph::Graph& validated, const graph::Catalogue& catalogue, const std::string& file);

/// A part of headrace.ray as a child process: "gateway", "cluster" or "job" and its words. Threads: one reads, any write.
class RayPart {
 public:
  struct Line {
    std::string kind;                       ///< "say", "result", ...
    config::Value value;
  };

  /// `environment`: entries NAME=VALUE beside those of this process. `own_group`: Ctrl-C at a terminal does not reach it.
  /// Errors: kEnvironment with advice when no Python or no package is found.
  static Result<std::unique_ptr<RayPart>> start(std::vector<std::string> words, std::vector<std::string> environment, bool own_group);
  /// Closes its input, waits five seconds for its end, kills it then.
  ~RayPart();
  /// The next line. A line "error" is returned as its Error. Errors: also kTimeout, kClosed (it ended, with the last that it said on
  /// stderr), kProtocol.
  Result<Line> read(std::chrono::milliseconds timeout);
  /// Whether the last Error of `read` was its own, or says that it ended: nothing more comes.
  bool ended() const;
  /// Errors: kClosed, kFull (it does not read).
  Status write(std::string_view kind, const config::Value& value);
  int pid() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
  explicit RayPart(std::unique_ptr<Impl> impl);
};

}  // namespace headrace::cluster
