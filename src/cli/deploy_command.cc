// SPDX-License-Identifier: Apache-2.0
// headrace deploy: a pipeline file as Kubernetes objects in a folder.
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/pipeline.h"
#include "headrace/base/text.h"
#include "headrace/cluster/manifests.h"
#include "headrace/io/file.h"

namespace headrace::cli {
namespace {

using cluster::DeployOptions;
using cluster::Target;

Target target_of(const std::string& name) {
  return name == "kuberay" ? Target::kKubeRay : name == "knative" ? Target::kKnative : Target::kJob;
}

// Words parted by blanks.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::string& word : split(text, ' ')) {
    if (!word.empty()) out.push_back(std::move(word));
  }
  return out;
}

Status check_given(const Arguments& arguments, Target target) {
  for (const char* name :
       {"name", "namespace", "image", "queue", "pull-secret", "store-claim", "data-claim", "data-path", "command", "out"}) {
    if (arguments.given(name) && trim(arguments.text(name)).empty())
      return Error(Code::kBadValue, cat("--", name, " is empty"), "give it a value, or leave it out");
  }
  if (!arguments.given("out") && !arguments.flag("explain"))
    return Error(Code::kUsage, "--out is missing", "name the folder for the manifests, or ask for --explain alone");
  if (arguments.given("port") && target != Target::kKnative)
    return Error(Code::kUsage, "--port is for --to knative", "leave it out");
  if (arguments.given("workers") && target == Target::kJob)
    return Error(Code::kUsage, "--workers is for --to kuberay and --to knative", "a job has one pod: set its size with --cpu");
  return {};
}

Result<DeployOptions> options_of(const Arguments& arguments) {
  DeployOptions options{.target = target_of(arguments.text("to")), .version = HEADRACE_VERSION};
  HEADRACE_TRY(check_given(arguments, options.target));
  options.name = arguments.text("name");
  options.space = arguments.text("namespace");
  options.image = arguments.text("image");
  options.queue = arguments.text("queue");
  options.make_queue = arguments.flag("make-queue");
  options.quota = arguments.flag("quota");
  options.secrets = arguments.texts("secret");
  options.pull_secret = arguments.text("pull-secret");
  options.store_claim = arguments.text("store-claim");
  options.data_claim = arguments.text("data-claim");
  options.data_path = arguments.text("data-path");
  options.cpu = arguments.real("cpu");
  if (arguments.given("memory")) {
    HEADRACE_ASSIGN(options.memory_bytes, parse_size(arguments.text("memory"), "--memory"));
  }
  if (arguments.given("store-size")) {
    HEADRACE_ASSIGN(options.store_bytes, parse_size(arguments.text("store-size"), "--store-size"));
  }
  options.workers = static_cast<int>(arguments.integer("workers"));
  options.retries = static_cast<int>(arguments.integer("retries"));
  if (arguments.given("keep")) options.keep_s = static_cast<int>(arguments.integer("keep"));
  options.timeout_s = static_cast<int>(arguments.integer("timeout"));
  if (arguments.given("fs-group")) options.fs_group = static_cast<int>(arguments.integer("fs-group"));
  options.command = words_of(arguments.text("command"));
  options.port = static_cast<int>(arguments.integer("port"));
  options.health = arguments.text("health");
  options.overrides = arguments.texts("set");
  if (arguments.given("seed")) options.seed = arguments.integer("seed");
  return options;
}

config::Value document_of(const cluster::Deployment& deployment, const std::vector<std::string>& written, bool explained) {
  config::Value document{config::Map{}};
  document.set("files", config::List(written.begin(), written.end()));
  config::List objects;
  for (const cluster::Manifest& manifest : deployment.manifests) {
    config::Value row{config::Map{}};
    row.set("file", manifest.file);
    row.set("kind", manifest.kind());
    row.set("name", manifest.name());
    if (explained) {
      row.set("purpose", manifest.purpose);
      config::List origins;
      for (const cluster::Origin& origin : manifest.origins) {
        config::Value from{config::Map{}};
        from.set("what", origin.what);
        from.set("value", origin.value);
        from.set("from", origin.from);
        origins.push_back(std::move(from));
      }
      row.set("origins", std::move(origins));
    }
    objects.push_back(std::move(row));
  }
  document.set("objects", std::move(objects));
  document.set("data", config::List(deployment.claim_files.begin(), deployment.claim_files.end()));
  return document;
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const DeployOptions options, options_of(arguments));
  LoadOptions load{.file = arguments.text("file"), .overrides = options.overrides, .seed = options.seed, .limits = {}};
  const LoadedPipeline loaded = load_pipeline(session, load);
  if (!loaded.errors.empty()) return session.out.fail(loaded.errors);
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const std::string text, io::read_file(load.file));
  HEADRACE_ASSIGN(const cluster::Deployment deployment, cluster::deployment_of(loaded.graph, *catalogue, text, options));
  std::vector<std::string> written;
  const std::string folder = arguments.text("out");
  const bool explain = arguments.flag("explain");
  if (!folder.empty()) {
    HEADRACE_ASSIGN(written, cluster::write_deployment(deployment, folder, arguments.flag("force")));
  }
  if (session.out.json()) {
    session.out.print_json(document_of(deployment, written, explain));
    return 0;
  }
  if (explain) {
    session.out.print(printable(cluster::explain_text(deployment)));
  } else {
    for (const std::string& path : written) session.out.print(printable(path + "\n"));
  }
  if (!folder.empty()) {
    session.out.say(cat("next: ", shell_line({"kubectl", "apply", "--server-side", "-f", folder})));
    if (!deployment.claim_files.empty()) session.out.say("the data folder must hold: " + join(deployment.claim_files, ", "));
  }
  return 0;
}

}  // namespace

