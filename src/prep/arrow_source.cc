// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/roles.h"

namespace headrace::prep {
namespace {

class ArrowSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    HEADRACE_ASSIGN(const auto table, data::read_arrow(path_of(context, "path")));
    return with_roles(context, table);
  }
};

HEADRACE_OPERATOR(ArrowSource, source_row("arrow", "Reads a table from an Arrow IPC file or stream (Feather version 2).",
                                          {config::path("path", "the file").must()}));

}  // namespace
}  // namespace headrace::prep
