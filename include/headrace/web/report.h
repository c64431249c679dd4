// SPDX-License-Identifier: Apache-2.0
#pragma once
// Report: a recorded run as one HTML page that opens anywhere, for ever: no network, no framework, everything inline.

#include <cstddef>
#include <string>

#include "headrace/exec/run.h"
#include "headrace/graph/catalogue.h"

namespace headrace::web {

struct ReportOptions {
  std::size_t timeline_blocks_max = 6000;      ///< tasks that run side by side in time are merged until no more blocks are left
  std::size_t confusion_cells_max = 400'000;   ///< over all paths, best first; paths past it have no matrix on the page
  std::size_t failures_max = 200;              ///< the others are counted
};

/// The page: facts, ranked table (mean, deviation, interval, folds; sortable, with a filter), parameter heat map, graph with times,
/// timeline of workers, confusion matrices, failures, provenance. Everything that comes from data is escaped, and the page's
/// content security policy lets nothing run but its own script.
/// Cost: linear in tasks and paths; 10,000 tasks give about half a megabyte.
std::string report_html(const exec::RecordedRun& run, const graph::Catalogue& catalogue, const ReportOptions& options = {});

}  // namespace headrace::web
