// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "learn/affine_scaler.h"

namespace headrace::learn {
namespace {

class MaxAbsScaler final : public AffineScaler {
  Result<data::Model> learn(const exec::Context&, const Training& training) const override {
    const detail::ColumnStatistics statistics = detail::column_statistics(training.frame.x);
    std::vector<double> scale;
    for (std::size_t column = 0; column < statistics.max.size(); ++column) {
      scale.push_back(std::max(std::abs(statistics.min[column]), std::abs(statistics.max[column])));
    }
    detail::keep_finite(scale);
    return affine_model({}, scale);
  }
};

HEADRACE_ESTIMATOR(MaxAbsScaler,
                   scaler_row("max_abs_scaler",
                              "Divides each column by its largest absolute value; zeros stay zeros. scikit-learn: MaxAbsScaler.", {}));

}  // namespace
}  // namespace headrace::learn
