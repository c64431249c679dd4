// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operators of this room share: their input as one table, columns named by options, paths.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "headrace/data/table.h"
#include "headrace/exec/operator.h"

namespace headrace::prep {

using TablePointer = std::shared_ptr<const data::Table>;

/// All input tables side by side; tuples are opened. Target, group and weight come from the first. Errors: kEdgeType, kShape.
Result<TablePointer> table_of(std::span<const data::Object> inputs);

/// Indices of the columns an option lists, in its order, each once. Errors: kMissingColumn, kBadValue for a column named twice.
Result<std::vector<int>> columns_of(const data::Table& table, const config::Value& list);

/// A transform that needs no state: the subclass turns one table into another.
class TableTransform : public exec::Operator {
 public:
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) final;

 private:
  virtual Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const = 0;
};

/// A source of one table.
class TableSource : public exec::Operator {
 public:
  Result<std::vector<data::Object>> read(const exec::Context& context) final;

 private:
  virtual Result<TablePointer> load(const exec::Context& context) const = 0;
};

/// A row of a table transform: it minds neither missing values nor text.
graph::OperatorSpec transform_row(std::string name, std::string doc, std::vector<config::Option> options, bool keeps_rows = true);

/// The path an option names, seen from the folder of the pipeline file.
std::string path_of(const exec::Context& context, std::string_view option);

/// Each row as text, and whether it has a value: NaN counts as missing.
Status texts_of(const data::Table& table, int column, std::vector<std::string>& texts, std::vector<bool>& missing);

/// True per row where the column has no value (null or NaN).
Result<std::vector<bool>> missing_of(const data::Table& table, int column);

/// The rows marked true, in order.
Result<TablePointer> keep_rows(const data::Table& table, const std::vector<bool>& keep);

}  // namespace headrace::prep
