// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/roles.h"

namespace headrace::prep {
namespace {

class ParquetSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    HEADRACE_ASSIGN(const auto table, data::read_parquet(path_of(context, "path"), strings_of(context.value("columns"))));
    return with_roles(context, table);
  }
};

HEADRACE_OPERATOR(ParquetSource, source_row("parquet", "Reads a table from a Parquet file.",
                                            {config::path("path", "the file").must(),
                                             config::list("columns", config::Type::kStringList, config::List{},
                                                          "read only these columns, in this order; empty: all")}));

}  // namespace
}  // namespace headrace::prep
