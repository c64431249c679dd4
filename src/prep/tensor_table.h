// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables from arrays, as .npy, .npz and IDX files hold them.

#include <string>
#include <vector>

#include "headrace/data/tensor.h"
#include "prep/columns.h"

namespace headrace::prep {

/// A table with one row per entry of the first axis; the other axes become columns, the last moving fastest. Truth values
/// become 0 and 1, half floats become floats. Errors: kShape for an array without axes, kUnsupported.
Result<TablePointer> table_of(const data::Tensor& tensor, const std::vector<std::string>& names);

/// `table` with the array `target` [rows] or [rows, 1] as its target column, called "target". Errors: kShape.
Result<TablePointer> with_target(const TablePointer& table, const data::Tensor& target);

}  // namespace headrace::prep
