// SPDX-License-Identifier: Apache-2.0
// Group k-fold: rows of one group are never on both sides. Largest groups first, each to the lightest fold so far.
#include <algorithm>
#include <numeric>

#include "learn/folds.h"

namespace headrace::learn {
namespace {

class GroupKFold final : public exec::Operator {
  Result<data::TensorSet> split(const exec::Context& context, const data::Table& table) override {
    HEADRACE_ASSIGN(const data::Table::Codes codes, codes_with_role(table, data::Role::kGroup, "folds keep groups together"));
    const std::int64_t folds = context.integer("n"), groups = static_cast<std::int64_t>(codes.classes.size());
    if (folds > groups) return too_many_folds(folds, groups, "groups");
    HEADRACE_ASSIGN(Folds out, Folds::sized(folds, table.rows()));
    std::vector<std::int64_t> sizes(codes.classes.size(), 0);
    for (const std::int64_t code : codes.codes) ++sizes[static_cast<std::size_t>(code)];

    // Of equally large groups the last by name goes first, as scikit-learn.
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] < sizes[b]; });
    std::reverse(order.begin(), order.end());
    std::vector<std::int64_t> weight(static_cast<std::size_t>(folds), 0), fold_of_group(sizes.size(), 0), fold_of_row;
    for (const std::size_t group : order) {
      const auto lightest = std::min_element(weight.begin(), weight.end());
      *lightest += sizes[group];
      fold_of_group[group] = lightest - weight.begin();
    }
    for (const std::int64_t code : codes.codes) fold_of_row.push_back(fold_of_group[static_cast<std::size_t>(code)]);
    out.add_partition(fold_of_row, folds);
    return std::move(out).take();
  }
};

HEADRACE_OPERATOR(GroupKFold,
                  splitter_row("group_k_fold",
                               "Cuts the rows into n folds of about equal size that keep each group together. scikit-learn: GroupKFold.",
                               {config::integer("n", 5, "number of folds").at_least(2)}, false, false));

}  // namespace
}  // namespace headrace::learn
