// SPDX-License-Identifier: Apache-2.0
#include "learn/principal_axes.h"

#include <cmath>
#include <tuple>

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/mm.h>

namespace headrace::learn::detail {
namespace {

void fix_signs(at::Tensor& axes) {
  const std::int64_t width = axes.size(1);
  double* row = axes.mutable_data_ptr<double>();
  for (std::int64_t axis = 0; axis < axes.size(0); ++axis, row += width) {
    std::int64_t largest = 0;
    for (std::int64_t column = 1; column < width; ++column) {
      if (std::abs(row[column]) > std::abs(row[largest])) largest = column;
    }
    if (row[largest] >= 0) continue;
    for (std::int64_t column = 0; column < width; ++column) row[column] = -row[column];
  }
}

}  // namespace

PrincipalAxes principal_axes(const at::Tensor& x) {
  PrincipalAxes found;
  if (x.size(0) >= x.size(1)) {
    const auto [squares, vectors] = at::linalg_eigh(at::mm(x.t(), x));   // ascending
    found.axes = vectors.t().flip(0).contiguous();
    found.values = squares.flip(0).clamp_min(0.0).sqrt();
  } else {
    const auto [left, values, right] = at::linalg_svd(x, /*full_matrices=*/false);
    found.axes = right.contiguous();
    found.values = values;
  }
  fix_signs(found.axes);
  return found;
}

}  // namespace headrace::learn::detail
