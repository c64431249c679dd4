// SPDX-License-Identifier: Apache-2.0
// Time series split: rows are in order of time; a fold trains on what came before its test rows.
#include <algorithm>
#include <numeric>

#include "headrace/base/text.h"
#include "learn/folds.h"

namespace headrace::learn {
namespace {

Rows run(std::int64_t begin, std::int64_t end) {
  Rows rows(static_cast<std::size_t>(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return rows;
}

class TimeSeriesSplit final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    const std::int64_t rows = table.rows(), folds = context.integer("n"), gap = context.integer("gap");
    const config::Value& test_option = context.value("test_rows");
    const config::Value& train_option = context.value("train_rows_max");
    if (folds + 1 > rows) return too_many_folds(folds + 1, rows, "rows (one fold more is needed to train the first)");
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, rows));
    const std::int64_t test = test_option.is_null() ? rows / (folds + 1) : test_option.integer();
    const std::int64_t train_max = train_option.is_null() ? rows : train_option.integer();
    if (test > rows || gap > rows || rows - gap - test * folds <= 0) {
      return Error(Code::kShape, cat("too few rows for these folds: ", rows, " rows, ", folds, " folds of ", test, " test rows, gap ", gap),
                   "lower n, test_rows or gap");
    }
    for (std::int64_t start = rows - folds * test; start < rows; start += test) {
      const std::int64_t train_end = start - gap;
      out.add(run(std::max<std::int64_t>(0, train_end - train_max), train_end), run(start, start + test));
    }
    return std::move(out).take();
  }
};

HEADRACE_OPERATOR(
    TimeSeriesSplit,
    splitter_row("time_series_split",
                 "Trains on earlier rows and tests on the run of rows after them, n times. scikit-learn: TimeSeriesSplit.",
                 {config::integer("n", 5, "number of folds").at_least(2),
                  config::integer("test_rows", config::Value(), "test rows a fold; null: rows / (n + 1)").at_least(1).or_null().in("rows"),
                  config::integer("train_rows_max", config::Value(), "longest training run; null: all earlier rows")
                      .at_least(1)
                      .or_null()
                      .in("rows"),
                  config::integer("gap", 0, "rows left out between training and test").at_least(0).in("rows")},
                 false, false));

}  // namespace
}  // namespace headrace::learn
