// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recorded run as a Chrome trace: one row a worker, one span a task (chrome://tracing, ui.perfetto.dev).

#include <string>

#include "headrace/base/result.h"
#include "headrace/exec/run.h"

namespace headrace::cli {

/// Writes the trace of the tasks that ran, as JSON, with times since the run started. Errors: kIo.
Status write_trace(const exec::RecordedRun& run, const std::string& path);

}  // namespace headrace::cli
