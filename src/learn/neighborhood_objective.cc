// SPDX-License-Identifier: Apache-2.0
#include "learn/neighborhood_objective.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

namespace headrace::learn::detail {

// With q_ij = p_ij where i and j share a class and 0 elsewhere, p_i = sum_j q_ij and W = q - p_i p, the derivative of sum_i p_i by L is
//   2 L X' (W + W' - diag(column sums of W)) X,
// as the rows of W sum to 0. It is summed over blocks of rows of W, so that no n x n matrix is kept.
namespace {

constexpr std::int64_t kBlockEntries = 2 << 20;

at::Tensor view_of(std::span<const double> values, std::int64_t rows, std::int64_t columns) {
  return at::from_blob(const_cast<double*>(values.data()), {rows, columns}, at::kDouble);
}

}  // namespace

NeighborhoodObjective::NeighborhoodObjective(at::Tensor rows, at::Tensor codes) : rows_(std::move(rows)), codes_(std::move(codes)) {}

double NeighborhoodObjective::evaluate(std::span<const double> map, std::span<double> gradient) const {
  const std::int64_t count = rows_.size(0), width = rows_.size(1), components = static_cast<std::int64_t>(map.size()) / width;
  const at::Tensor mapped = rows_.mm(view_of(map, components, width).t());
  const at::Tensor norms = mapped.mul(mapped).sum(1);
  at::Tensor slope = at::zeros({components, width}, at::kDouble), column_sums = at::zeros({count}, at::kDouble);
  double right = 0.0;
  const std::int64_t block = std::clamp<std::int64_t>(kBlockEntries / count, 1, count);
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t end = std::min(begin + block, count);
    const at::Tensor from = mapped.slice(0, begin, end);
    // p: softmax of -|a - b|^2 = 2 a.b - |b|^2 - |a|^2; what depends on the row alone drops out, and a row never picks itself.
    at::Tensor closeness = at::addmm(norms, from, mapped.t(), -1.0, 2.0);
    double* entries = closeness.mutable_data_ptr<double>();
    for (std::int64_t i = begin; i < end; ++i) entries[(i - begin) * count + i] = -std::numeric_limits<double>::infinity();
    const at::Tensor picks = at::softmax(closeness, 1);
    at::Tensor weights = picks.mul(codes_.slice(0, begin, end).unsqueeze(1).eq(codes_));
    const at::Tensor shares = weights.sum(1, /*keepdim=*/true);
    right += shares.sum().item<double>();
    weights.addcmul_(picks, shares, -1.0);
    slope.addmm_(from.t(), weights.mm(rows_));
    slope.addmm_(weights.mm(mapped).t(), rows_.slice(0, begin, end));
    column_sums.add_(weights.sum(0));
  }
  slope.addmm_(mapped.mul(column_sums.unsqueeze(1)).t(), rows_, 1.0, -1.0);
  view_of(gradient, components, width).copy_(slope.mul_(-2.0));
  return -right;
}

}  // namespace headrace::learn::detail
