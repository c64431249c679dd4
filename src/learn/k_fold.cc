// SPDX-License-Identifier: Apache-2.0
// k-fold and leave-one-out: every row is held out exactly once.
#include "learn/folds.h"

namespace headrace::learn {
namespace {

// Runs of rows; the first rows % n folds hold one row more, as scikit-learn.
class KFold final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    const std::int64_t rows = table.rows(), folds = context.integer("n");
    if (folds > rows) return too_many_folds(folds, rows, "rows");
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, rows));
    Rows order(static_cast<std::size_t>(rows));
    for (std::int64_t row = 0; row < rows; ++row) order[static_cast<std::size_t>(row)] = row;
    if (context.boolean("shuffle")) order = context.random().permutation(rows);
    std::int64_t begin = 0;
    for (std::int64_t fold = 0; fold < folds; ++fold) {
      const std::int64_t size = rows / folds + (fold < rows % folds ? 1 : 0);
      out.add_complement(Rows(order.begin() + begin, order.begin() + begin + size));
      begin += size;
    }
    return std::move(out).take();
  }
};

class LeaveOneOut final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context&, const data::Table& table) override {
    const std::int64_t rows = table.rows();
    if (rows < 2) return too_many_folds(2, rows, "rows");
    HEADRACE_ASSIGN(Folds out, Folds::sized(rows, rows));
    for (std::int64_t row = 0; row < rows; ++row) out.add_complement({row});
    return std::move(out).take();
  }
};

HEADRACE_OPERATOR(KFold, splitter_row("k_fold", "Cuts the rows into n runs and holds each out in turn. scikit-learn: KFold.",
                                      {config::integer("n", 5, "number of folds").at_least(2),
                                       config::boolean("shuffle", false, "shuffle the rows first, by the seed")},
                                      true, false));
HEADRACE_OPERATOR(LeaveOneOut, splitter_row("leave_one_out", "Holds out each row in turn. scikit-learn: LeaveOneOut.", {}, false, false));

}  // namespace
}  // namespace headrace::learn
