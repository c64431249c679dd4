// SPDX-License-Identifier: Apache-2.0
#include "learn/cart.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/booster.h"
#include "learn/cart_targets.h"
#include "learn/model_reader.h"
#include "learn/trees.h"

namespace headrace::learn::detail {

// How a boosting library grows CART's trees. With the loss w (f - y)^2 / 2 at f = 0 the gradient of a row is -w y and the curvature w.
// Without a penalty XGBoost then puts sum(w y) / sum(w), the mean, into a leaf, and its gain for a split is the weighted sum of squared
// errors saved. For values that is CART's squared error. For two classes, y = 1 for the second, it is half the Gini decrease: the same
// splits as CART.
//
// For K > 2 classes CART has one tree whose splits serve all classes, and XGBoost 1.7 has none with a vector in its leaves. A single tree
// becomes K, class against rest, and their shares are scaled to sum to 1. A forest draws a normal number for each class and each tree,
// and grows that tree on these numbers: the expected variance they lose in a split is the Gini decrease, so the forest sees CART's
// criterion on average; leaves then get the class shares of their rows. Source: Joly, Geurts, Wehenkel, ECML 2014, section 3.
//
// A bootstrap multiplies w by how often a row was drawn. Averaging over a forest is done by a step size of 1 / trees. XGBoost's
// thresholds are rounded middles, or edges of bins; they are moved to the middle between the rows on both sides afterwards.
namespace {

constexpr std::int64_t kGroups = 8;         // a forest is grown in this many boosters, so that they can run side by side
constexpr std::int64_t kDepthUnlimited = 4000;

BoosterOptions booster_options(const CartOptions& options, const CartTargets& targets, std::uint64_t seed) {
  // Weights count, not rows: with leaf_weight_min 1 the lightest row may still have a leaf of its own.
  const double weight_min = options.leaf_weight_min == 1 ? std::min(1.0, targets.weight_least) * 0.999
                                                         : static_cast<double>(options.leaf_weight_min) - 0.001;
  // XGBoost counts the squared error saved over all rows, in scaled units.
  const double gain_min = options.impurity_decrease_min * targets.impurity_factor * static_cast<double>(targets.rows()) /
                          (targets.scale * targets.scale);
  const bool exact = options.method == "exact";
  BoosterOptions all = {{"tree_method", options.method},
                        {"learning_rate", number_text(1.0 / static_cast<double>(options.tree_count))},
                        {"reg_lambda", "0"},
                        {"reg_alpha", "0"},
                        {"max_delta_step", "0"},
                        {"min_child_weight", number_text(weight_min)},
                        {"gamma", number_text(gain_min)},
                        {"colsample_bynode", number_text(options.feature_share)},
                        {"max_depth", cat(options.depth_max == 0 && exact ? kDepthUnlimited : options.depth_max)},
                        {"seed", cat(seed & 0x7fffffffU)}};
  if (!exact) all.emplace_back("max_bin", cat(options.bins));
  return all;
}

// Grows trees [from, to) in one booster.
class Group {
 public:
  Group(const exec::Context& context, const CartOptions& options, const CartTargets& targets, std::span<const float> values,
        std::function<void()> on_tree)
      : context_(context), options_(options), targets_(targets), values_(values), on_tree_(std::move(on_tree)) {}

  Result<Trees> grow(const BoosterMatrix& matrix, std::int64_t from, std::int64_t to, int threads) {
    const std::uint64_t seed = derive_seed(context_.seed, cat("features of trees from ", from));
    HEADRACE_ASSIGN(Booster booster, Booster::make(matrix, targets_.outputs, threads, booster_options(options_, targets_, seed)));
    const std::size_t entries = targets_.rows() * static_cast<std::size_t>(targets_.outputs);
    std::vector<float> gradients(entries), curvatures(entries);
    for (std::int64_t tree = from; tree < to; ++tree) {
      HEADRACE_TRY(context_.check_stop());
      fill(gradients, curvatures, draw(tree));
      HEADRACE_TRY(booster.grow(matrix, gradients, curvatures));
      on_tree_();
    }
    HEADRACE_ASSIGN(Trees trees, booster.trees());
    finish(trees, from);
    return trees;
  }

 private:
  TreeDraw draw(std::int64_t tree) const { return draw_for_tree(context_, targets_, tree, options_.bootstrap, options_.sample_share); }

