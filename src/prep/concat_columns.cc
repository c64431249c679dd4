// SPDX-License-Identifier: Apache-2.0
#include "prep/columns.h"

namespace headrace::prep {
namespace {

// Every transform here sets its inputs side by side; this one does nothing else.
class ConcatColumns final : public TableTransform {
  Result<TablePointer> apply(const exec::Context&, const TablePointer& table) const override { return table; }
};

HEADRACE_OPERATOR(ConcatColumns,
                  transform_row("concat_columns",
                                "Sets several tables of as many rows side by side; target, group and weight come from the first.", {}));

}  // namespace
}  // namespace headrace::prep
