// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/special_ndtri.h>

#include "learn/affine_scaler.h"

namespace headrace::learn {
namespace {

// The value a standard normal variable stays below with probability `share`.
double normal_quantile(double share) { return at::special_ndtri(detail::row_tensor({share})).item<double>(); }

class RobustScaler final : public AffineScaler {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const config::List& range = context.value("quantile_range").list();
    const double low = range.size() == 2 ? range[0].real() / 100 : -1, high = range.size() == 2 ? range[1].real() / 100 : -1;
    if (!(0 <= low && low <= high && high <= 1)) {
      return Error(Code::kBadValue, "quantile_range is not two ascending percentages", "write [25, 75]",
                   context.value("quantile_range").where());
    }
    std::vector<double> center, scale;
    for (std::int64_t column = 0; column < training.frame.width(); ++column) {
      const std::vector<double> sorted = detail::sorted_column(training.frame.x, column);
      center.push_back(detail::quantile(sorted, 0.5));
      scale.push_back(detail::quantile(sorted, high) - detail::quantile(sorted, low));
    }
    detail::keep_finite(scale);
    if (context.boolean("unit_variance")) {
      const double normal = normal_quantile(high) - normal_quantile(low);
      for (double& value : scale) value /= normal;
    }
    return affine_model(context.boolean("with_centering") ? center : std::vector<double>(),
                        context.boolean("with_scaling") ? scale : std::vector<double>());
  }
};

HEADRACE_ESTIMATOR(
    RobustScaler,
    scaler_row("robust_scaler",
               "Takes off the median of each column and divides by the distance of two quantiles. scikit-learn: RobustScaler.",
               {config::boolean("with_centering", true, "take off the median"),
                config::boolean("with_scaling", true, "divide by the quantile distance"),
                config::list("quantile_range", config::Type::kRealList, config::List{25.0, 75.0}, "the two quantiles").in("percent"),
                config::boolean("unit_variance", false, "scale so that a normal column gets variance 1")}));

}  // namespace
}  // namespace headrace::learn
