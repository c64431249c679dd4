// SPDX-License-Identifier: Apache-2.0
#include "learn/column_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "learn/frame.h"

namespace headrace::learn::detail {

ColumnStatistics column_statistics(const at::Tensor& x) {
  const at::Tensor dense = x.contiguous();
  const std::int64_t rows = dense.size(0);
  const auto width = static_cast<std::size_t>(dense.size(1));
  const double* values = dense.const_data_ptr<double>();
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();

  // Two passes: the second is about the mean, so large offsets cost no digits.
  ColumnStatistics out;
  out.count.assign(width, 0);
  out.mean.assign(width, 0);
  out.variance.assign(width, 0);
  out.min.assign(width, kInfinity);
  out.max.assign(width, -kInfinity);
  for (std::int64_t row = 0; row < rows; ++row) {
    const double* begin = values + row * static_cast<std::int64_t>(width);
    for (std::size_t column = 0; column < width; ++column) {
      const double value = begin[column];
      if (std::isnan(value)) continue;
      out.count[column] += 1;
      out.mean[column] += value;
      out.min[column] = std::min(out.min[column], value);
      out.max[column] = std::max(out.max[column], value);
    }
  }
  for (std::size_t column = 0; column < width; ++column) out.mean[column] /= out.count[column];
  std::vector<double> drift(width, 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    const double* begin = values + row * static_cast<std::int64_t>(width);
    for (std::size_t column = 0; column < width; ++column) {
      const double distance = begin[column] - out.mean[column];
      if (std::isnan(distance)) continue;
      drift[column] += distance;
      out.variance[column] += distance * distance;
    }
  }
  for (std::size_t column = 0; column < width; ++column) {
    const double count = out.count[column];
    out.variance[column] = (out.variance[column] - drift[column] * drift[column] / count) / count;
    if (count == 0) out.min[column] = out.max[column] = out.mean[column] = out.variance[column] = kNone;
  }
  return out;
}

std::vector<double> sorted_column(const at::Tensor& x, std::int64_t column) {
  const at::Tensor dense = x.contiguous();
  const double* values = dense.const_data_ptr<double>() + column;
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(dense.size(0)));
  for (std::int64_t row = 0; row < dense.size(0); ++row) {
    const double value = values[row * dense.size(1)];
    if (!std::isnan(value)) out.push_back(value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double rest = place - static_cast<double>(below), low = sorted[below], high = sorted[below + 1];
  // From the nearer side, as numpy: the value at 0.5 does not depend on the direction.
  return rest < 0.5 ? low + (high - low) * rest : high - (high - low) * (1 - rest);
}

void keep_finite(std::vector<double>& scale) {
  constexpr double kTiny = 10 * std::numeric_limits<double>::epsilon();
  for (double& value : scale) {
    if (std::abs(value) < kTiny) value = 1;
  }
}

at::Tensor row_tensor(const std::vector<double>& values) {
  return to_aten(data::Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values));
}

}  // namespace headrace::learn::detail
