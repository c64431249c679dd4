// SPDX-License-Identifier: Apache-2.0
// From a graph and options to all decisions, and from those to objects.
#include "headrace/cluster/manifests.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>

#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
namespace {

using detail::Demand;
using detail::Plan;
using detail::Size;

constexpr std::uint64_t kGibi = std::uint64_t{1} << 30;
constexpr std::uint64_t kProgramBytes = kGibi;        // what a program takes beside the demands of its nodes
constexpr std::uint64_t kLeastDefault = 2 * kGibi;
constexpr double kDefaultCores = 4;                   // a pod asks for no more on its own account
constexpr int kDefaultWorkers = 8, kDefaultCopies = 4;
constexpr std::size_t kNameMax = 40, kTextMax = 900'000;

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123 labels, and RFC 1035 ones where a Service bears the name.
bool is_label(std::string_view text, std::size_t most, bool dots) {
  if (text.empty() || text.size() > most || !is_lower(text.front()) || !is_lower(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_lower(c) || c == '-' || (dots && c == '.'); });
}

bool is_image(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._:/@-+").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 512 && std::isalnum(static_cast<unsigned char>(text.front())) != 0 &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_absolute(std::string_view text) {
  return text.size() > 1 && text.size() <= 512 && text.front() == '/' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7F; });
}

std::string name_from(std::string_view pipeline) {
  std::string out;
  for (const char c : pipeline.substr(0, kNameMax)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    out += is_lower(lower) ? lower : '-';
  }
  if (out.empty() || !(out.front() >= 'a' && out.front() <= 'z')) out.insert(0, "p-");
  out.resize(std::min(out.size(), kNameMax));
  while (!is_lower(out.back())) out.pop_back();
  return out;
}

Status check_name(std::string_view flag, const std::string& value, bool dots = true) {
  if (value.empty() || is_label(value, dots ? 253 : 63, dots)) return {};
  return Error(Code::kBadValue, cat("--", flag, ": '", value, "' is no name that Kubernetes takes"),
               "use lower-case letters, digits and '-', with a letter or digit at both ends");
}

Status check_names(const DeployOptions& options) {
  const std::string& name = options.name;
  if (!is_label(name, kNameMax, false) || !(name.front() >= 'a' && name.front() <= 'z')) {
    return Error(Code::kBadValue, cat("--name: '", name, "' is no name for objects"),
                 cat("use a lower-case letter, then lower-case letters, digits and '-', ", kNameMax, " at most"));
  }
  HEADRACE_TRY(check_name("namespace", options.space, false));
  HEADRACE_TRY(check_name("queue", options.queue));
  HEADRACE_TRY(check_name("pull-secret", options.pull_secret));
  HEADRACE_TRY(check_name("store-claim", options.store_claim));
  HEADRACE_TRY(check_name("data-claim", options.data_claim));
  for (const std::string& secret : options.secrets) {
    if (secret.empty()) return Error(Code::kBadValue, "--secret: the name is empty", "name a Secret of the namespace");
    HEADRACE_TRY(check_name("secret", secret));
  }
  if (!is_image(options.image))
    return Error(Code::kBadValue, cat("--image: '", options.image, "' is no image name"),
                 "for example --image registry.example/headrace:1");
  if (!options.data_path.empty() && (!is_absolute(options.data_path) || options.data_path.starts_with(detail::kPipelineFolder) ||
                                     options.data_path.starts_with("/tmp")))
    return Error(Code::kBadValue, cat("--data-path: '", options.data_path, "' is no folder for data"), "for example --data-path /data");
  if (!options.health.empty() && !is_absolute(options.health) && options.health != "/")
    return Error(Code::kBadValue, cat("--health: '", options.health, "' is no path"), "for example --health /v2/health/ready");
  return {};
}

Status exclude(bool wrong, std::string message, std::string advice) {
  return wrong ? Status(Error(Code::kUsage, std::move(message), std::move(advice))) : Status();
}

// Options that contradict each other or the target, in the order people meet them.
Status check_options(const DeployOptions& options) {
  const bool ray = options.target == Target::kKubeRay, server = options.target == Target::kKnative;
  if (server && options.command.empty()) {
    return Error(Code::kUnsupported, "a Knative Service runs a server, and this version has none of its own",
                 "name the server in your image: --command 'PROGRAM ARGUMENTS'; it must listen on $PORT. To run the pipeline: --to job");
  }
  HEADRACE_TRY(
      exclude(ray && !options.command.empty(), "--command does not go with --to kuberay", "a RayJob runs the pipeline; use --to job"));
  HEADRACE_TRY(exclude(!options.command.empty() && (!options.overrides.empty() || options.seed),
                       "--set and --seed are for headrace run, and --command replaces it", "leave one of them out"));
  HEADRACE_TRY(exclude(!options.data_claim.empty() && !options.data_path.empty(), "--data-claim and --data-path say different things",
                       "leave one of them out"));
  HEADRACE_TRY(exclude(server && (!options.queue.empty() || options.quota || !options.store_claim.empty() || options.timeout_s > 0),
                       "--queue, --quota, --store-claim and --timeout are for runs, and --to knative makes a server",
                       "leave them out, or use --to job"));
  HEADRACE_TRY(exclude(!server && !options.health.empty(), "--health is for --to knative", "leave it out"));
  HEADRACE_TRY(exclude(options.make_queue && options.queue.empty(), "--make-queue needs the queue's name", "add --queue NAME"));
  return exclude((options.make_queue || options.quota) && options.space.empty(), "--make-queue and --quota need to know the namespace",
                 "add --namespace NAME");
}

