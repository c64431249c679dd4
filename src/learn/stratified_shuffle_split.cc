// SPDX-License-Identifier: Apache-2.0
// Random shares of the rows in which each class keeps its share.
#include <algorithm>
#include <cmath>
#include <set>

#include "headrace/base/text.h"
#include "learn/folds.h"

namespace headrace::learn {
namespace {

// Draws `draws` of sum(sizes) things so that each class gets its share: floors first, the rest by largest remainder, ties by chance.
std::vector<std::int64_t> apportion(const std::vector<std::int64_t>& sizes, std::int64_t draws, Random& random) {
  double total = 0;
  for (const std::int64_t size : sizes) total += static_cast<double>(size);
  std::vector<std::int64_t> out;
  std::vector<double> remainder;
  std::int64_t missing = draws;
  for (const std::int64_t size : sizes) {
    const double share = static_cast<double>(size) / total * static_cast<double>(draws);
    out.push_back(static_cast<std::int64_t>(std::floor(share)));
    remainder.push_back(share - std::floor(share));
    missing -= out.back();
  }
  const std::set<double, std::greater<>> values(remainder.begin(), remainder.end());
  for (const double value : values) {
    std::vector<std::size_t> tied;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      if (remainder[k] == value) tied.push_back(k);
    }
    for (const std::int64_t place : random.permutation(static_cast<std::int64_t>(tied.size()))) {
      if (missing-- <= 0) return out;
      ++out[tied[static_cast<std::size_t>(place)]];
    }
  }
  return out;
}

class StratifiedShuffleSplit final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    HEADRACE_ASSIGN(const data::Table::Codes codes, codes_with_role(table, data::Role::kTarget, "folds are stratified by the target"));
    const std::int64_t folds = context.integer("n");
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, table.rows()));
    HEADRACE_ASSIGN(const ShareSizes shares, share_sizes(context, table.rows()));
    const std::vector<Rows> by_class = rows_by_code(codes);
    const auto classes = static_cast<std::int64_t>(by_class.size());
    std::vector<std::int64_t> sizes;
    for (std::size_t k = 0; k < by_class.size(); ++k) {
      sizes.push_back(static_cast<std::int64_t>(by_class[k].size()));
      if (sizes[k] < 2) return Error(Code::kShape, cat("a class has one row only and cannot be on both sides: ", codes.classes[k]));
    }
    if (shares.train < classes || shares.test < classes) {
      return Error(Code::kShape, cat("a side holds fewer rows than there are classes: ", shares.train, " train, ", shares.test, " test, ",
                                     classes, " classes"));
    }
    for (std::int64_t fold = 0; fold < folds; ++fold) {
      Random random = context.random(static_cast<std::uint64_t>(fold));
      const std::vector<std::int64_t> train_sizes = apportion(sizes, shares.train, random);
      std::vector<std::int64_t> left = sizes;
      for (std::size_t k = 0; k < left.size(); ++k) left[k] -= train_sizes[k];
      const std::vector<std::int64_t> test_sizes = apportion(left, shares.test, random);
      Rows train, test;
      for (std::size_t k = 0; k < by_class.size(); ++k) {
        const Rows order = random.permutation(sizes[k]);
        for (std::int64_t i = 0; i < train_sizes[k] + test_sizes[k]; ++i) {
          (i < train_sizes[k] ? train : test).push_back(by_class[k][static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
        }
      }
      out.add(std::move(train), std::move(test));
    }
    return std::move(out).take();
  }
};

HEADRACE_OPERATOR(
    StratifiedShuffleSplit,
    splitter_row("stratified_shuffle_split",
                 "Holds out a random share of the rows with the classes in proportion, n times. scikit-learn: StratifiedShuffleSplit.",
                 share_options(10, 0.1), true, true));

}  // namespace
}  // namespace headrace::learn
