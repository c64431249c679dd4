// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "prep/columns.h"

namespace headrace::prep {
namespace {

class SelectColumns final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(auto chosen, columns_of(*table, context.value("columns")));
    for (int i = 0; i < static_cast<int>(table->columns().size()); ++i) {
      if (table->columns()[static_cast<std::size_t>(i)].role == data::Role::kFeature) continue;
      if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) chosen.push_back(i);
    }
    return table->select(chosen);
  }
};

HEADRACE_OPERATOR(SelectColumns,
                  transform_row("select_columns",
                                "Keeps the named features, in the order named; target, group, weight and ignored columns stay behind them.",
                                {config::list("columns", config::Type::kColumnList, {}, "the columns to keep").must()}));

}  // namespace
}  // namespace headrace::prep