Command deploy_command() {
  using config::Type;
  using config::Value;
  return {
      .name = "deploy",
      .summary = "write a pipeline as Kubernetes manifests, and a Containerfile",
      .details =
          "kuberay makes a Ray cluster that grows from no worker, for one run; job runs the pipeline in one pod; knative makes a server "
          "that "
          "sleeps when nobody asks (name it with --command). The pipeline file and the files of its sources, up to 900 KB, travel in "
          "ConfigMaps; larger ones lie on a claim or in the image. Sizes come from resources, replicas and gang of the nodes.\n"
          "Nothing is sent anywhere: apply the folder with kubectl apply --server-side -f DIR.",
      .flags =
          {positional(config::path("file", "the pipeline file (YAML)").must()),
           takes("TARGET", config::choice("to", "", {"kuberay", "job", "knative"}, "what runs it").must()),
           takes("DIR", config::path("out", "the folder to write; files there that no deployment wrote are left alone")).short_form('o'),
           toggle("explain", "print what each object is for and where its values come from; without --out nothing is written"),
           toggle("force", "replace files in the folder that no deployment wrote"),
           takes("NAME", config::string("name", Value(), "what objects are called; unset: after the pipeline")),
           takes("NAME", config::string("namespace", Value(), "where they belong; unset: where kubectl is set to")),
           takes("IMAGE", config::string("image", Value(), "unset: headrace:VERSION, with -ray behind it for kuberay")),
           takes("NAME", config::string("queue", Value(), "the LocalQueue of Kueue that admits the run")),
           toggle("make-queue", "also write that queue, with a quota of this size"),
           toggle("quota", "also write a ResourceQuota of this size"),
           takes("NAME", config::list("secret", Type::kStringList, Value(), "a Secret whose keys become environment variables")).many(),
           takes("NAME", config::string("pull-secret", Value(), "the Secret that opens the image's registry")),
           takes("NAME", config::string("store-claim", Value(), "the claim that keeps runs and results; unset: they go with the pod")),
           takes("SIZE", config::string("store-size", Value(), "bound of the store without a claim; unset: 4GiB")),
           takes("NAME", config::string("data-claim", Value(), "the claim that holds the files of the sources")),
           takes("DIR", config::string("data-path", Value(), "the folder of the image that holds them")),
           takes("N", config::real("cpu", 0, "cores of the pod or of each worker; 0: from the nodes").at_least(0).at_most(4096)),
           takes("SIZE", config::string("memory", Value(), "its memory, such as 8GiB; unset: from the nodes")),
           takes("N", config::integer("workers", 0, "workers (kuberay) or copies (knative) at most; 0: from the nodes")
                          .at_least(0)
                          .at_most(10000)),
           takes("N", config::integer("retries", 3, "how often a pod or cluster that failed is made again").at_least(0).at_most(1000)),
           takes("S", config::integer("timeout", 0, "stop a run after this time; 0 never").at_least(0).at_most(1e9).in("seconds")),
           takes("S", config::integer("keep", Value(), "delete what has ended after this time; unset: a job after a day, a cluster at once")
                          .at_least(0)
                          .at_most(1e9)
                          .in("seconds")),
           takes("GID", config::integer("fs-group", Value(), "group that claims belong to; unset on OpenShift, which picks one")
                            .at_least(1)
                            .at_most(2147483647)),
           takes("WORDS", config::string("command", Value(), "what pods run instead of headrace run; words parted by blanks")),
           takes("N", config::integer("port", 8080, "where the server listens").at_least(1).at_most(65535)),
           takes("PATH", config::string("health", Value(), "where the server tells its health; unset: its port opens")),
           takes("NODE.KEY=VALUE", config::list("set", Type::kStringList, Value(), "change the pipeline first; the value is YAML")).many(),
           takes("N", config::integer("seed", Value(), "use this seed instead of the file's").at_least(0)),
           json_flag()},
      .examples = {"headrace deploy examples/digits/pipeline.yaml --to job --out deployment",
                   "headrace deploy examples/digits/pipeline.yaml --to kuberay --explain",
                   "headrace deploy examples/digits/pipeline.yaml --to kuberay --queue team-a --namespace research -o deployment"},
      .run = run};
}

}  // namespace headrace::cli
