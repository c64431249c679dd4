// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/roles.h"
#include "prep/tensor_table.h"

namespace headrace::prep {
namespace {

class IdxSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    HEADRACE_ASSIGN(const auto images, data::read_idx(path_of(context, "path")));
    HEADRACE_ASSIGN(TablePointer table, table_of(images, {}));
    if (!context.value("target_path").is_null()) {
      HEADRACE_ASSIGN(const auto labels, data::read_idx(path_of(context, "target_path")));
      HEADRACE_ASSIGN(table, with_target(table, labels));
    }
    return with_roles(context, table);
  }
};

HEADRACE_OPERATOR(IdxSource,
                  source_row("idx", "Reads images from an IDX file (MNIST), each as one row of pixels, and their labels from another.",
                             {config::path("path", "the file with the images, packed with gzip or not").must(),
                              config::path("target_path", "the file with the labels").or_null()}));

}  // namespace
}  // namespace headrace::prep
