// SPDX-License-Identifier: Apache-2.0
// What stands around a run whatever runs it: account, files, network, quota, queue.
#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::cluster::detail {
namespace {

// A ConfigMap holds 1 MiB; what is around the files takes its part.
constexpr std::uint64_t kDataMax = 900'000;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
  }
  return out;
}

Manifest account(const Plan& plan) {
  Value object = object_of(plan, "v1", "ServiceAccount", plan.options.name, "account");
  object.set("automountServiceAccountToken", false);
  Manifest out{.file = "10-serviceaccount.yaml",
               .purpose = "Who the pods are: an account without rights, whose token no pod gets.",
               .object = std::move(object)};
  if (plan.options.target == Target::kKubeRay && plan.options.queue.empty())
    out.origins.push_back({"exception", "the head of the Ray cluster", "KubeRay makes an account for its autoscaler"});
  return out;
}

Manifest pipeline_map(const Plan& plan) {
  Value object = object_of(plan, "v1", "ConfigMap", plan.options.name + "-pipeline", "config");
  object.set("immutable", true);
  Value data = map_of({{"pipeline.yaml", plan.text}});
  if (plan.options.target == Target::kKubeRay) {
    // "$RAY_ADDRESS" is for the shell of the head; all other words are quoted.
    std::string line;
    for (const std::string& word : plan.run) {
      if (!line.empty()) line += ' ';
      line += word == "ray://$RAY_ADDRESS" ? "\"ray://$RAY_ADDRESS\"" : shell_words({word});
    }
    data.set("run.sh", cat("exec ", line, "\n"));
  }
  object.set("data", std::move(data));
  Manifest out{
      .file = "20-configmap-pipeline.yaml",
      .purpose = "The pipeline file, as it was written. It cannot change under a run: delete and create all objects to deploy anew.",
      .object = std::move(object)};
  for (const std::string& set : plan.data.sets) out.origins.push_back({"--set", set, "where its files are in the pods"});
  for (const std::string& set : plan.options.overrides) out.origins.push_back({"--set", set, "--set"});
  return out;
}

Result<Manifest> data_map(const Plan& plan) {
  Value object = object_of(plan, "v1", "ConfigMap", plan.options.name + "-data", "config");
  object.set("immutable", true);
  Manifest out{.file = "21-configmap-data.yaml",
               .purpose = cat("The files that the sources read, mounted below ", plan.data_folder, "."),
               .object = {}};
  Value data{config::Map{}};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < plan.data.files.size(); ++i) {
    const DataFile& file = plan.data.files[i];
    HEADRACE_ASSIGN(const io::FileStat stat, io::file_stat(file.path));
    total += stat.size;
    if (total > kDataMax) {
      return Error(Code::kTooLarge,
                   cat("the files of the sources have more than ", bytes_text(kDataMax), ", and a ConfigMap holds no more"),
                   "put them on a claim (--data-claim NAME) or into the image (--data-path DIR)");
    }
    HEADRACE_ASSIGN(const std::string bytes, io::read_file(file.path, kDataMax));
    data.set(cat("file-", i), base64(bytes));
    out.origins.push_back({file.place, bytes_text(bytes.size()), file.path});
  }
  object.set("binaryData", std::move(data));
  out.object = std::move(object);
  return out;
}

Manifest network(const Plan& plan) {
  Value own = map_of({{"podSelector", map_of({{"matchLabels", selector_of(plan)}})}});
  Value spec = own;
  Value object = object_of(plan, "networking.k8s.io/v1", "NetworkPolicy", plan.options.name, "network");
  std::string purpose;
  if (plan.options.target == Target::kKubeRay) {
    Value operators = map_of({{"namespaceSelector", Value{config::Map{}}},
                              {"podSelector", map_of({{"matchLabels", map_of({{"app.kubernetes.io/component", "kuberay-operator"}})}})}});
    spec.set("policyTypes", List{"Ingress"});
    spec.set("ingress", List{map_of({{"from", List{own}}}),
                             map_of({{"from", List{std::move(operators)}},
                                     {"ports", List{map_of({{"protocol", "TCP"}, {"port", 8265}})}}})});
    purpose = "Who may reach the Ray cluster: its own pods, and the KubeRay operator at the dashboard. The way out stays open, as the "
              "autoscaler calls the API server.";
  } else if (plan.workers > 1) {
    spec.set("policyTypes", List{"Ingress"});
    spec.set("ingress", List{map_of({{"from", List{own}}})});
    purpose = "Who may reach the members of the gang: one another. The way out stays open, as only --command knows where it leads.";
  } else if (!plan.options.command.empty()) {
    spec.set("policyTypes", List{"Ingress"});
    purpose = "Nobody may reach the pod. The way out stays open, as only --command knows where it leads.";
  } else {
    spec.set("policyTypes", List{"Ingress", "Egress"});
    purpose = "Nobody may reach the pod and it reaches nobody: a run reads mounted files.";
    if (!plan.options.secrets.empty()) {
      spec.set("policyTypes", List{"Ingress"});
      purpose = "Nobody may reach the pod. The way out stays open, as --secret is for something outside.";
    }
  }
  object.set("spec", std::move(spec));
  return {.file = "30-networkpolicy.yaml", .purpose = std::move(purpose), .object = std::move(object)};
}

