// SPDX-License-Identifier: Apache-2.0
// A Knative Service: a server that is started by its first request and stopped when nobody asks. What serves is the user's command.
#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"

namespace headrace::cluster::detail {
namespace {

constexpr int kRequestS = 300;

Value probe(const Plan& plan, int period_s, int failures) {
  Value out = plan.options.health.empty() ? map_of({{"tcpSocket", map_of({{"port", plan.options.port}})}})
                                          : map_of({{"httpGet", map_of({{"path", plan.options.health}, {"port", plan.options.port}})}});
  out.set("periodSeconds", period_s);
  out.set("timeoutSeconds", 2);
  out.set("failureThreshold", failures);
  return out;
}

}  // namespace

std::vector<Manifest> knative_manifests(const Plan& plan) {
  const DeployOptions& options = plan.options;
  const Mounts mounts{.state_on_claim = false};
  Value container = container_of(plan, "headrace", plan.size, mounts);
  container.set("command", pod_words({plan.run.front()}));
  if (plan.run.size() > 1) container.set("args", pod_words({plan.run.begin() + 1, plan.run.end()}));
  container.set("ports", List{map_of({{"name", "http1"}, {"containerPort", options.port}})});
  container.set("readinessProbe", probe(plan, 5, 3));
  container.set("livenessProbe", probe(plan, 10, 6));
  Value pod = pod_of(plan, std::move(container), mounts);
  pod.erase("securityContext");   // Knative takes it behind a feature flag only; the container's says the same
  pod.set("containerConcurrency", 0);
  pod.set("timeoutSeconds", kRequestS);

  Value annotations = map_of({{"autoscaling.knative.dev/min-scale", "0"},
                              {"autoscaling.knative.dev/max-scale", cat(plan.workers)}});
  Value object = object_of(plan, "serving.knative.dev/v1", "Service", options.name, "server");
  Value revision = template_of(plan, "server", std::move(pod));
  revision.find("metadata")->set("annotations", std::move(annotations));
  object.set("spec", map_of({{"template", std::move(revision)}}));
  Manifest service{.file = "50-service.yaml",
                   .purpose = "The server: started by the first request, more copies under load, none when nobody asks.",
                   .object = std::move(object),
                   .origins = plan.sizes};
  service.origins.push_back({"command", shell_words(plan.run), "--command: it must listen on $PORT"});
  service.origins.push_back({"probes", options.health.empty() ? cat("port ", options.port, " opens") : cat("GET ", options.health),
                             "--health, --port"});
  if (!options.data_claim.empty()) {
    service.origins.push_back({"claim", options.data_claim, "needs Knative's flag kubernetes.podspec-persistent-volume-claim"});
  }
  return {std::move(service)};
}

}  // namespace headrace::cluster::detail
