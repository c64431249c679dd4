// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

class SampleRows final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const std::int64_t count, wanted(context, table->rows()));
    Random random = context.random();
    std::vector<std::int64_t> rows = random.permutation(table->rows());
    rows.resize(static_cast<std::size_t>(count));
    if (!context.boolean("shuffle")) std::sort(rows.begin(), rows.end());
    return table->take(rows);
  }

  static Result<std::int64_t> wanted(const exec::Context& context, std::int64_t rows) {
    const config::Value& n = context.value("n");
    const config::Value& share = context.value("share");
    if (n.is_null() == share.is_null())
      return Error(Code::kBadValue, "give either n or share", "n: 1000, or share: 0.1", n.is_null() ? share.where() : n.where());
    if (!n.is_null()) return std::min(n.integer(), rows);
    return static_cast<std::int64_t>(std::llround(share.real() * static_cast<double>(rows)));
  }
};

graph::OperatorSpec row() {
  auto spec = transform_row("sample_rows", "Keeps some rows, drawn at random without replacement.",
                            {config::integer("n", {}, "how many; all when there are fewer").or_null().at_least(0).in("rows"),
                             config::real("share", {}, "which share of them").or_null().at_least(0).at_most(1),
                             config::boolean("shuffle", false, "in random order; else in the order of the table")},
                            /*keeps_rows=*/false);
  spec.random = true;
  return spec;
}

HEADRACE_OPERATOR(SampleRows, row());

}  // namespace
}  // namespace headrace::prep
