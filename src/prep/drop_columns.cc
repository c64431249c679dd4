// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "prep/columns.h"

namespace headrace::prep {
namespace {

class DropColumns final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const auto dropped, columns_of(*table, context.value("columns")));
    std::vector<int> kept;
    for (int i = 0; i < static_cast<int>(table->columns().size()); ++i) {
      if (std::find(dropped.begin(), dropped.end(), i) == dropped.end()) kept.push_back(i);
    }
    return table->select(kept);
  }
};

HEADRACE_OPERATOR(DropColumns, transform_row("drop_columns", "Leaves the named columns out.",
                                             {config::list("columns", config::Type::kColumnList, {}, "the columns to leave out").must()}));

}  // namespace
}  // namespace headrace::prep
