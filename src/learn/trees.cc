// SPDX-License-Identifier: Apache-2.0
#include "learn/trees.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/Parallel.h>

#include "headrace/base/text.h"
#include "learn/frame.h"
#include "learn/model_reader.h"

namespace headrace::learn::detail {
namespace {

constexpr std::int64_t kRowsAtOnce = 64;  // rows that pass a tree while its nodes are in the cache

template <class T>
void set(data::Model& model, const char* name, const std::vector<T>& numbers) {
  model.tensors.set(name, data::Tensor::of<T>({static_cast<std::int64_t>(numbers.size())}, numbers));
}

template <class T>
Result<std::vector<T>> read(const data::Model& model, const char* name, at::ScalarType type, std::int64_t count) {
  HEADRACE_ASSIGN(const at::Tensor tensor, tensor_of(model, name, type, {count}));
  const T* values = tensor.const_data_ptr<T>();
  return std::vector<T>(values, values + tensor.numel());
}

bool tree_holds(const Trees& trees, std::size_t tree, std::int64_t width) {
  const std::int64_t begin = trees.start[tree], count = trees.start[tree + 1] - begin;
  if (count < 1) return false;
  for (std::int64_t node = 0; node < count; ++node) {
    const auto place = static_cast<std::size_t>(begin + node);
    const std::int64_t left = trees.left[place];
    if (!std::isfinite(trees.value[place])) return false;
    if (left == 0) {
      if (trees.share_width == 0) continue;
      const std::int64_t leaf = trees.feature[place];
      if (leaf < 0 || (leaf + 1) * trees.share_width > static_cast<std::int64_t>(trees.shares.size())) return false;
      continue;
    }
    if (left <= node || left + 1 >= count) return false;
    if (trees.feature[place] < 0 || trees.feature[place] >= width) return false;
  }
  return true;
}

}  // namespace

void Trees::append(const Trees& more) {
  const std::int64_t base = start.back();
  for (std::size_t i = 1; i < more.start.size(); ++i) start.push_back(base + more.start[i]);
  const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  const auto leaves = static_cast<std::int32_t>(more.share_width > 0 ? shares.size() / static_cast<std::size_t>(more.share_width) : 0);
  const std::size_t first = feature.size();
  join(output, more.output);
  join(left, more.left);
  join(feature, more.feature);
  join(value, more.value);
  join(missing_left, more.missing_left);
  join(shares, more.shares);
  share_width = more.share_width;
  for (std::size_t node = first; share_width > 0 && node < feature.size(); ++node) {
    if (left[node] == 0) feature[node] += leaves;
  }
}

void Trees::number_leaves(std::int64_t width) {
  std::int32_t leaves = 0;
  for (std::size_t node = 0; node < left.size(); ++node) {
    if (left[node] == 0) feature[node] = leaves++;
  }
  share_width = width;
  shares.assign(static_cast<std::size_t>(leaves) * static_cast<std::size_t>(width), 0.0F);
}

bool Trees::goes_left(std::size_t node, const float* row) const {
  const float number = row[feature[node]];
  return std::isnan(number) ? missing_left[node] != 0 : number < value[node];
}

std::size_t Trees::leaf_of(std::size_t tree, const float* row) const {
  const auto begin = static_cast<std::size_t>(start[tree]);
  std::size_t node = begin;
  while (left[node] != 0) node = begin + static_cast<std::size_t>(left[node]) + (goes_left(node, row) ? 0 : 1);
  return node;
}

void Trees::centre_thresholds(std::size_t tree, std::span<const float> values, std::int64_t width, const double* weights) {
  const auto begin = static_cast<std::size_t>(start[tree]), count = static_cast<std::size_t>(start[tree + 1]) - begin;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> below(count, -kInfinity), above(count, kInfinity);
  for (std::size_t i = 0; i * static_cast<std::size_t>(width) < values.size(); ++i) {
    if (weights != nullptr && weights[i] == 0.0) continue;
    const float* row = values.data() + i * static_cast<std::size_t>(width);
    for (std::size_t node = begin; left[node] != 0;) {
      const bool goes = goes_left(node, row);
      const float number = row[feature[node]];
      if (!std::isnan(number) && goes) below[node - begin] = std::max(below[node - begin], number);
      if (!std::isnan(number) && !goes) above[node - begin] = std::min(above[node - begin], number);
      node = begin + static_cast<std::size_t>(left[node]) + (goes ? 0 : 1);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    // Where only missing values are on one side there is no middle.
    if (left[begin + i] == 0 || below[i] == -kInfinity || above[i] == kInfinity) continue;
    // CART goes left up to and with the middle: here, below the first float after it.
    const double middle = static_cast<double>(below[i]) / 2.0 + static_cast<double>(above[i]) / 2.0;
    float first = static_cast<float>(middle);
    if (static_cast<double>(first) <= middle) first = std::nextafter(first, kInfinity);
    value[begin + i] = std::min(first, above[i]);
  }
}

void set_trees(data::Model& model, const Trees& trees) {
  set(model, "tree_start", trees.start);
  set(model, "tree_output", trees.output);
  set(model, "tree_left", trees.left);
  set(model, "tree_feature", trees.feature);
  set(model, "tree_value", trees.value);
  set(model, "tree_missing_left", trees.missing_left);
  if (trees.share_width == 0) return;
  const std::int64_t leaves = static_cast<std::int64_t>(trees.shares.size()) / trees.share_width;
  model.tensors.set("tree_shares", data::Tensor::of<float>({leaves, trees.share_width}, trees.shares));
}

Result<Trees> trees_of(const data::Model& model, std::int64_t width, std::int64_t outputs) {
  Trees trees;
  HEADRACE_ASSIGN(trees.start, read<std::int64_t>(model, "tree_start", at::kLong, kAnySize));
  HEADRACE_ASSIGN(trees.output, read<std::int32_t>(model, "tree_output", at::kInt, static_cast<std::int64_t>(trees.start.size()) - 1));
  HEADRACE_ASSIGN(trees.left, read<std::int32_t>(model, "tree_left", at::kInt, kAnySize));
  const auto nodes = static_cast<std::int64_t>(trees.left.size());
  HEADRACE_ASSIGN(trees.feature, read<std::int32_t>(model, "tree_feature", at::kInt, nodes));
  HEADRACE_ASSIGN(trees.value, read<float>(model, "tree_value", at::kFloat, nodes));
  HEADRACE_ASSIGN(trees.missing_left, read<std::uint8_t>(model, "tree_missing_left", at::kByte, nodes));
  if (model.tensors.find("tree_shares") != nullptr) {
    HEADRACE_ASSIGN(const at::Tensor shares, tensor_of(model, "tree_shares", at::kFloat, {kAnySize, outputs}));
    trees.shares.assign(shares.const_data_ptr<float>(), shares.const_data_ptr<float>() + shares.numel());
    trees.share_width = outputs;
  }
  bool holds = !trees.start.empty() && trees.start.front() == 0 && trees.start.back() == nodes &&
               std::is_sorted(trees.start.begin(), trees.start.end());
  for (const std::int32_t output : trees.output) holds = holds && output >= 0 && output < outputs;
  for (const float share : trees.shares) holds = holds && std::isfinite(share);
  for (std::size_t tree = 0; holds && tree < trees.output.size(); ++tree) holds = tree_holds(trees, tree, width);
  if (!holds) return Error(Code::kDamaged, cat("a model of ", model.op, " holds trees that lead nowhere"), "fit the model again");
  return trees;
}

std::vector<float> in_32_bits(const double* values, std::int64_t count) {
  std::vector<float> out(static_cast<std::size_t>(count));
  std::transform(values, values + count, out.begin(), [](double value) { return static_cast<float>(value); });
  return out;
}

std::vector<double> sum_leaves(const Trees& trees, const double* values, std::int64_t rows, std::int64_t width, std::int64_t outputs) {
  std::vector<double> sums(static_cast<std::size_t>(rows * outputs), 0.0);
  const std::int64_t blocks = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
  at::parallel_for(0, blocks, 1, [&](std::int64_t from, std::int64_t to) {
    std::vector<float> block(static_cast<std::size_t>(kRowsAtOnce * width));
    for (std::int64_t first = from * kRowsAtOnce; first < std::min(rows, to * kRowsAtOnce); first += kRowsAtOnce) {
      const std::int64_t count = std::min(kRowsAtOnce, rows - first);
      std::transform(values + first * width, values + (first + count) * width, block.begin(),
                     [](double value) { return static_cast<float>(value); });
      for (std::size_t tree = 0; tree < trees.output.size(); ++tree) {
        for (std::int64_t row = 0; row < count; ++row) {
          const std::size_t leaf = trees.leaf_of(tree, block.data() + row * width);
          double* sum = sums.data() + (first + row) * outputs;
          if (trees.share_width == 0) {
            sum[trees.output[tree]] += static_cast<double>(trees.value[leaf]);
            continue;
          }
          const float* share = trees.shares.data() + trees.feature[leaf] * trees.share_width;
          for (std::int64_t c = 0; c < trees.share_width; ++c) sum[c] += static_cast<double>(share[c]);
        }
      }
    }
  });
  return sums;
}

}  // namespace headrace::learn::detail
