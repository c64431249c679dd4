// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trees as plain arrays: what a fitted tree model consists of, and the sum of leaves that it predicts.
//
// Models may come from outside, and XGBoost's own readers crash on damaged bytes; so its trees are taken apart when they are fitted and
// kept as tensors, which are checked once when read. Predicting needs no XGBoost. Threads: any, once made.

#include <cstdint>
#include <span>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/data/object.h"

namespace headrace::learn::detail {

/// Nodes of all trees behind each other; nodes of a tree are numbered from 0, the root, and children have greater numbers.
/// A node with left 0 is a leaf, else its children are left and left + 1: a row goes left when its feature is below `value`.
struct Trees {
  std::vector<std::int64_t> start = {0};     ///< [trees + 1] where each tree's nodes begin
  std::vector<std::int32_t> output;          ///< [trees] which score of a row it adds to
  std::vector<std::int32_t> left;            ///< [nodes]
  std::vector<std::int32_t> feature;         ///< [nodes]
  std::vector<float> value;                  ///< [nodes] threshold, or what a leaf adds
  std::vector<std::uint8_t> missing_left;    ///< [nodes] where a row without the feature goes
  /// Above 0: a leaf adds row `feature` of `shares` to the scores 0 .. share_width - 1, instead of its value to one score.
  std::int64_t share_width = 0;
  std::vector<float> shares;                 ///< [leaves, share_width]

  void append(const Trees& more);
  /// Gives each leaf a row of `shares`, all zero.
  void number_leaves(std::int64_t width);
  /// The node where a row of features ends.
  std::size_t leaf_of(std::size_t tree, const float* row) const;
  /// Moves each threshold of a tree to the middle between the rows with a weight (null: all) on its two sides, as CART does. The rows
  /// still end where they did. `values` [rows, width]. Cost: one pass of the rows through the tree.
  void centre_thresholds(std::size_t tree, std::span<const float> values, std::int64_t width, const double* weights);

 private:
  bool goes_left(std::size_t node, const float* row) const;
};

/// Writes the trees into the tensors of a model, and reads them back.
/// Errors: kDamaged for arrays that do not fit together, a child, feature or output out of range. Cost: one pass over the nodes.
void set_trees(data::Model& model, const Trees& trees);
Result<Trees> trees_of(const data::Model& model, std::int64_t width, std::int64_t outputs);

/// Features in 32 bits, as trees compare them.
std::vector<float> in_32_bits(const double* values, std::int64_t count);

/// Sums the leaves of each row, [rows, outputs] row-major. `values` [rows, width] row-major are compared in 32 bits, as they were fitted;
/// NaN is missing. Sums run in order of the trees. Rows are shared among ATen's threads; bits do not depend on their number.
std::vector<double> sum_leaves(const Trees& trees, const double* values, std::int64_t rows, std::int64_t width, std::int64_t outputs);

}  // namespace headrace::learn::detail