// All that may run at once: for a Ray cluster its head with the autoscaler, the submitter and every worker.
Size whole_of(const Plan& plan, int* pods) {
  Size all{.cpu = plan.size.cpu * plan.workers, .memory_bytes = plan.size.memory_bytes * static_cast<std::uint64_t>(plan.workers),
           .gpu = plan.size.gpu * plan.workers};
  *pods = plan.workers;
  if (plan.options.target == Target::kKubeRay) {
    all.gpu = plan.size.gpu * plan.gpu_workers;
    all.cpu += plan.size.cpu * plan.gpu_workers;
    all.memory_bytes += plan.size.memory_bytes * static_cast<std::uint64_t>(plan.gpu_workers);
    for (const Size& size : {kRayHead, kRayAutoscaler, kRaySubmitter}) {
      all.cpu += size.cpu;
      all.memory_bytes += size.memory_bytes;
    }
    *pods += plan.gpu_workers + 2;
  }
  return all;
}

Manifest quota(const Plan& plan) {
  int pods = 0;
  const Size all = whole_of(plan, &pods);
  Value hard = map_of({{"pods", cat(pods)},
                       {"requests.cpu", cpu_text(all.cpu)},
                       {"requests.memory", memory_text(all.memory_bytes)},
                       {"limits.cpu", cpu_text(all.cpu)},
                       {"limits.memory", memory_text(all.memory_bytes)}});
  if (all.gpu > 0) hard.set("requests.nvidia.com/gpu", cat(all.gpu));
  Value object = object_of(plan, "v1", "ResourceQuota", plan.options.name, "quota");
  object.set("spec", map_of({{"hard", std::move(hard)}}));
  return {.file = "31-resourcequota.yaml",
          .purpose = cat("The most that namespace ", plan.options.space, " may use: this deployment and nothing beside it."),
          .object = std::move(object),
          .origins = {{"pods", cat(pods), "--quota: all pods that this deployment may have at once"}}};
}

Manifest queue_object(const Plan& plan, std::string_view file, std::string_view kind, const std::string& name, std::string purpose,
                      Value spec, bool of_cluster) {
  Value object = object_of(plan, "kueue.x-k8s.io/v1beta2", kind, name, "queue");
  if (of_cluster) object.find("metadata")->erase("namespace");
  object.set("spec", std::move(spec));
  return {.file = std::string(file),
          .purpose = std::move(purpose),
          .object = std::move(object),
          .origins = {{"name", name, of_cluster ? "--name; objects of the whole cluster need an administrator" : "--queue"}}};
}

void add_queue(const Plan& plan, std::vector<Manifest>& out) {
  int pods = 0;
  const Size all = whole_of(plan, &pods);
  List covered{"cpu", "memory"};
  List quotas{map_of({{"name", "cpu"}, {"nominalQuota", cpu_text(all.cpu)}}),
              map_of({{"name", "memory"}, {"nominalQuota", memory_text(all.memory_bytes)}})};
  if (all.gpu > 0) {
    covered.push_back("nvidia.com/gpu");
    quotas.push_back(map_of({{"name", "nvidia.com/gpu"}, {"nominalQuota", cat(all.gpu)}}));
  }
  const std::string& name = plan.options.name;
  Value group = map_of({{"coveredResources", std::move(covered)},
                        {"flavors", List{map_of({{"name", name}, {"resources", std::move(quotas)}})}}});
  out.push_back(
      queue_object(plan, "01-resourceflavor.yaml", "ResourceFlavor", name, "Any machine of the cluster.", Value{config::Map{}}, true));
  Value space = map_of({{"matchLabels", map_of({{"kubernetes.io/metadata.name", plan.options.space}})}});
  out.push_back(queue_object(plan, "02-clusterqueue.yaml", "ClusterQueue", name, "The quota that Kueue admits runs against.",
                             map_of({{"namespaceSelector", std::move(space)}, {"resourceGroups", List{std::move(group)}}}), true));
  out.push_back(queue_object(plan, "03-localqueue.yaml", "LocalQueue", plan.options.queue, "The queue of the namespace that runs name.",
                             map_of({{"clusterQueue", name}}), false));
}

}  // namespace

Result<std::vector<Manifest>> shared_manifests(const Plan& plan) {
  std::vector<Manifest> out;
  if (plan.options.make_queue) add_queue(plan, out);
  out.push_back(account(plan));
  out.push_back(pipeline_map(plan));
  if (!plan.data.files.empty()) {
    HEADRACE_ASSIGN(Manifest data, data_map(plan));
    out.push_back(std::move(data));
  }
  // Requests to a Knative Service come through its gateway and activator, whose labels differ between installations.
  if (plan.options.target != Target::kKnative) out.push_back(network(plan));
  if (plan.options.quota) out.push_back(quota(plan));
  return out;
}

}  // namespace headrace::cluster::detail