  void fill(std::vector<float>& gradients, std::vector<float>& curvatures, const TreeDraw& draw) const {
    const auto outputs = static_cast<std::size_t>(targets_.outputs);
    const bool projected = targets_.coding == CartCoding::kProjected;
    for (std::size_t i = 0; i < draw.weights.size(); ++i) {
      for (std::size_t c = i * outputs; c < (i + 1) * outputs; ++c) {
        const double value = projected ? draw.class_values[static_cast<std::size_t>(targets_.codes[i])] : targets_.values[c];
        gradients[c] = static_cast<float>(-draw.weights[i] * value);
        curvatures[c] = static_cast<float>(draw.weights[i]);
      }
    }
    quantize(gradients);
    quantize(curvatures);
  }

  // What XGBoost leaves to do: thresholds in the middle, and class shares of projected classes.
  void finish(Trees& trees, std::int64_t from) const {
    const auto width = static_cast<std::int64_t>(values_.size() / targets_.rows());
    const bool projected = targets_.coding == CartCoding::kProjected;
    if (projected) trees.number_leaves(targets_.class_count);
    std::vector<double> counts(trees.shares.size(), 0.0);
    for (std::size_t tree = 0; tree < trees.output.size(); ++tree) {
      const TreeDraw drawn = draw(from + static_cast<std::int64_t>(tree) / targets_.outputs);
      trees.centre_thresholds(tree, values_, width, drawn.weights.data());
      for (std::size_t i = 0; projected && i < targets_.rows(); ++i) {
        if (drawn.weights[i] == 0.0) continue;
        const std::size_t leaf = trees.leaf_of(tree, values_.data() + i * static_cast<std::size_t>(width));
        const std::int64_t row = trees.feature[leaf];
        counts[static_cast<std::size_t>(row * targets_.class_count + targets_.codes[i])] += drawn.weights[i];
      }
    }
    if (projected) set_shares(counts, trees);
  }

  // Shares of the classes in each leaf, divided by the trees of the forest.
  void set_shares(const std::vector<double>& counts, Trees& trees) const {
    const auto class_count = static_cast<std::size_t>(targets_.class_count);
    for (std::size_t first = 0; first < counts.size(); first += class_count) {
      double sum = 0.0;
      for (std::size_t c = first; c < first + class_count; ++c) sum += counts[c];
      for (std::size_t c = first; c < first + class_count; ++c) {
        const double share = sum > 0.0 ? counts[c] / sum : 1.0 / static_cast<double>(class_count);
        trees.shares[c] = static_cast<float>(share / static_cast<double>(options_.tree_count));
      }
    }
  }

