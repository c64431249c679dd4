// SPDX-License-Identifier: Apache-2.0
// headrace cluster: a Ray cluster on this machine, from its start to nothing left of it.

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/ray_talk.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using config::Value;

double number_under(const Value& map, std::string_view key) {
  const Value* found = map.find(key);
  return found != nullptr && found->is_number() ? found->real() : 0;
}

bool is_up(const Value& document) {
  const Value* up = document.find("up");
  return up != nullptr && up->kind() == config::Kind::kBool && up->boolean();
}

std::string resources_text(const Value& node) {
  std::string out;
  const Value* resources = node.find("resources");
  if (resources == nullptr || !resources->is_map()) return out;
  for (const config::Entry& entry : resources->map()) {
    if (entry.value.is_number()) out += cat(out.empty() ? "" : " ", entry.key, ":", entry.value.real());
  }
  return out;
}

std::string table_of(const Value& document) {
  std::vector<std::vector<std::string>> rows = {{"node", "state", "cores", "GPUs", "memory", "supervisors", "resources", "id"}};
  const Value* nodes = document.find("nodes");
  if (nodes == nullptr || !nodes->is_list()) return "";
  for (const Value& node : nodes->list()) {
    const Value* alive = node.find("alive");
    const bool lives = alive != nullptr && alive->kind() == config::Kind::kBool && alive->boolean();
    rows.push_back({text_under(node, "address"), lives ? "alive" : "dead", cat(number_under(node, "cpu")), cat(number_under(node, "gpu")),
                    bytes_text(static_cast<std::uint64_t>(number_under(node, "memory_bytes"))), cat(number_under(node, "supervisors")),
                    resources_text(node), text_under(node, "id")});
  }
  return columns(rows, {2, 3, 4, 5});
}

Result<int> up(const Arguments& arguments, Session& session) {
  if (!arguments.flag("ray")) return Error(Code::kUsage, "cluster up needs to know of what kind", "say --ray");
  std::vector<std::string> words = {"cluster", "up", "--nodes", std::to_string(arguments.integer("nodes"))};
  if (arguments.given("cpus")) words.insert(words.end(), {"--cpus", cat(arguments.real("cpus"))});
  if (arguments.given("grow")) words.insert(words.end(), {"--grow", std::to_string(arguments.integer("grow"))});
  if (arguments.flag("no-jobs")) words.push_back("--no-jobs");
  for (const std::string& resource : arguments.texts("resource")) words.insert(words.end(), {"--resource", resource});
  HEADRACE_ASSIGN(const Value document, ask_ray(session, std::move(words)));
  if (session.out.json()) {
    session.out.print_json(document);
    return 0;
  }
  session.out.print(printable(cat("ray://", text_under(document, "address"), "\n")));
  const std::string dashboard = text_under(document, "dashboard");
  if (!dashboard.empty()) session.out.say(cat("jobs and dashboard at ", dashboard));
  session.out.say("next: headrace run FILE --on ray://auto");
  return 0;
}

Result<int> down(const Arguments& arguments, Session& session) {
  std::vector<std::string> words = {"cluster", "down"};
  if (arguments.given("node")) words.insert(words.end(), {"--node", std::to_string(arguments.integer("node"))});
  HEADRACE_ASSIGN(const Value document, ask_ray(session, std::move(words)));
  if (session.out.json()) {
    session.out.print_json(document);
  } else {
    session.out.say(cat("ended ", number_under(document, "ended"), " processes"));
  }
  return 0;
}

// Exit code 1 where no cluster is up, so that a script can ask.
Result<int> status(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const Value document, ask_ray(session, {"cluster", "status", "--address", arguments.text("address")}));
  if (session.out.json()) {
    session.out.print_json(document);
  } else if (!is_up(document)) {
    session.out.print("no cluster is up\n");
    if (number_under(document, "leftovers") > 0) session.out.say("processes of one that crashed are left: headrace cluster down");
  } else {
    session.out.print(printable(table_of(document)));
    session.out.say(cat("cluster ray://", text_under(document, "address"), ", ", number_under(document, "cpu_free"), " cores free"));
  }
  return is_up(document) ? 0 : 1;
}

Result<int> run(const Arguments& arguments, Session& session) {
  const std::string action = arguments.text("action");
  const std::vector<std::pair<std::string, std::string>> belongs = {
      {"ray", "up"},     {"nodes", "up"}, {"cpus", "up"},   {"resource", "up"},
      {"no-jobs", "up"}, {"grow", "up"},  {"node", "down"}, {"address", "status"}};
  for (const auto& [flag, owner] : belongs) {
    if (arguments.given(flag) && owner != action) return Error(Code::kUsage, cat("--", flag, " is for cluster ", owner), "leave it out");
  }
  if (action == "up") return up(arguments, session);
  return action == "down" ? down(arguments, session) : status(arguments, session);
}

}  // namespace

Command cluster_command() {
  return {.name = "cluster",
          .summary = "start, end or look at a Ray cluster on this machine",
          .details =
              "`up --ray` starts a cluster with a token of its own, which only this user can read; nodes after the first are at 127.0.0.3 "
              "and so on. A cluster that is up stays as it is. `down` ends all of its processes and removes what they leave, also "
              "after a crash. `status` shows the nodes, and gives exit code 1 when no cluster is up.\n"
              "Ray comes from PyPI (ray[default]); HEADRACE_PYTHON names a Python that has it.",
          .flags =
              {positional(config::choice("action", "status", {"up", "down", "status"}, "what to do").must()),
               toggle("ray", "the kind of cluster: Ray"),
               takes("N", config::integer("nodes", 1, "nodes on this machine").at_least(1).at_most(100)),
               takes("C", config::real("cpus", Value(), "cores that each node offers; unset: this machine's, shared out")
                              .at_least(0.01).at_most(4096)),
               takes("NODE:NAME=AMOUNT", config::list("resource", config::Type::kStringList, Value(),
                                                      "a custom resource of a node, such as 2:camera=1")).many(),
               takes("N", config::integer("grow", Value(), "further nodes that Ray's autoscaler may start while work waits")
                              .at_least(1).at_most(100)),
               toggle("no-jobs", "no dashboard and no Jobs API: 11 processes fewer"),
               takes("N", config::integer("node", Value(), "end only this node; the first, the head, is none of them")
                              .at_least(2).at_most(100)),
               takes("ADDRESS", config::string("address", Value("auto"), "HOST:PORT of a cluster that somebody else started")),
               json_flag()},
          .examples = {"headrace cluster up --ray --nodes 2", "headrace cluster status --json", "headrace cluster down"},
          .run = run};
}

}  // namespace headrace::cli
