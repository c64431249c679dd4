// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/sink.h"

namespace headrace::prep {
namespace {

class WriteArrow final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_TRY(data::write_arrow(*table, path_of(context, "path")));
    return table;
  }
};

HEADRACE_OPERATOR(WriteArrow,
                  sink_row("write_arrow",
                           "Writes a table as an Arrow IPC file (Feather version 2), with the roles of its columns, and hands it on.", {}));

}  // namespace
}  // namespace headrace::prep
