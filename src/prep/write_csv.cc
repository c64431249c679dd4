// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/sink.h"

namespace headrace::prep {
namespace {

class WriteCsv final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const char delimiter, character_of(context.value("delimiter"), "delimiter"));
    HEADRACE_TRY(data::write_csv(*table, path_of(context, "path"), delimiter));
    return table;
  }
};

HEADRACE_OPERATOR(WriteCsv, sink_row("write_csv", "Writes a table as a CSV file, packed when its name ends in .gz, and hands it on.",
                                     {config::string("delimiter", ",",
                                                     "what stands between fields: one character, or tab, comma, semicolon, space, pipe")}));

}  // namespace
}  // namespace headrace::prep
