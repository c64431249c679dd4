// SPDX-License-Identifier: Apache-2.0
#include "prep/columns.h"

namespace headrace::prep {
namespace {

class DropMissing final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const auto columns, looked_at(*table, context.value("columns")));
    const bool any = context.string("how") == "any";
    std::vector<std::size_t> missing(static_cast<std::size_t>(table->rows()), 0);
    for (const int column : columns) {
      HEADRACE_ASSIGN(const auto holes, missing_of(*table, column));
      for (std::size_t row = 0; row < holes.size(); ++row) missing[row] += holes[row];
    }
    const std::size_t limit = any || columns.empty() ? 1 : columns.size();
    std::vector<bool> keep;
    for (const std::size_t count : missing) keep.push_back(count < limit);
    return keep_rows(*table, keep);
  }

  // Unset: whatever is learned from or learned, but not what is only carried along.
  static Result<std::vector<int>> looked_at(const data::Table& table, const config::Value& list) {
    if (!list.is_null()) return columns_of(table, list);
    std::vector<int> out;
    for (int i = 0; i < static_cast<int>(table.columns().size()); ++i) {
      const data::Role role = table.columns()[static_cast<std::size_t>(i)].role;
      if (role != data::Role::kIgnore && role != data::Role::kPrediction) out.push_back(i);
    }
    return out;
  }
};

HEADRACE_OPERATOR(
    DropMissing,
    transform_row("drop_missing", "Leaves out rows with missing values (nulls and NaN). pandas: dropna.",
                  {config::list("columns", config::Type::kColumnList, {}, "the columns to look at; unset: all but ignored ones").or_null(),
                   config::choice("how", "any", {"any", "all"}, "drop a row when any, or only when all of the columns have no value")},
                  /*keeps_rows=*/false));

}  // namespace
}  // namespace headrace::prep
