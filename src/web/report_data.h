// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the page draws, as one JSON document, and the marks on its graph. No markup here.

#include <vector>

#include "headrace/config/value.h"
#include "headrace/web/report.h"

namespace headrace::web {

/// {"facts", "metrics", "params", "paths", "nodes", "timeline", "confusion", "failures", "provenance"}: see report.js.
config::Value report_data(const exec::RecordedRun& run, const graph::Catalogue& catalogue, const ReportOptions& options);

/// Per expanded node: how it ended and the time its tasks took in this run.
std::vector<graph::NodeMark> node_marks(const exec::RecordedRun& run);

}  // namespace headrace::web
