// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/text.h"
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/roles.h"
#include "prep/tensor_table.h"

namespace headrace::prep {
namespace {

class NpzSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    HEADRACE_ASSIGN(const auto arrays, data::read_npz(path_of(context, "path")));
    HEADRACE_ASSIGN(const data::Tensor* matrix, array(arrays, context.value("key")));
    HEADRACE_ASSIGN(TablePointer table, table_of(*matrix, strings_of(context.value("names"))));
    if (!context.value("target_key").is_null()) {
      HEADRACE_ASSIGN(const data::Tensor* target, array(arrays, context.value("target_key")));
      HEADRACE_ASSIGN(table, with_target(table, *target));
    }
    return with_roles(context, table);
  }

  static Result<const data::Tensor*> array(const data::TensorSet& arrays, const config::Value& key) {
    if (const data::Tensor* found = arrays.find(key.string())) return found;
    std::vector<std::string> known;
    for (const auto& [name, tensor] : arrays.entries()) known.push_back(name);
    return Error(Code::kMissingColumn, cat("the archive has no array '", key.string(), "'"), nearest_advice(key.string(), known),
                 key.where());
  }
};

HEADRACE_OPERATOR(
    NpzSource, source_row("npz", "Reads a table from an array in a NumPy archive, and its target from another.",
                          {config::path("path", "the .npz file").must(), config::string("key", "X", "which array holds the features"),
                           config::string("target_key", {}, "which array holds one target value a row").or_null(),
                           config::list("names", config::Type::kStringList, config::List{}, "names of the columns; empty: x0, x1, ...")}));

}  // namespace
}  // namespace headrace::prep
