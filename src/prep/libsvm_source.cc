// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

class LibsvmSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    return data::read_libsvm(path_of(context, "path"), static_cast<int>(context.integer("n_features")), context.boolean("zero_based"));
  }
};

HEADRACE_OPERATOR(LibsvmSource,
                  {.name = "libsvm",
                   .family = graph::Family::kSource,
                   .doc = "Reads a table from a LIBSVM (SVMlight) file: features, target, and qid as group; what is not written is zero.",
                   .takes = {},
                   .inputs_min = 0,
                   .inputs_max = 0,
                   .options = {config::path("path", "the file").must(),
                               config::integer("n_features", 0, "how many features there are; 0: as many as the largest index")
                                   .at_least(0)
                                   .at_most(1'000'000),
                               config::boolean("zero_based", false, "whether indices count from 0")},
                   .refuses_missing = false,
                   .numeric_only = false});

}  // namespace
}  // namespace headrace::prep
