// SPDX-License-Identifier: Apache-2.0
#pragma once
// Column statistics of a matrix, NaN left out: what scalers and the imputer learn. Sums run in row order. Threads: any.

#include <vector>

#include <ATen/core/Tensor.h>

namespace headrace::learn::detail {

/// One entry a column of `x` [n, d] f64. Columns without a value have count 0 and NaN elsewhere.
struct ColumnStatistics {
  std::vector<double> count;
  std::vector<double> mean;
  std::vector<double> variance;   ///< divided by count
  std::vector<double> min;
  std::vector<double> max;
};
ColumnStatistics column_statistics(const at::Tensor& x);

/// The values of one column without NaN, ascending.
std::vector<double> sorted_column(const at::Tensor& x, std::int64_t column);
/// Linear interpolation between order statistics, `share` in [0, 1], as numpy's default. NaN for no values.
double quantile(const std::vector<double>& sorted, double share);

/// Replaces scales that are zero by 1, so that constant columns stay finite. `tiny` entries count as zero too.
void keep_finite(std::vector<double>& scale);

/// A [d] f64 tensor that owns its values.
at::Tensor row_tensor(const std::vector<double>& values);

}  // namespace headrace::learn::detail
