// SPDX-License-Identifier: Apache-2.0
// Stratified k-fold: every fold holds about the same share of each class.
//
// Rows sorted by class are dealt to the folds like cards; a fold's share of each class is what it was dealt. The rows of a class
// then go to the folds in order, so without shuffling folds keep runs of rows together, exactly as scikit-learn does.
#include <algorithm>

#include "headrace/base/text.h"
#include "learn/folds.h"

namespace headrace::learn {
namespace {

// Class numbers in order of first appearance instead of by name: the deal depends on it.
std::vector<std::int64_t> by_appearance(const data::Table::Codes& codes) {
  std::vector<std::int64_t> number(codes.classes.size(), -1), out;
  std::int64_t next = 0;
  out.reserve(codes.codes.size());
  for (const std::int64_t code : codes.codes) {
    std::int64_t& place = number[static_cast<std::size_t>(code)];
    if (place < 0) place = next++;
    out.push_back(place);
  }
  return out;
}

class StratifiedKFold final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    HEADRACE_ASSIGN(const data::Table::Codes codes, codes_with_role(table, data::Role::kTarget, "folds are stratified by the target"));
    const std::int64_t folds = context.integer("n"), rows = table.rows();
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, rows));
    const std::vector<std::int64_t> classes = by_appearance(codes);
    std::vector<std::int64_t> sizes(codes.classes.size(), 0);
    for (const std::int64_t code : classes) ++sizes[static_cast<std::size_t>(code)];
    const std::int64_t largest = *std::max_element(sizes.begin(), sizes.end());
    if (folds > largest) return too_many_folds(folds, largest, "rows in the largest class");

    // allocation[class][fold]: rows of the class that the fold is dealt.
    std::vector<std::vector<std::int64_t>> allocation(sizes.size(), std::vector<std::int64_t>(static_cast<std::size_t>(folds), 0));
    std::int64_t dealt = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      for (std::int64_t i = 0; i < sizes[k]; ++i) ++allocation[k][static_cast<std::size_t>(dealt++ % folds)];
    }
    std::vector<std::vector<std::int64_t>> order(sizes.size());
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      for (std::int64_t fold = 0; fold < folds; ++fold) {
        order[k].insert(order[k].end(), static_cast<std::size_t>(allocation[k][static_cast<std::size_t>(fold)]), fold);
      }
      if (!context.boolean("shuffle")) continue;
      const auto permutation = context.random(k).permutation(sizes[k]);
      const std::vector<std::int64_t> dealt_order = order[k];
      for (std::size_t i = 0; i < permutation.size(); ++i) order[k][i] = dealt_order[static_cast<std::size_t>(permutation[i])];
    }
    std::vector<std::int64_t> fold_of_row, next(sizes.size(), 0);
    for (const std::int64_t code : classes) {
      const auto k = static_cast<std::size_t>(code);
      fold_of_row.push_back(order[k][static_cast<std::size_t>(next[k]++)]);
    }
    out.add_partition(fold_of_row, folds);
    return std::move(out).take();
  }
};

HEADRACE_OPERATOR(StratifiedKFold,
                  splitter_row("stratified_k_fold",
                               "Cuts the rows into n folds with about the same share of each class. scikit-learn: StratifiedKFold.",
                               {config::integer("n", 5, "number of folds").at_least(2),
                                config::boolean("shuffle", false, "shuffle the rows of each class first, by the seed")},
                               true, true));

}  // namespace
}  // namespace headrace::learn
