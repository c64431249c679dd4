// SPDX-License-Identifier: Apache-2.0
#pragma once
// What trees are grown on: the target as numbers, weights of rows, and the random draws of each tree of a forest.

#include <cstdint>
#include <vector>

#include "headrace/exec/operator.h"
#include "learn/estimator.h"

namespace headrace::learn::detail {

/// How classes become numbers: kValues none (a regression); kSecondClass 1 for the second of two; kEachClass an indicator a class;
/// kProjected one random number a class, drawn anew for each tree.
enum class CartCoding { kValues, kSecondClass, kEachClass, kProjected };

/// Centred and scaled to about 2^10: XGBoost skips splits that gain less than 1e-6, whatever the unit of the target.
struct CartTargets {
  CartCoding coding = CartCoding::kValues;
  std::int64_t outputs = 1;              ///< trees a round
  std::int64_t class_count = 0;
  std::vector<double> values;            ///< [rows, outputs]; empty for kProjected
  std::vector<std::int64_t> codes;       ///< [rows] class codes; for kProjected
  std::vector<double> weights;           ///< [rows], mean 1
  double weight_least = 1.0;             ///< smallest weight above 0
  double offset = 0.0, scale = 1.0;      ///< target = offset + scale * value
  double impurity_factor = 1.0;          ///< squared error as a multiple of the impurity that people name

  std::size_t rows() const { return weights.size(); }
};

/// `project`: more than two classes are projected instead of having a tree each.
CartTargets cart_targets(const Training& training, bool project);

/// The draws of one tree: rows with replacement (`sample_share` of them), times the weights; and the number of each class.
struct TreeDraw {
  std::vector<double> weights;       ///< [rows]
  std::vector<double> class_values;  ///< [classes] for kProjected
};
TreeDraw draw_for_tree(const exec::Context& context, const CartTargets& targets, std::int64_t tree, bool bootstrap, double sample_share);

}  // namespace headrace::learn::detail
