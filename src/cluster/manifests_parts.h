// SPDX-License-Identifier: Apache-2.0
#pragma once
// Parts that every target's manifests are made of: what the pipeline asks for, which files it reads, and the pieces of a pod. A `Plan`
// gathers all decisions; the sources per target only spell them out.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "headrace/cluster/manifests.h"
#include "headrace/graph/plan.h"

namespace headrace::cluster::detail {

using config::List;
using config::Value;

// Places in a pod.
inline constexpr std::string_view kPipelineFolder = "/etc/headrace";
inline constexpr std::string_view kPipelinePath = "/etc/headrace/pipeline.yaml";
inline constexpr std::string_view kRunScriptPath = "/etc/headrace/run.sh";
inline constexpr std::string_view kDataFolder = "/data";
inline constexpr std::string_view kStateFolder = "/var/lib/headrace";
inline constexpr std::string_view kStorePath = "/var/lib/headrace/store";

/// What the annotations of all nodes come to, grids and replicas expanded.
struct Demand {
  graph::Resources largest;          ///< of one member of a gang, each field over all nodes
  graph::Resources together;         ///< of one node with its whole gang
  graph::Resources sum;              ///< of all nodes at once
  std::string cpu_node, memory_node, gpu_node, gang_node;   ///< whose annotation is the largest; empty: nobody's
  Position cpu_where, memory_where;
  int gang = 1;
  int nodes = 0;                     ///< expanded
};
Result<Demand> demand_of(const graph::Graph& validated);

/// A file that a source reads.
struct DataFile {
  std::string path;                  ///< on this machine
  std::string place;                 ///< relative to the data folder
};
struct DataFiles {
  std::vector<DataFile> files;       ///< by place; empty when a claim or the image holds them
  std::vector<std::string> places;   ///< what is expected below the data folder, patterns as written
  std::vector<std::string> sets;     ///< `--set` words that point the nodes there
  std::vector<std::string> outputs;  ///< what sinks write in the state folder
};
/// Finds the options of sources and sinks that name files. `data_folder`: where sources lie in the pods; `embed`: list and check them.
Result<DataFiles> data_files_of(const graph::Graph& validated, const graph::Catalogue& catalogue, const std::string& data_folder,
                                bool embed);

/// Cores, memory and GPUs of one container, all of it reserved.
struct Size {
  double cpu = 1;
  std::uint64_t memory_bytes = 0;
  int gpu = 0;
};

// Pods of a Ray cluster that take no task.
inline constexpr Size kRayHead{.cpu = 2, .memory_bytes = std::uint64_t{4} << 30};
inline constexpr Size kRayAutoscaler{.cpu = 0.5, .memory_bytes = std::uint64_t{1} << 30};
inline constexpr Size kRaySubmitter{.cpu = 0.5, .memory_bytes = std::uint64_t{512} << 20};

/// Every decision, made once.
struct Plan {
  DeployOptions options;             ///< names and image filled in
  Demand demand;
  DataFiles data;
  std::string pipeline;              ///< the pipeline's name
  std::string data_folder;
  bool data_mounted = false;
  Size size;                         ///< of the pod, of one gang member, or of one Ray worker
  int gpu_workers = 0;               ///< most Ray workers with a GPU
  int workers = 1;                   ///< most Ray workers without, members of an indexed Job, or copies of a server
  std::vector<std::string> run;      ///< the command of the pods
  std::vector<Origin> sizes;         ///< where `size` and `workers` come from
  std::string text;                  ///< of the pipeline file
};

// Pieces, in manifests_parts.cc.
Value map_of(std::initializer_list<std::pair<std::string_view, Value>> entries);
std::string cpu_text(double cores);              ///< "2", "1500m"
std::string memory_text(std::uint64_t bytes);    ///< "3Gi", "1536Mi", rounded up
Value resources_of(const Size& size);
Value labels_of(const Plan& plan, std::string_view component);
/// Labels that find every pod of a deployment.
Value selector_of(const Plan& plan);
/// apiVersion, kind, metadata.
Value object_of(const Plan& plan, std::string_view api, std::string_view kind, std::string_view name, std::string_view component);
Value container_security();
Value pod_security(const Plan& plan);
/// Which volumes a container needs. The state folder is on the claim only where `state_on_claim`.
struct Mounts {
  bool state = true;
  bool state_on_claim = true;
  bool files = true;                 ///< pipeline and data
};
Value volumes_of(const Plan& plan, const Mounts& mounts);
Value mounts_of(const Plan& plan, const Mounts& mounts);
Value environment_of(std::initializer_list<std::pair<std::string_view, std::string>> more = {});
/// A container with image, security, environment, secrets and mounts; command and resources as given.
Value container_of(const Plan& plan, std::string_view name, const Size& size, const Mounts& mounts);
/// The pod around it, with security, volumes, service account and pull secret.
Value pod_of(const Plan& plan, Value container, const Mounts& mounts);
Value template_of(const Plan& plan, std::string_view component, Value pod);
/// Words for `command` or `args`, where Kubernetes would take "$" for the start of a variable.
List pod_words(const std::vector<std::string>& words);
/// Words for a POSIX shell.
std::string shell_words(const std::vector<std::string>& words);

// The targets, each in a source of its own; and what goes with all of them.
std::vector<Manifest> ray_manifests(const Plan& plan);
std::vector<Manifest> job_manifests(const Plan& plan);
std::vector<Manifest> knative_manifests(const Plan& plan);
Result<std::vector<Manifest>> shared_manifests(const Plan& plan);

/// The Containerfile of `target`; made from src/cluster/Containerfile by the build.
std::string containerfile_of(Target target, std::string_view version);

}  // namespace headrace::cluster::detail
