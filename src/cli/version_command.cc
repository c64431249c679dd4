// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments&, Session& session) {
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("version", HEADRACE_VERSION);
    session.out.print_json(document);
  } else {
    session.out.print(cat("headrace ", HEADRACE_VERSION, "\n"));
  }
  return 0;
}

}  // namespace

Command version_command() {
  return {.name = "version",
          .summary = "print the version",
          .details = "",
          .flags = {json_flag()},
          .examples = {"headrace version"},
          .run = run};
}

}  // namespace headrace::cli