std::string because(std::string_view option, const std::string& node, std::string_view field, const std::string& otherwise) {
  return node.empty() ? cat(otherwise, "; ", option, " changes it") : cat("node ", node, " (", field, "); ", option, " changes it");
}

// Cores and memory of the pod. `floor`: what one pod must be able to hold.
Status set_size(Plan& plan, const graph::Resources& floor, double wanted_cores) {
  const DeployOptions& options = plan.options;
  const Demand& demand = plan.demand;
  if (options.cpu > 0 && options.cpu < floor.cpu) {
    return Error(Code::kInfeasible, cat("node ", demand.cpu_node, " needs ", floor.cpu, " cores, and --cpu gives ", options.cpu),
                 "raise --cpu, or lower resources.cpu of the node", demand.cpu_where);
  }
  const std::uint64_t least = kProgramBytes + floor.memory_bytes;
  if (options.memory_bytes > 0 && options.memory_bytes < least) {
    return Error(Code::kInfeasible,
                 cat("a pod needs ", detail::memory_text(least), ", and --memory gives ", detail::memory_text(options.memory_bytes)),
                 "1Gi is for the program itself; raise --memory, or lower resources.memory of the largest node", demand.memory_where);
  }
  plan.size.cpu = options.cpu > 0 ? options.cpu : std::max(floor.cpu, wanted_cores);
  plan.size.memory_bytes = options.memory_bytes > 0 ? options.memory_bytes : std::max(kLeastDefault, least);
  plan.size.gpu = static_cast<int>(std::ceil(floor.gpu));
  const std::string nodes = cat("all ", demand.nodes, " nodes, grids and replicas expanded, ask for ", demand.sum.cpu,
                                " together, at most ", kDefaultCores, " by default");
  plan.sizes.push_back({"cpu", detail::cpu_text(plan.size.cpu),
                        options.cpu > 0 ? "--cpu" : plan.size.cpu > floor.cpu ? cat(nodes, "; --cpu changes it")
                                                                              : because("--cpu", demand.cpu_node, "resources.cpu", nodes)});
  plan.sizes.push_back({"memory", detail::memory_text(plan.size.memory_bytes),
                        options.memory_bytes > 0 ? "--memory"
                                                 : because("--memory", demand.memory_node, "resources.memory, and 1Gi for the program",
                                                           "no node has resources.memory")});
  if (plan.size.gpu > 0) plan.sizes.push_back({"gpu", cat(plan.size.gpu), cat("node ", demand.gpu_node, " (resources.gpu)")});
  return {};
}

Status size_ray(Plan& plan) {
  const Demand& demand = plan.demand;
  HEADRACE_TRY(set_size(plan, demand.largest, 1));
  const int useful = static_cast<int>(std::min(1e5, std::ceil(demand.sum.cpu / plan.size.cpu)));
  if (plan.options.workers > 0 && plan.options.workers < demand.gang) {
    return Error(Code::kInfeasible,
                 cat("node ", demand.gang_node, " needs a gang of ", demand.gang, ", and --workers gives ", plan.options.workers),
                 "raise --workers, or lower gang of the node");
  }
  plan.workers = plan.options.workers > 0 ? plan.options.workers : std::max(demand.gang, std::min(useful, kDefaultWorkers));
  plan.sizes.push_back({"workers, at most", cat(plan.workers),
                        plan.options.workers > 0
                            ? "--workers"
                            : cat("the nodes together could use ", useful, ", at most ", kDefaultWorkers,
                                  " by default, at least the largest gang (", demand.gang, "); --workers changes it")});
  if (plan.size.gpu > 0) {
    const double each = plan.size.gpu;
    plan.gpu_workers = std::max(static_cast<int>(std::ceil(demand.together.gpu / each)),
                                std::min(plan.workers, static_cast<int>(std::ceil(demand.sum.gpu / each))));
    plan.sizes.push_back({"workers with a GPU, at most", cat(plan.gpu_workers), "resources.gpu of all nodes, at most as many as without"});
  }
  return {};
}

