// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/sink.h"

namespace headrace::prep {
namespace {

class WriteParquet final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_TRY(data::write_parquet(*table, path_of(context, "path"), context.string("compression")));
    return table;
  }
};

HEADRACE_OPERATOR(WriteParquet,
                  sink_row("write_parquet", "Writes a table as a Parquet file, with the roles of its columns, and hands it on.",
                           {config::choice("compression", "zstd", {"zstd", "snappy", "gzip", "brotli", "lz4", "none"}, "how to pack it")}));

}  // namespace
}  // namespace headrace::prep
