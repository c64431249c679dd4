// SPDX-License-Identifier: Apache-2.0
// headrace submit: a pipeline as a job of a Ray cluster, through its Jobs API.

#include <unistd.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/pipeline.h"
#include "cli/ray_talk.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using config::Value;

std::string own_program() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string("headrace");
}

std::string line_of(const Value& job) {
  std::string out = cat(text_under(job, "id"), "  ", text_under(job, "status"));
  // Its further lines repeat the log.
  if (const std::string message = text_under(job, "message"); !message.empty()) out += cat("  ", message.substr(0, message.find('\n')));
  return out + "\n";
}

// 0 while a job waits, runs or has ended well.
int exit_of(const Value& job) {
  const std::string status = text_under(job, "status");
  return status == "FAILED" || status == "STOPPED" ? 1 : 0;
}

int show(Session& session, const Value& document) {
  if (session.out.json()) {
    session.out.print_json(document);
    return exit_of(document);
  }
  if (const Value* jobs = document.find("jobs"); jobs != nullptr && jobs->is_list()) {
    for (const Value& job : jobs->list()) session.out.print(printable(line_of(job)));
    return 0;
  }
  session.out.print(printable(line_of(document)));
  return exit_of(document);
}

Result<int> send(const Arguments& arguments, Session& session) {
  LoadOptions load{.file = arguments.text("file"), .overrides = arguments.texts("set"), .seed = {}, .limits = {}};
  if (arguments.given("seed")) load.seed = arguments.integer("seed");
  const LoadedPipeline loaded = load_pipeline(session, load);
  if (!loaded.errors.empty()) return session.out.fail(loaded.errors);
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(cluster::RayJob job, cluster::ray_job_of(loaded.graph, *catalogue, load.file));
  for (const std::string& set : load.overrides) job.words.insert(job.words.end(), {"--set", set});
  if (load.seed) job.words.insert(job.words.end(), {"--seed", std::to_string(*load.seed)});
  if (const std::string on = arguments.text("on"); on != "here") job.words.insert(job.words.end(), {"--on", on});
  Value wish{config::Map{}};
  wish.set("program", arguments.given("program") ? arguments.text("program") : own_program());
  wish.set("words", config::List(job.words.begin(), job.words.end()));
  config::List files;
  for (const auto& [path, place] : job.files) files.push_back(config::List{path, place});
  wish.set("files", std::move(files));
  std::vector<std::string> words = {"job", "submit", "--address", arguments.text("address")};
  if (!arguments.flag("no-wait")) words.push_back("--wait");
  HEADRACE_ASSIGN(const Value document, ask_ray(session, std::move(words), "submit", wish));
  return show(session, document);
}

Result<int> run(const Arguments& arguments, Session& session) {
  if (!arguments.flag("ray")) return Error(Code::kUsage, "submit needs to know where to", "say --ray");
  int asked = arguments.given("file") ? 1 : 0;
  for (const char* name : {"status", "logs", "cancel"}) {
    if (arguments.given(name)) ++asked;
  }
  if (asked != 1) {
    return Error(Code::kUsage, "submit takes one of a pipeline file, --status, --logs and --cancel", "see headrace submit --help");
  }
  if (arguments.given("file")) return send(arguments, session);
  for (const auto& [flag, action] : {std::pair{"status", "status"}, {"logs", "logs"}, {"cancel", "stop"}}) {
    if (!arguments.given(flag)) continue;
    const std::string address = arguments.text("address");
    HEADRACE_ASSIGN(const Value document, ask_ray(session, {"job", action, arguments.text(flag), "--address", address}));
    // Who looks is not told off for what he sees; a cancelled job is what was asked for.
    show(session, document);
    return 0;
  }
  return 0;
}

}  // namespace

Command submit_command() {
  return {.name = "submit",
          .summary = "run a pipeline as a job of a Ray cluster",
          .details =
              "Sends the pipeline file and the files that its sources read, together up to 100 MiB, to the cluster's Jobs API, and prints "
              "what the job prints until it ends; exit code 1 when it fails. The program must lie at the same path on the cluster, or "
              "where --program says. The token is that of `headrace cluster up`, else $RAY_AUTH_TOKEN.",
          .flags =
              {positional(config::path("file", "the pipeline file (YAML)")), toggle("ray", "where to: a Ray cluster"),
               takes("URL", config::string("address", Value("auto"), "its dashboard, http://HOST:8265; auto: of `headrace "
                                                                    "cluster up`, else $RAY_API_SERVER_ADDRESS")),
               takes("PLACE", config::string("on", Value("ray://auto"), "where the job's nodes run: as for run, or here: in the job's "
                                                                       "process")),
               takes("PATH", config::string("program", Value(), "the program on the cluster; unset: where it lies here")),
               toggle("no-wait", "print the job's id and leave"),
               takes("ID", config::string("status", Value(), "show a job, or all")),
               takes("ID", config::string("logs", Value(), "print what a job has printed")),
               takes("ID", config::string("cancel", Value(), "stop a job")),
               takes("NODE.KEY=VALUE", config::list("set", config::Type::kStringList, Value(),
                                                    "change the pipeline first; the value is YAML")).many(),
               takes("N", config::integer("seed", Value(), "use this seed instead of the file's").at_least(0)), json_flag()},
          .examples = {"headrace submit --ray examples/digits/pipeline.yaml", "headrace submit --ray --status all",
                       "headrace submit --ray FILE --address http://head:8265 --program /opt/headrace/bin/headrace"},
          .run = run};
}

}  // namespace headrace::cli
