// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trees that predict the mean of their leaf, one or an averaged forest, grown by XGBoost.

#include <cstdint>
#include <string>

#include "learn/estimator.h"

namespace headrace::learn::detail {

// | name                  | meaning                                                                          |
// | tree_count            | trees to average                                                                 |
// | bootstrap             | each tree sees rows drawn with replacement                                       |
// | sample_share          | rows drawn for a tree, as a share of all                                         |
// | depth_max             | 0: no limit                                                                      |
// | leaf_weight_min       | rows (weights, scaled to mean 1) in a leaf                                       |
// | impurity_decrease_min | a split must lower the impurity of all rows by this much                         |
// | feature_share         | share of the features looked at for a split                                      |
// | project_classes       | more than two classes: a random number a class and tree instead of a tree a class |
// | method                | "exact": every value is a threshold; "hist": up to `bins` of them                |
struct CartOptions {
  std::int64_t tree_count = 1;
  bool bootstrap = false;
  double sample_share = 1.0;
  std::int64_t depth_max = 0;
  std::int64_t leaf_weight_min = 1;
  double impurity_decrease_min = 0.0;
  double feature_share = 1.0;
  bool project_classes = false;
  std::string method = "exact";
  std::int64_t bins = 256;
};

// Options that every tree row has, and their values. `max_features` comes with the default of the row.
std::vector<config::Option> tree_options(config::Value max_features);
CartOptions tree_options_of(const exec::Context& context, std::int64_t width);
// The share of `width` features that "sqrt", "log2", a share (up to 1), a number (above 1) or null ask for.
double feature_share(const config::Value& max_features, std::int64_t width);

// Grows the trees. The model holds them, and scale and offset of the target.
// Threads: context.threads trees at a time; bits do not depend on it. Errors: kCancelled between trees, kTaskFailed from XGBoost.
Result<data::Model> grow_cart(const exec::Context& context, const Training& training, const CartOptions& options);
// Class shares or mean values.
Result<Decision> decide_cart(const data::Model& model, const Frame& frame, bool classifier);

}  // namespace headrace::learn::detail
