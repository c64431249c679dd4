// SPDX-License-Identifier: Apache-2.0
#pragma once
// The RUN argument, the same words in every command that reads a recorded run.

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/exec/run.h"

namespace headrace::cli {

inline Flag run_argument() {
  return positional(config::string("run", config::Value(), "a run: its id, the start of it, or \"last\"").must());
}

/// Reads the run that the arguments name, from the store that they name.
inline Result<exec::RecordedRun> recorded_run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  return exec::read_run(*store, *catalogue, arguments.text("run"));
}

}  // namespace headrace::cli
