// SPDX-License-Identifier: Apache-2.0
// A pipeline as a job of a Ray cluster: what travels, and the words that run it there.

#include <filesystem>

#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"
#include "headrace/cluster/ray.h"

namespace headrace::cluster {
namespace {

constexpr std::string_view kPipelineName = "pipeline.yaml";
constexpr std::string_view kDataFolder = "data";

// What a sink writes stays on the cluster: it must be a place that is meant for that.
Status check_sinks(const graph::Graph& graph, const graph::Catalogue& catalogue) {
  for (const graph::Node& node : graph.nodes) {
    const graph::OperatorSpec* spec = catalogue.find(node.op);
    if (spec == nullptr || spec->family != graph::Family::kSink) continue;
    for (const config::Option& option : spec->options) {
      const config::Value* path = node.params.find(option.name);
      if (option.type != config::Type::kPath || path == nullptr || !path->is_string()) continue;
      if (std::filesystem::path(path->string()).is_absolute()) continue;
      return Error(Code::kUnsupported, cat("node ", node.name, " writes ", path->string(), ", and a job's folder goes with the job"),
                   "give it an absolute path that the cluster's head can write", node.where);
    }
  }
  return {};
}

}  // namespace

Result<RayJob> ray_job_of(const graph::Graph& validated, const graph::Catalogue& catalogue, const std::string& file) {
  HEADRACE_TRY(check_sinks(validated, catalogue));
  HEADRACE_ASSIGN(const detail::DataFiles data, detail::data_files_of(validated, catalogue, std::string(kDataFolder), true));
  RayJob job;
  job.files.push_back({file, std::string(kPipelineName)});
  for (const detail::DataFile& one : data.files) job.files.push_back({one.path, cat(kDataFolder, "/", one.place)});
  job.words = {"run", std::string(kPipelineName)};
  for (const std::string& word : data.sets) {
    if (word.find(detail::kStateFolder) == std::string::npos) job.words.insert(job.words.end(), {"--set", word});
  }
  return job;
}

}  // namespace headrace::cluster
