// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/reference.h"
#include "cli/session.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  const std::string page = arguments.text("page");
  if (page == "cli") {
    session.out.print(help_markdown(commands()));
  } else if (page == "errors") {
    session.out.print(errors_markdown());
  } else {
    HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
    session.out.print(page == "operators" ? operators_markdown(*catalogue) : pipeline_options_markdown(*catalogue));
  }
  return 0;
}

}  // namespace

Command reference_command() {
  config::Option page = config::choice("page", "", {"operators", "cli", "errors", "pipeline-options"}, "which page");
  return {.name = "reference",
          .summary = "print a reference page in Markdown (tools/make_docs)",
          .details = "",
          .flags = {positional(page.must())},
          .examples = {"headrace reference operators"},
          .hidden = true,
          .run = run};
}

}  // namespace headrace::cli