  const exec::Context& context_;
  const CartOptions& options_;
  const CartTargets& targets_;
  std::span<const float> values_;   // [rows, width]
  std::function<void()> on_tree_;
};

}  // namespace

std::vector<config::Option> tree_options(config::Value max_features) {
  return {
      config::integer("max_depth", config::Value(), "levels of a tree; null: until leaves are pure").at_least(1).at_most(4000).or_null(),
      config::integer("min_samples_leaf", 1, "rows a leaf must hold; rows with weights count by weight").at_least(1).in("rows"),
      config::real("min_impurity_decrease", 0.0, "a split must lower the impurity of all rows by this much").at_least(0),
      config::real("max_features", std::move(max_features),
                   "features looked at for a split: up to 1 a share, above 1 a number, null all of them. Drawn anew for each level of a "
                   "tree (method exact) or each node (hist)")
          .above(0)
          .or_word("sqrt")
          .or_word("log2")
          .or_null(),
      config::choice("method", "exact", {"exact", "hist"}, "thresholds: between any two values, or at the edges of `max_bin` bins"),
      config::integer("max_bin", 256, "bins a feature is cut into by method hist").at_least(2).at_most(65536)};
}

CartOptions tree_options_of(const exec::Context& context, std::int64_t width) {
  CartOptions options;
  const config::Value& depth = context.value("max_depth");
  options.depth_max = depth.is_null() ? 0 : depth.integer();
  options.leaf_weight_min = context.integer("min_samples_leaf");
  options.impurity_decrease_min = context.real("min_impurity_decrease");
  options.feature_share = feature_share(context.value("max_features"), width);
  options.method = context.string("method");
  options.bins = context.integer("max_bin");
  return options;
}

double feature_share(const config::Value& max_features, std::int64_t width) {
  if (max_features.is_null()) return 1.0;
  const double all = static_cast<double>(width);
  double count = 0.0;
  if (max_features.is_string()) {
    count = max_features.string() == "sqrt" ? std::sqrt(all) : std::log2(all);
  } else {
    count = max_features.real() <= 1.0 ? max_features.real() * all : max_features.real();
  }
  count = std::clamp(std::floor(count), 1.0, all);
  return count == all ? 1.0 : (count + 0.5) / all;  // XGBoost rounds share * width down
}

Result<data::Model> grow_cart(const exec::Context& context, const Training& training, const CartOptions& options) {
  const CartTargets targets = cart_targets(training, options.project_classes);
  const std::int64_t groups = std::min(kGroups, options.tree_count);
  std::vector<Trees> grown(static_cast<std::size_t>(groups));
  std::vector<Status> statuses(static_cast<std::size_t>(groups));
  std::mutex progress;
  std::int64_t done = 0;
  const auto on_tree = [&] {
    const std::lock_guard lock(progress);
    ++done;
    if (context.progress) context.progress(static_cast<double>(done) / static_cast<double>(options.tree_count));
  };

  // One group: XGBoost may use the threads. Several: each grows on one thread, side by side.
  const at::Tensor& x = training.frame.x;
  const std::vector<float> values = in_32_bits(x.const_data_ptr<double>(), x.numel());
  const auto grow_groups = [&](std::int64_t from, std::int64_t to, int threads) -> Status {
    HEADRACE_ASSIGN(const BoosterMatrix matrix, BoosterMatrix::make(x.const_data_ptr<double>(), x.size(0), x.size(1), threads));
    for (std::int64_t group = from; group < to; ++group) {
      const std::int64_t first = group * options.tree_count / groups, last = (group + 1) * options.tree_count / groups;
      HEADRACE_ASSIGN(grown[static_cast<std::size_t>(group)],
                      Group(context, options, targets, values, on_tree).grow(matrix, first, last, threads));
    }
    return {};
  };
  if (groups == 1 || context.threads == 1) {
    HEADRACE_TRY(grow_groups(0, groups, context.threads));
  } else {
    at::parallel_for(0, groups, 1, [&](std::int64_t from, std::int64_t to) {
      statuses[static_cast<std::size_t>(from)] = grow_groups(from, to, 1);
    });
    for (const Status& status : statuses) HEADRACE_TRY(status);
  }

  Trees trees;
  for (const Trees& group : grown) trees.append(group);
  data::Model model;
  set_trees(model, trees);
  model.meta.set("offset", targets.offset);
  model.meta.set("scale", trees.share_width > 0 ? 1.0 : targets.scale);
  return model;
}

Result<Decision> decide_cart(const data::Model& model, const Frame& frame, bool classifier) {
  std::int64_t class_count = 2;
  if (classifier) {
    HEADRACE_ASSIGN(class_count, class_count_of(model));
  }
  const std::int64_t outputs = class_count == 2 ? 1 : class_count, rows = frame.rows();
  HEADRACE_ASSIGN(const double offset, number_of(model, "offset"));
  HEADRACE_ASSIGN(const double scale, number_of(model, "scale"));
  HEADRACE_ASSIGN(const Trees trees, trees_of(model, frame.width(), outputs));
  const std::vector<double> sums = sum_leaves(trees, frame.x.const_data_ptr<double>(), rows, frame.width(), outputs);

  Decision decision;
  if (!classifier) {
    decision.values = at::empty({rows}, at::kDouble);
    for (std::int64_t i = 0; i < rows; ++i)
      decision.values.mutable_data_ptr<double>()[i] = offset + scale * sums[static_cast<std::size_t>(i)];
    return decision;
  }
  decision.probabilities = at::empty({rows, class_count}, at::kDouble);
  double* out = decision.probabilities.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < rows; ++i, out += class_count) {
    const double* shares = sums.data() + i * outputs;
    if (outputs == 1) {
      out[1] = std::clamp(scale * shares[0], 0.0, 1.0);
      out[0] = 1.0 - out[1];
      continue;
    }
    double sum = 0.0;
    for (std::int64_t c = 0; c < class_count; ++c) sum += out[c] = std::max(0.0, scale * shares[c]);
    for (std::int64_t c = 0; c < class_count; ++c) out[c] = sum > 0.0 ? out[c] / sum : 1.0 / static_cast<double>(class_count);
  }
  decision.codes = largest(decision.probabilities);
  return decision;
}

}  // namespace headrace::learn::detail
