// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/roles.h"
#include "prep/tensor_table.h"

namespace headrace::prep {
namespace {

class NpySource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    HEADRACE_ASSIGN(const auto matrix, data::read_npy(path_of(context, "path")));
    HEADRACE_ASSIGN(TablePointer table, table_of(matrix, strings_of(context.value("names"))));
    if (!context.value("target_path").is_null()) {
      HEADRACE_ASSIGN(const auto target, data::read_npy(path_of(context, "target_path")));
      HEADRACE_ASSIGN(table, with_target(table, target));
    }
    return with_roles(context, table);
  }
};

HEADRACE_OPERATOR(
    NpySource,
    source_row("npy", "Reads a table from a NumPy array: a row for each entry of its first axis, a column for each of the others.",
               {config::path("path", "the .npy file with the features").must(),
                config::path("target_path", "a .npy file with one target value a row").or_null(),
                config::list("names", config::Type::kStringList, config::List{}, "names of the columns; empty: x0, x1, ...")}));

}  // namespace
}  // namespace headrace::prep
