// SPDX-License-Identifier: Apache-2.0
#pragma once
// Manifests: a pipeline as Kubernetes objects. Plain values: nothing here talks to a cluster. The same graph, files and options give the
// same bytes. Threads: any.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/graph/catalogue.h"
#include "headrace/graph/graph.h"

namespace headrace::cluster {

/// kKubeRay: a Ray cluster that grows from no worker, made for one run. kJob: one pod that runs to its end. kKnative: a server that
/// sleeps when nobody asks.
enum class Target { kKubeRay, kJob, kKnative };

/// Version of Ray that images carry and RayJobs name; Ray refuses to join versions.
inline constexpr std::string_view kRayVersion = "2.60.0";

struct DeployOptions {
  Target target = Target::kJob;
  std::string version;                       ///< of the program; enters the image's default name and the labels
  std::string name;                          ///< a DNS label; empty: made of the pipeline's name
  std::string space;                         ///< namespace; empty: whatever `kubectl` is set to
  std::string image;                         ///< empty: headrace:VERSION, with "-ray" for kKubeRay
  std::string queue;                         ///< Kueue's LocalQueue; empty: none
  bool make_queue = false;                   ///< also the LocalQueue, its ClusterQueue and ResourceFlavor
  bool quota = false;                        ///< also a ResourceQuota of exactly this size
  std::vector<std::string> secrets;          ///< names of Secrets that become environment variables
  std::string pull_secret;
  std::string store_claim;                   ///< PersistentVolumeClaim that keeps the store; empty: it goes with the pod
  std::string data_claim;                    ///< claim that holds the sources' files; empty: they travel in a ConfigMap
  std::string data_path;                     ///< where sources lie in the image already; excludes data_claim
  double cpu = 0;                            ///< cores of the pod or of one Ray worker; 0: from annotations
  std::uint64_t memory_bytes = 0;            ///< likewise
  std::uint64_t store_bytes = std::uint64_t{4} << 30;   ///< bound of the store while it has no claim
  int workers = 0;                           ///< most Ray workers, or most copies of a server; 0: from annotations
  int retries = 3;                           ///< of a pod, or of a whole Ray cluster
  std::optional<int> keep_s;                 ///< seconds until what has ended is deleted; unset: a day for a job, at once for a cluster
  int timeout_s = 0;                         ///< 0: none
  std::optional<int> fs_group;               ///< group that owns claims; leave unset on OpenShift, which picks one
  std::vector<std::string> command;          ///< what pods run instead of `headrace run`
  int port = 8080;                           ///< where a server listens
  std::string health;                        ///< HTTP path of its probes; empty: the port opens
  std::vector<std::string> overrides;        ///< `--set` of the graph, handed on
  std::optional<std::int64_t> seed;          ///< `--seed`, handed on
};

/// Why a value is what it is: for `--explain`.
struct Origin {
  std::string what;                          ///< "cpu"
  std::string value;                         ///< "4"
  std::string from;                          ///< "node pca asks for 4 (resources.cpu)"
};

/// One object in a file of its own.
struct Manifest {
  std::string file;                          ///< "40-job.yaml": `kubectl apply -f` goes by name
  std::string purpose;                       ///< one or two sentences
  config::Value object;
  std::vector<Origin> origins;

  std::string kind() const { return object.find("kind")->string(); }
  std::string name() const { return object.find("metadata")->find("name")->string(); }
};

struct Deployment {
  std::string version;
  std::vector<Manifest> manifests;           ///< in the order of their files
  std::string containerfile;                 ///< builds the image from a checkout
  std::vector<std::string> claim_files;      ///< what the data claim must hold, relative to its top
};

/// Makes all objects. `text` is the pipeline file as written: it travels unchanged, and what differs in the pods is in their arguments.
/// Source files are read from disk unless a claim or the image holds them.
/// Errors: kBadValue (a name that Kubernetes refuses), kUsage (options that exclude each other), kInfeasible (a node asks for more than
/// `cpu` or `memory_bytes`), kNotFound, kTooLarge (files beyond 900 KB in all), kUnsupported (a server without a command; a sink without
/// a claim).
Result<Deployment> deployment_of(const graph::Graph& validated, const graph::Catalogue& catalogue, std::string_view text,
                                 const DeployOptions& options);

/// The file of a manifest: a comment that says what it is for, then YAML that 1.1 and 1.2 parsers read alike.
std::string manifest_text(const Manifest& manifest, std::string_view version);

/// What each object is for and where its values come from, for people.
std::string explain_text(const Deployment& deployment);

/// Writes every file, each as a whole, and deletes what an earlier deployment left in the folder and this one has no use for.
/// Errors: kUsage when a file is in the way that no deployment wrote (unless `force`; nothing is written then), kIo.
/// Returns the paths written.
Result<std::vector<std::string>> write_deployment(const Deployment& deployment, const std::string& folder, bool force);

}  // namespace headrace::cluster
