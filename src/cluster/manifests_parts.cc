// SPDX-License-Identifier: Apache-2.0
// Pieces of pods. They pass the "restricted" pod security standard and OpenShift's restricted-v2: no user id is fixed, group 0 may
// write where writing is needed, and the root file system is read-only.
#include "cluster/manifests_parts.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"

namespace headrace::cluster::detail {
namespace {

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20, kGibi = std::uint64_t{1} << 30;

Value volume_mount(std::string_view name, std::string_view path, bool read_only) {
  Value out = map_of({{"name", std::string(name)}, {"mountPath", std::string(path)}});
  if (read_only) out.set("readOnly", true);
  return out;
}

Value empty_folder(std::uint64_t bytes) { return map_of({{"sizeLimit", memory_text(bytes)}}); }

Value claim_of(const std::string& name, bool read_only) {
  Value out = map_of({{"claimName", name}});
  if (read_only) out.set("readOnly", true);
  return out;
}

Value data_volume(const Plan& plan) {
  if (!plan.options.data_claim.empty())
    return map_of({{"name", "data"}, {"persistentVolumeClaim", claim_of(plan.options.data_claim, true)}});
  // Keys of a ConfigMap hold no slash: items give every file its place back.
  List items;
  for (std::size_t i = 0; i < plan.data.files.size(); ++i) {
    items.push_back(map_of({{"key", cat("file-", i)}, {"path", plan.data.files[i].place}}));
  }
  return map_of({{"name", "data"}, {"configMap", map_of({{"name", plan.options.name + "-data"}, {"items", std::move(items)}})}});
}

}  // namespace

Value map_of(std::initializer_list<std::pair<std::string_view, Value>> entries) {
  Value out{config::Map{}};
  for (const auto& [key, value] : entries) out.set(key, value);
  return out;
}

std::string cpu_text(double cores) {
  const auto milli = static_cast<std::int64_t>(std::ceil(cores * 1000 - 1e-9));
  return milli % 1000 == 0 ? number_text(milli / 1000) : cat(milli, "m");
}

std::string memory_text(std::uint64_t bytes) {
  const std::uint64_t mebi = (bytes + kMebi - 1) / kMebi;
  return mebi * kMebi % kGibi == 0 ? cat(mebi / 1024, "Gi") : cat(mebi, "Mi");
}

Value resources_of(const Size& size) {
  Value all = map_of({{"cpu", cpu_text(size.cpu)}, {"memory", memory_text(size.memory_bytes)}});
  if (size.gpu > 0) all.set("nvidia.com/gpu", cat(size.gpu));
  return map_of({{"requests", all}, {"limits", all}});
}

Value labels_of(const Plan& plan, std::string_view component) {
  return map_of({{"app.kubernetes.io/name", "headrace"},
                 {"app.kubernetes.io/instance", plan.options.name},
                 {"app.kubernetes.io/component", std::string(component)},
                 {"app.kubernetes.io/version", plan.options.version},
                 {"app.kubernetes.io/part-of", "headrace"},
                 {"app.kubernetes.io/managed-by", "headrace-deploy"}});
}

Value selector_of(const Plan& plan) {
  return map_of({{"app.kubernetes.io/instance", plan.options.name}, {"app.kubernetes.io/part-of", "headrace"}});
}

Value object_of(const Plan& plan, std::string_view api, std::string_view kind, std::string_view name, std::string_view component) {
  Value metadata = map_of({{"name", std::string(name)}});
  if (!plan.options.space.empty()) metadata.set("namespace", plan.options.space);
  metadata.set("labels", labels_of(plan, component));
  return map_of({{"apiVersion", std::string(api)}, {"kind", std::string(kind)}, {"metadata", std::move(metadata)}});
}

Value container_security() {
  return map_of({{"allowPrivilegeEscalation", false},
                 {"capabilities", map_of({{"drop", List{"ALL"}}})},
                 {"readOnlyRootFilesystem", true},
                 {"runAsNonRoot", true},
                 {"seccompProfile", map_of({{"type", "RuntimeDefault"}})}});
}

Value pod_security(const Plan& plan) {
  Value out = map_of({{"runAsNonRoot", true}, {"seccompProfile", map_of({{"type", "RuntimeDefault"}})}});
  if (plan.options.fs_group) {
    out.set("fsGroup", *plan.options.fs_group);
    out.set("fsGroupChangePolicy", "OnRootMismatch");
  }
  return out;
}

Value volumes_of(const Plan& plan, const Mounts& mounts) {
  List out;
  if (mounts.files) {
    out.push_back(map_of({{"name", "pipeline"}, {"configMap", map_of({{"name", plan.options.name + "-pipeline"}})}}));
    if (plan.data_mounted) out.push_back(data_volume(plan));
  }
  if (mounts.state) {
    const bool claimed = mounts.state_on_claim && !plan.options.store_claim.empty();
    out.push_back(claimed ? map_of({{"name", "state"}, {"persistentVolumeClaim", claim_of(plan.options.store_claim, false)}})
                          : map_of({{"name", "state"}, {"emptyDir", empty_folder(plan.options.store_bytes)}}));
  }
  out.push_back(map_of({{"name", "scratch"}, {"emptyDir", empty_folder(2 * kGibi)}}));
  return out;
}

Value mounts_of(const Plan& plan, const Mounts& mounts) {
  List out;
  if (mounts.files) {
    out.push_back(volume_mount("pipeline", kPipelineFolder, true));
    if (plan.data_mounted) out.push_back(volume_mount("data", plan.data_folder, true));
  }
  if (mounts.state) out.push_back(volume_mount("state", kStateFolder, false));
  out.push_back(volume_mount("scratch", "/tmp", false));   // NOLINT: a place in the pod
  return out;
}

Value environment_of(std::initializer_list<std::pair<std::string_view, std::string>> more) {
  List out;
  const auto add = [&out](std::string_view name, std::string value) {
    out.push_back(map_of({{"name", std::string(name)}, {"value", std::move(value)}}));
  };
  // A user id that no passwd file knows has neither home nor name, and libraries ask for both.
  add("HOME", "/tmp");
  add("USER", "headrace");
  for (const auto& [name, value] : more) add(name, value);
  return out;
}

Value container_of(const Plan& plan, std::string_view name, const Size& size, const Mounts& mounts) {
  Value out = map_of({{"name", std::string(name)},
                      {"image", plan.options.image},
                      {"imagePullPolicy", "IfNotPresent"},
                      {"env", environment_of()}});
  List secrets;
  for (const std::string& secret : plan.options.secrets) {
    secrets.push_back(map_of({{"secretRef", map_of({{"name", secret}})}}));
  }
  if (!secrets.empty()) out.set("envFrom", std::move(secrets));
  out.set("resources", resources_of(size));
  out.set("securityContext", container_security());
  out.set("volumeMounts", mounts_of(plan, mounts));
  return out;
}

Value pod_of(const Plan& plan, Value container, const Mounts& mounts) {
  Value out = map_of({{"serviceAccountName", plan.options.name},
                      {"automountServiceAccountToken", false},
                      {"enableServiceLinks", false},
                      {"securityContext", pod_security(plan)}});
  if (!plan.options.pull_secret.empty()) out.set("imagePullSecrets", List{map_of({{"name", plan.options.pull_secret}})});
  out.set("containers", List{std::move(container)});
  out.set("volumes", volumes_of(plan, mounts));
  return out;
}

Value template_of(const Plan& plan, std::string_view component, Value pod) {
  return map_of({{"metadata", map_of({{"labels", labels_of(plan, component)}})}, {"spec", std::move(pod)}});
}

List pod_words(const std::vector<std::string>& words) {
  List out;
  for (const std::string& word : words) {
    std::string escaped;
    for (const char c : word) escaped.append(c == '$' ? 2 : 1, c);
    out.push_back(std::move(escaped));
  }
  return out;
}

std::string shell_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
    };
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += '\'';
  }
  return out;
}

}  // namespace headrace::cluster::detail
