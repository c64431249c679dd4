// SPDX-License-Identifier: Apache-2.0
// Random shares of the rows: shuffle_split draws n of them apart, hold_out one.
#include "learn/folds.h"

namespace headrace::learn {
namespace {

class ShuffleSplit final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    const std::int64_t rows = table.rows(), folds = context.integer("n");
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, rows));
    HEADRACE_ASSIGN(const ShareSizes sizes, share_sizes(context, rows));
    for (std::int64_t fold = 0; fold < folds; ++fold) {
      const Rows order = context.random(static_cast<std::uint64_t>(fold)).permutation(rows);
      const auto middle = order.begin() + sizes.test;
      out.add(Rows(middle, middle + sizes.train), Rows(order.begin(), middle));
    }
    return std::move(out).take();
  }
};

class HoldOut final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    const std::int64_t rows = table.rows();
    HEADRACE_ASSIGN(Folds out, Folds::sized(1, rows));
    HEADRACE_ASSIGN(const ShareSizes sizes, share_sizes(context, rows));
    Rows order(static_cast<std::size_t>(rows));
    for (std::int64_t row = 0; row < rows; ++row) order[static_cast<std::size_t>(row)] = row;
    if (context.boolean("shuffle")) order = context.random().permutation(rows);
    const auto middle = order.begin() + sizes.train;
    out.add(Rows(order.begin(), middle), Rows(middle, middle + sizes.test));
    return std::move(out).take();
  }
};

std::vector<config::Option> hold_out_options() {
  std::vector<config::Option> options = share_options(1, 0.25);
  options.erase(options.begin());
  options.push_back(config::boolean("shuffle", true, "draw the held-out rows by the seed; false: the rows after the training rows"));
  return options;
}

HEADRACE_OPERATOR(ShuffleSplit,
                  splitter_row("shuffle_split", "Holds out a random share of the rows, n times apart. scikit-learn: ShuffleSplit.",
                               share_options(10, 0.1), true, false));
HEADRACE_OPERATOR(HoldOut, splitter_row("hold_out", "Holds out one share of the rows. scikit-learn: train_test_split.", hold_out_options(),
                                        true, false));

}  // namespace
}  // namespace headrace::learn