Status size_job(Plan& plan) {
  const Demand& demand = plan.demand;
  // A command of one's own is started once a member; headrace run starts a gang inside its pod, all of it or none.
  if (!plan.options.command.empty() && demand.gang > 1) {
    HEADRACE_TRY(set_size(plan, demand.largest, 1));
    plan.workers = demand.gang;
    plan.sizes.push_back({"members", cat(plan.workers), cat("node ", demand.gang_node, " (gang)")});
    return {};
  }
  HEADRACE_TRY(set_size(plan, demand.together, std::min(kDefaultCores, demand.sum.cpu)));
  if (demand.gang > 1)
    plan.sizes.push_back(
        {"gang", cat(demand.gang), cat("node ", demand.gang_node, ": all members run in the one pod, so they start together")});
  return {};
}

Status size_server(Plan& plan) {
  HEADRACE_TRY(set_size(plan, plan.demand.largest, 1));
  plan.workers = plan.options.workers > 0 ? plan.options.workers : kDefaultCopies;
  plan.sizes.push_back({"copies", cat("0 to ", plan.workers), plan.options.workers > 0 ? "--workers" : "--workers changes it"});
  return {};
}

void set_command(Plan& plan) {
  const DeployOptions& options = plan.options;
  if (!options.command.empty()) {
    plan.run = options.command;
    plan.data.sets.clear();
    return;
  }
  const bool ray = options.target == Target::kKubeRay;
  std::vector<std::string>& run = plan.run;
  run = {"headrace", "run", std::string(detail::kPipelinePath)};
  const auto add = [&run](std::initializer_list<std::string> words) { run.insert(run.end(), words); };
  if (ray) add({"--on", "ray://$RAY_ADDRESS"});
  add({"--store", std::string(detail::kStorePath)});
  if (!ray) {
    add({"--workers", cat(static_cast<int>(std::ceil(plan.size.cpu)))});
    if (plan.demand.sum.memory_bytes > 0) add({"--memory", cat(plan.size.memory_bytes - kProgramBytes)});
  }
  for (const std::string& set : options.overrides) add({"--set", set});
  for (const std::string& set : plan.data.sets) add({"--set", set});
  if (options.seed) add({"--seed", cat(*options.seed)});
  add({"--json"});
}

Status check_outputs(const Plan& plan) {
  if (plan.data.outputs.empty() || !plan.options.store_claim.empty()) return {};
  return Error(Code::kUnsupported, cat("the pipeline writes '", plan.data.outputs.front(), "', which would go with the pod"),
               "name a claim that keeps it: --store-claim NAME");
}

Result<Plan> plan_of(const graph::Graph& graph, const graph::Catalogue& catalogue, std::string_view text, const DeployOptions& given) {
  Plan plan{.options = given, .pipeline = graph.name, .text = std::string(text)};
  DeployOptions& options = plan.options;
  const bool ray = options.target == Target::kKubeRay, server = options.target == Target::kKnative;
  if (options.name.empty()) options.name = name_from(graph.name);
  if (options.image.empty()) options.image = cat("headrace:", options.version, ray ? "-ray" : "");
  HEADRACE_TRY(check_options(options));
  HEADRACE_TRY(check_names(options));
  if (text.size() > kTextMax)
    return Error(Code::kTooLarge, cat("the pipeline file has ", bytes_text(text.size()), ", and a ConfigMap holds ", bytes_text(kTextMax)),
                 "shorten it");
  HEADRACE_ASSIGN(plan.demand, detail::demand_of(graph));
  plan.data_folder = options.data_path.empty() ? std::string(detail::kDataFolder) : options.data_path;
  // A server reads no training data, unless a claim brings some.
  const bool embed = !server && options.data_claim.empty() && options.data_path.empty();
  HEADRACE_ASSIGN(plan.data, detail::data_files_of(graph, catalogue, plan.data_folder, embed));
  plan.data_mounted = !options.data_claim.empty() || !plan.data.files.empty();
  HEADRACE_TRY(ray ? size_ray(plan) : server ? size_server(plan) : size_job(plan));
  if (!server) HEADRACE_TRY(check_outputs(plan));
  set_command(plan);
  return plan;
}

}  // namespace

Result<Deployment> deployment_of(const graph::Graph& validated, const graph::Catalogue& catalogue, std::string_view text,
                                 const DeployOptions& options) {
  HEADRACE_ASSIGN(const Plan plan, plan_of(validated, catalogue, text, options));
  // Beyond this point no decision is left.
  Deployment out{.version = plan.options.version};
  HEADRACE_ASSIGN(out.manifests, detail::shared_manifests(plan));
  std::vector<Manifest> own = options.target == Target::kKubeRay ? detail::ray_manifests(plan)
                              : options.target == Target::kJob   ? detail::job_manifests(plan)
                                                                 : detail::knative_manifests(plan);
  std::move(own.begin(), own.end(), std::back_inserter(out.manifests));
  std::sort(out.manifests.begin(), out.manifests.end(), [](const Manifest& a, const Manifest& b) { return a.file < b.file; });
  out.containerfile = detail::containerfile_of(options.target, plan.options.version);
  if (plan.data.files.empty() && options.target != Target::kKnative) out.claim_files = plan.data.places;
  return out;
}

}  // namespace headrace::cluster
