// SPDX-License-Identifier: Apache-2.0
// A plain Job: one pod that is large enough for every node and every gang; or, with a command of one's own and a gang, an indexed Job
// whose members find each other by name.
#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"

namespace headrace::cluster::detail {
namespace {

constexpr int kUsageExit = 2;       // bad usage or input: the same again would fail the same way
constexpr int kKeepS = 86400;       // for its log
constexpr int kGraceS = 120;        // a run that is asked to stop ends after the tasks that run now

Value failure_policy() {
  return map_of(
      {{"rules", List{map_of({{"action", "FailJob"},
                              {"onExitCodes", map_of({{"containerName", "headrace"}, {"operator", "In"}, {"values", List{kUsageExit}}})}}),
                      map_of({{"action", "Ignore"},
                              {"onPodConditions", List{map_of({{"type", "DisruptionTarget"}, {"status", "True"}})}}})}}});
}

Manifest gang_service(const Plan& plan) {
  Value object = object_of(plan, "v1", "Service", plan.options.name, "run");
  object.set("spec", map_of({{"clusterIP", "None"}, {"publishNotReadyAddresses", true}, {"selector", selector_of(plan)}}));
  return {.file = "40-service.yaml",
          .purpose = "Gives the members of the gang names: they find the first one under HEADRACE_GANG_LEADER.",
          .object = std::move(object),
          .origins = {{"members", cat(plan.workers), cat("node ", plan.demand.gang_node, " (gang)")}}};
}

}  // namespace

std::vector<Manifest> job_manifests(const Plan& plan) {
  const DeployOptions& options = plan.options;
  const bool gang = plan.workers > 1;
  const Mounts mounts;
  Value container = container_of(plan, "headrace", plan.size, mounts);
  container.set("command", pod_words({plan.run.front()}));
  if (plan.run.size() > 1) container.set("args", pod_words({plan.run.begin() + 1, plan.run.end()}));
  if (gang) {
    container.set("env", environment_of({{"HEADRACE_GANG_SIZE", cat(plan.workers)},
                                         {"HEADRACE_GANG_LEADER", cat(options.name, "-0.", options.name)}}));
  }
  Value pod = pod_of(plan, std::move(container), mounts);
  pod.set("restartPolicy", "Never");
  pod.set("terminationGracePeriodSeconds", kGraceS);
  if (gang) pod.set("subdomain", options.name);

  Value object = object_of(plan, "batch/v1", "Job", options.name, "run");
  if (!options.queue.empty()) object.find("metadata")->find("labels")->set("kueue.x-k8s.io/queue-name", options.queue);
  Value spec{config::Map{}};
  if (!options.queue.empty()) spec.set("suspend", true);
  if (gang) {
    spec.set("completionMode", "Indexed");
    spec.set("completions", plan.workers);
    spec.set("parallelism", plan.workers);
  }
  spec.set("backoffLimit", options.retries);
  if (options.timeout_s > 0) spec.set("activeDeadlineSeconds", options.timeout_s);
  spec.set("ttlSecondsAfterFinished", options.keep_s.value_or(kKeepS));
  spec.set("podFailurePolicy", failure_policy());
  spec.set("template", template_of(plan, "run", std::move(pod)));
  object.set("spec", std::move(spec));

  Manifest job{.file = "50-job.yaml",
               .purpose = gang ? "The run: every member of the gang runs the same command and knows its rank (JOB_COMPLETION_INDEX)."
                               : "The run: one pod that runs the pipeline to its end. Its log ends with the results as JSON.",
               .object = std::move(object),
               .origins = plan.sizes};
  job.origins.push_back({"command", shell_words(plan.run), options.command.empty() ? "headrace run, --set and --seed" : "--command"});
  job.origins.push_back({"retries", cat(options.retries), "--retries; exit code 2 (bad input) is not retried, an eviction is not counted"});
  if (!options.queue.empty()) job.origins.push_back({"suspend", "true", "--queue: Kueue lets it start"});
  std::vector<Manifest> out;
  if (gang) out.push_back(gang_service(plan));
  out.push_back(std::move(job));
  return out;
}

}  // namespace headrace::cluster::detail
