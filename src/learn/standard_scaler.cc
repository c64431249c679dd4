// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "learn/affine_scaler.h"

namespace headrace::learn {
namespace {

class StandardScaler final : public AffineScaler {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const detail::ColumnStatistics statistics = detail::column_statistics(training.frame.x);
    std::vector<double> scale;
    for (std::size_t column = 0; context.boolean("with_std") && column < statistics.mean.size(); ++column) {
      // A variance within the rounding error of the two passes is that of a constant. Source: Chan, Golub, LeVeque 1983.
      const double mean = statistics.mean[column], variance = statistics.variance[column], count = statistics.count[column];
      constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
      const double noise = count * kEpsilon * variance + std::pow(count * mean * kEpsilon, 2);
      scale.push_back(variance <= noise ? 1.0 : std::sqrt(variance));
    }
    return affine_model(context.boolean("with_mean") ? statistics.mean : std::vector<double>(), scale);
  }
};

HEADRACE_ESTIMATOR(StandardScaler,
                   scaler_row("standard_scaler",
                              "Takes off the mean of each column and divides by its deviation. scikit-learn: StandardScaler.",
                              {config::boolean("with_mean", true, "take off the mean"),
                               config::boolean("with_std", true, "divide by the standard deviation")}));

}  // namespace
}  // namespace headrace::learn
