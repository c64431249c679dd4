// SPDX-License-Identifier: Apache-2.0
// A RayJob of KubeRay: a Ray cluster made for one run, grown from no worker by Ray's own autoscaler, deleted when the run has ended.
#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"

namespace headrace::cluster::detail {
namespace {

constexpr int kIdleS = 120;                     // a worker without work this long is taken down
// Objects travel over our own sockets: Ray's store gets the least that Ray accepts.
constexpr std::string_view kObjectStoreBytes = "100000000";

// KubeRay finds its own pods by app.kubernetes.io/name: that label must stay its own.
Value ray_template(const Plan& plan, std::string_view component, Value pod) {
  Value out = template_of(plan, component, std::move(pod));
  out.find("metadata")->find("labels")->erase("app.kubernetes.io/name");
  out.find("metadata")->find("labels")->erase("app.kubernetes.io/managed-by");
  return out;
}

Value ray_environment() { return environment_of({{"RAY_USAGE_STATS_ENABLED", "0"}}); }

Value head_group(const Plan& plan) {
  const Mounts mounts;
  Value container = container_of(plan, "ray-head", kRayHead, mounts);
  container.set("env", ray_environment());
  container.set("ports", List{map_of({{"name", "gcs-server"}, {"containerPort", 6379}}),
                              map_of({{"name", "dashboard"}, {"containerPort", 8265}}),
                              map_of({{"name", "client"}, {"containerPort", 10001}})});
  Value pod = pod_of(plan, std::move(container), mounts);
  if (plan.options.queue.empty()) {
    // The autoscaler in this pod changes the RayCluster: it needs the account, role and token that KubeRay makes for it.
    pod.erase("serviceAccountName");
    pod.erase("automountServiceAccountToken");
  }
  pod.set("restartPolicy", "Never");
  pod.set("terminationGracePeriodSeconds", 60);
  return map_of({{"rayStartParams", map_of({{"dashboard-host", "0.0.0.0"},
                                            {"num-cpus", "0"},
                                            {"object-store-memory", std::string(kObjectStoreBytes)}})},
                 {"template", ray_template(plan, "head", std::move(pod))}});
}

Value worker_group(const Plan& plan, std::string_view name, const Size& size, int most) {
  const Mounts mounts{.state_on_claim = !plan.data.outputs.empty()};
  Value container = container_of(plan, "ray-worker", size, mounts);
  container.set("env", ray_environment());
  Value pod = pod_of(plan, std::move(container), mounts);
  pod.set("restartPolicy", "Never");
  pod.set("terminationGracePeriodSeconds", 60);
  if (size.gpu > 0) {
    pod.set("tolerations", List{map_of({{"key", "nvidia.com/gpu"}, {"operator", "Exists"}, {"effect", "NoSchedule"}})});
  }
  const int least = plan.options.queue.empty() ? 0 : most;
  return map_of({{"groupName", std::string(name)},
                 {"replicas", least},
                 {"minReplicas", least},
                 {"maxReplicas", most},
                 {"rayStartParams", map_of({{"object-store-memory", std::string(kObjectStoreBytes)}})},
                 {"template", ray_template(plan, "worker", std::move(pod))}});
}

Value autoscaler() {
  return map_of({{"version", "v2"},
                 {"upscalingMode", "Default"},
                 {"idleTimeoutSeconds", kIdleS},
                 {"imagePullPolicy", "IfNotPresent"},
                 {"env", ray_environment()},
                 {"resources", resources_of(kRayAutoscaler)},
                 {"securityContext", container_security()},
                 {"volumeMounts", List{map_of({{"name", "scratch"}, {"mountPath", "/tmp"}})}}});
}

Value submitter(const Plan& plan) {
  const Mounts mounts{.state = false, .files = false};
  Value container = container_of(plan, "submitter", kRaySubmitter, mounts);
  container.erase("envFrom");
  container.set("env", ray_environment());
  Value pod = pod_of(plan, std::move(container), mounts);
  pod.set("restartPolicy", "Never");
  return ray_template(plan, "submitter", std::move(pod));
}

Value ray_cluster(const Plan& plan) {
  Value out = map_of({{"rayVersion", std::string(kRayVersion)}, {"authOptions", map_of({{"mode", "token"}})}});
  if (plan.options.queue.empty()) {
    out.set("enableInTreeAutoscaling", true);
    out.set("autoscalerOptions", autoscaler());
  }
  out.set("headGroupSpec", head_group(plan));
  List groups;
  Size without = plan.size;
  without.gpu = 0;
  if (plan.workers > 0) groups.push_back(worker_group(plan, "workers", without, plan.workers));
  if (plan.gpu_workers > 0) groups.push_back(worker_group(plan, "gpu-workers", plan.size, plan.gpu_workers));
  out.set("workerGroupSpecs", std::move(groups));
  return out;
}

}  // namespace

std::vector<Manifest> ray_manifests(const Plan& plan) {
  const DeployOptions& options = plan.options;
  const bool queued = !options.queue.empty();
  Value object = object_of(plan, "ray.io/v1", "RayJob", options.name, "run");
  if (queued) object.find("metadata")->find("labels")->set("kueue.x-k8s.io/queue-name", options.queue);
  Value spec = map_of({{"entrypoint", cat("/bin/bash ", kRunScriptPath)},
                       {"submissionMode", "K8sJobMode"},
                       {"shutdownAfterJobFinishes", true},
                       {"ttlSecondsAfterFinished", options.keep_s.value_or(0)},
                       {"backoffLimit", options.retries}});
  if (queued) spec.set("suspend", true);
  if (options.timeout_s > 0) spec.set("activeDeadlineSeconds", options.timeout_s);
  spec.set("submitterConfig", map_of({{"backoffLimit", 2}}));
  spec.set("submitterPodTemplate", submitter(plan));
  spec.set("rayClusterSpec", ray_cluster(plan));
  object.set("spec", std::move(spec));

  Manifest job{
      .file = "50-rayjob.yaml",
      .purpose = queued ? "The run: KubeRay makes a Ray cluster of fixed size once Kueue admits it, starts the pipeline on its head and "
                          "deletes the cluster afterwards."
                        : "The run: KubeRay makes a Ray cluster, starts the pipeline on its head, adds workers while work waits (from "
                          "none) and deletes the cluster afterwards.",
      .object = std::move(object),
      .origins = plan.sizes};
  job.origins.push_back({"command", shell_words(plan.run), cat("run.sh in ConfigMap ", options.name, "-pipeline; Ray sets RAY_ADDRESS")});
  job.origins.push_back({"head", cat(cpu_text(kRayHead.cpu), " cores, ", memory_text(kRayHead.memory_bytes)),
                         "it drives the run and takes no task (num-cpus 0)"});
  job.origins.push_back({"workers kept when idle", queued ? "all" : "0",
                         queued ? "--queue: Kueue admits a cluster as a whole, so its size is fixed" : "autoscaling from zero"});
  job.origins.push_back(
      {"cluster kept after the run", cat(options.keep_s.value_or(0), " s"), "--keep; the results are in the submitter's log"});
  job.origins.push_back({"token", "authOptions", "KubeRay 1.5.1 or newer makes it; without it anybody on the network could start jobs"});
  return {std::move(job)};
}

}  // namespace headrace::cluster::detail
