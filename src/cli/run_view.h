// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people read of a run beside its table: facts, failures, per-fold scores, outputs. Used by run, show, replay and apply.

#include <string>
#include <vector>

#include "cli/output.h"
#include "headrace/data/object.h"
#include "headrace/exec/results.h"

namespace headrace::cli {

/// "125 tasks run, 30 remembered, 1 failed in 3.2 s".
std::string counts_text(const exec::RunReport& report);
/// Every failed task with node, fold, attempt, cause and advice; at most `most`, the rest counted.
std::string failures_text(const exec::RunReport& report, std::size_t most = 20);
/// One row a path: the scores of each fold, for each metric.
std::string folds_table(const exec::RunReport& report, std::size_t rows_max = 0);

/// An output in one line: "table of 1,797 rows: prediction (text), digit (integer), ..."; for metrics their values.
std::string object_text(const data::Object& object);
/// {"kind": "table", "rows": ..., "columns": [{"name", "type", "role"}]}, {"kind": "metrics", "values": {...}, ...}, ...
config::Value object_to_value(const data::Object& object);
/// Writes a table by the ending of `path`: .csv, .csv.gz, .tsv, .parquet, .arrow. Errors: kBadValue for another ending, kUnsupported for an
/// object that is no table, kIo.
Status write_output(const data::Object& object, const std::string& path);
/// Refuses endings that `write_output` does not know, before any work is done.
Status check_output_path(const std::string& path);

}  // namespace headrace::cli
