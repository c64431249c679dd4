// SPDX-License-Identifier: Apache-2.0
#include "learn/cart_targets.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "headrace/base/random.h"

namespace headrace::learn::detail {
namespace {

constexpr double kScale = 1024.0;

void set_weights(const Training& training, CartTargets& targets) {
  const auto rows = static_cast<std::size_t>(training.frame.rows());
  targets.weights.assign(rows, 1.0);
  if (!training.weights.defined()) return;
  const double* given = training.weights.const_data_ptr<double>();
  const double mean = std::accumulate(given, given + rows, 0.0) / static_cast<double>(rows);
  targets.weight_least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < rows; ++i) {
    targets.weights[i] = given[i] / mean;
    if (targets.weights[i] > 0.0) targets.weight_least = std::min(targets.weight_least, targets.weights[i]);
  }
}

void set_classes(const Labels& labels, bool project, CartTargets& targets) {
  const std::int64_t* codes = labels.codes.const_data_ptr<std::int64_t>();
  const std::size_t rows = targets.rows();
  targets.class_count = static_cast<std::int64_t>(labels.classes.size());
  targets.scale = 1.0 / kScale;
  if (targets.class_count == 2) {
    targets.coding = CartCoding::kSecondClass;
    targets.impurity_factor = 0.5;
    for (std::size_t i = 0; i < rows; ++i) targets.values.push_back(codes[i] == 1 ? kScale : 0.0);
    return;
  }
  if (project) {
    targets.coding = CartCoding::kProjected;
    targets.codes.assign(codes, codes + rows);
    return;
  }
  targets.coding = CartCoding::kEachClass;
  targets.outputs = targets.class_count;
  targets.values.assign(rows * static_cast<std::size_t>(targets.outputs), 0.0);
  for (std::size_t i = 0; i < rows; ++i)
    targets.values[i * static_cast<std::size_t>(targets.outputs) + static_cast<std::size_t>(codes[i])] = kScale;
}

void set_values(const at::Tensor& given, CartTargets& targets) {
  const double* values = given.const_data_ptr<double>();
  const std::size_t rows = targets.rows();
  targets.offset = std::accumulate(values, values + rows, 0.0) / static_cast<double>(rows);
  double largest = 0.0;
  for (std::size_t i = 0; i < rows; ++i) largest = std::max(largest, std::abs(values[i] - targets.offset));
  int exponent = 0;
  if (largest > 0.0) std::frexp(largest, &exponent);
  targets.scale = std::ldexp(1.0 / kScale, exponent);
  for (std::size_t i = 0; i < rows; ++i) targets.values.push_back((values[i] - targets.offset) / targets.scale);
}

}  // namespace

CartTargets cart_targets(const Training& training, bool project) {
  CartTargets targets;
  set_weights(training, targets);
  if (training.labels.codes.defined()) {
    set_classes(training.labels, project, targets);
  } else {
    set_values(training.targets, targets);
  }
  return targets;
}

TreeDraw draw_for_tree(const exec::Context& context, const CartTargets& targets, std::int64_t tree, bool bootstrap, double sample_share) {
  TreeDraw draw;
  Random random = context.random(static_cast<std::uint64_t>(tree) + 1);
  if (targets.coding == CartCoding::kProjected) {
    for (std::int64_t c = 0; c < targets.class_count; ++c) draw.class_values.push_back(kScale * random.normal());
  }
  if (!bootstrap) {
    draw.weights = targets.weights;
    return draw;
  }
  const std::size_t rows = targets.rows();
  draw.weights.assign(rows, 0.0);
  const auto draws = std::max<std::int64_t>(1, std::llround(sample_share * static_cast<double>(rows)));
  for (std::int64_t i = 0; i < draws; ++i) draw.weights[random.below(rows)] += 1.0;
  for (std::size_t i = 0; i < rows; ++i) draw.weights[i] *= targets.weights[i];
  return draw;
}

}  // namespace headrace::learn::detail
