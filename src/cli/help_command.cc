// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/session.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  const std::string name = arguments.text("command");
  if (name.empty()) {
    session.out.print(overview(commands()));
    return 0;
  }
  const Command* command = find_command(name);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const Command& row : commands()) {
      if (!row.hidden) names.push_back(row.name);
    }
    return Error(Code::kUsage, cat("headrace has no command '", name, "'"), nearest_advice(name, names));
  }
  session.out.print(help_text(*command));
  return 0;
}

}  // namespace

Command help_command() {
  return {.name = "help",
          .summary = "print the flags of a command",
          .details = "",
          .flags = {positional(config::string("command", config::Value(), "the command; without it all are listed"))},
          .examples = {"headrace help run"},
          .run = run};
}

}  // namespace headrace::cli
