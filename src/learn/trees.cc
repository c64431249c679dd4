// SPDX-License-Identifier: Apache-2.0
#include "learn/trees.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "headrace/base/text.h"
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
    if (left == 0) continue;
    if (left <= node || left + 1 >= count) return false;
    if (trees.feature[place] < 0 || trees.feature[place] >= width) return false;
  }
  return true;
}

float leaf_of(const Trees& trees, std::int64_t begin, const float* row) {
  std::int64_t node = begin;
  while (trees.left[static_cast<std::size_t>(node)] != 0) {
    const auto place = static_cast<std::size_t>(node);
    const float value = row[trees.feature[place]];
    const bool goes_left = std::isnan(value) ? trees.missing_left[place] != 0 : value < trees.value[place];
    node = begin + trees.left[place] + (goes_left ? 0 : 1);
  }
  return trees.value[static_cast<std::size_t>(node)];
}

}  // namespace

void Trees::append(const Trees& more) {
  const std::int64_t base = start.back();
  for (std::size_t i = 1; i < more.start.size(); ++i) start.push_back(base + more.start[i]);
  const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  join(output, more.output);
  join(left, more.left);
  join(feature, more.feature);
  join(value, more.value);
  join(missing_left, more.missing_left);
}

void set_trees(data::Model& model, const Trees& trees) {
  set(model, "tree_start", trees.start);
  set(model, "tree_output", trees.output);
  set(model, "tree_left", trees.left);
  set(model, "tree_feature", trees.feature);
  set(model, "tree_value", trees.value);
  set(model, "tree_missing_left", trees.missing_left);
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
  bool holds = !trees.start.empty() && trees.start.front() == 0 && trees.start.back() == nodes &&
               std::is_sorted(trees.start.begin(), trees.start.end());
  for (const std::int32_t output : trees.output) holds = holds && output >= 0 && output < outputs;
  for (std::size_t tree = 0; holds && tree < trees.output.size(); ++tree) holds = tree_holds(trees, tree, width);
  if (!holds) return Error(Code::kDamaged, cat("a model of ", model.op, " holds trees that lead nowhere"), "fit the model again");
  return trees;
}

std::vector<double> sum_leaves(const Trees& trees, const double* values, std::int64_t rows, std::int64_t width, std::int64_t outputs) {
  std::vector<double> sums(static_cast<std::size_t>(rows * outputs), 0.0);
  const std::int64_t blocks = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
  at::parallel_for(0, blocks, 1, [&](std::int64_t from, std::int64_t to) {
    std::vector<float> block(static_cast<std::size_t>(kRowsAtOnce * width));
    for (std::int64_t first = from * kRowsAtOnce; first < std::min(rows, to * kRowsAtOnce); first += kRowsAtOnce) {
      const std::int64_t count = std::min(kRowsAtOnce, rows - first);
      std::transform(values + first * width, values + (first + count) * width, block.begin(), [](double value) { return static_cast<float>(value); });
      for (std::size_t tree = 0; tree < trees.output.size(); ++tree) {
        double* sum = sums.data() + first * outputs + trees.output[tree];
        for (std::int64_t row = 0; row < count; ++row) {
          sum[row * outputs] += static_cast<double>(leaf_of(trees, trees.start[tree], block.data() + row * width));
        }
      }
    }
  });
  return sums;
}

}  // namespace headrace::learn::detail
