// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Table holds, and the pieces its sources share.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <arrow/api.h>

#include "headrace/data/table.h"

namespace headrace::data {

struct Table::Impl {
  std::shared_ptr<arrow::Table> table;
  std::vector<Column> columns;
};

namespace detail {

/// `field` with `role` as its only metadata (none for a feature).
std::shared_ptr<arrow::Field> with_role(const std::shared_ptr<arrow::Field>& field, Role role);

/// What estimators see in an Arrow type.
ColumnType column_type(const arrow::DataType& type);

/// True for types that matrix() reads.
bool is_numeric(ColumnType type);

/// `name`, or `name_1`, `name_2`, ... whichever is free; the one chosen is added to `taken`.
std::string free_name(std::string name, std::unordered_set<std::string>& taken);

/// Columns of a row-major matrix as Arrow arrays, transposed in one pass into one buffer.
Result<std::vector<std::shared_ptr<arrow::Array>>> matrix_columns(const Tensor& matrix);

}  // namespace detail
}  // namespace headrace::data
