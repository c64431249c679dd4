// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows: cutting a table into folds and shards, and putting it together again.

#include <span>

#include "headrace/base/result.h"
#include "headrace/data/object.h"
#include "headrace/exec/work.h"

namespace headrace::exec::detail {

/// A take with two inputs (table, folds) gives one side of fold `work.piece`; with one input it gives shard `work.piece`: an even
/// run of rows, or, for shards by a column, all rows whose value falls to it (CRC-32C of its text).
Result<data::Object> take_rows(const Work& work, std::span<const data::Object> inputs);

/// Rows of all tables in order; those of shards by a column in the order that they had before (see graph::Task, stack).
Result<data::Object> stack_rows(const Work& work, std::span<const data::Object> inputs);

}  // namespace headrace::exec::detail
