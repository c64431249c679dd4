// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <utility>

namespace headrace::cli {

Flag toggle(std::string name, std::string doc) {
  return Flag{.option = config::boolean(std::move(name), false, std::move(doc))};
}

Flag takes(std::string value, config::Option option) { return Flag{.option = std::move(option), .value = std::move(value)}; }

Flag positional(config::Option option) { return Flag{.option = std::move(option), .positional = true}; }

Flag json_flag() { return toggle("json", "print one JSON document on stdout, also for errors"); }

Flag store_flag() {
  return takes("DIR", config::path("store", "where runs and their results are kept; unset: $HEADRACE_STORE, else "
                                            "$XDG_CACHE_HOME/headrace, else ~/.cache/headrace"));
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {run_command(),     validate_command(), graph_command(),  ops_command(),     runs_command(),
                                           show_command(),    explain_command(),  replay_command(), report_command(),  trace_command(),
                                           save_command(),    apply_command(),    deploy_command(), cluster_command(), submit_command(),
                                           store_command(),   top_command(),      worker_command(), doctor_command(),  help_command(),
                                           version_command(), reference_command()};
  return all;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace headrace::cli
