// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "learn/estimator.h"

namespace headrace::learn {
namespace {

class Normalizer final : public NumericTransformer {
  Result<Features> map(const exec::Context& context, const data::Model*, const Frame& frame) const override {
    const std::string& norm = context.string("norm");
    at::Tensor x = frame.x;
    double* values = x.mutable_data_ptr<double>();
    for (std::int64_t row = 0; row < frame.rows(); ++row, values += frame.width()) {
      const std::span<double> entries(values, static_cast<std::size_t>(frame.width()));
      double length = 0;
      for (const double value : entries) {
        if (norm == "l1") length += std::abs(value);
        if (norm == "l2") length += value * value;
        if (norm == "max") length = std::max(length, std::abs(value));
      }
      if (norm == "l2") length = std::sqrt(length);
      if (length == 0) continue;
      for (double& value : entries) value /= length;
    }
    return Features{x, frame.names};
  }
};

HEADRACE_ESTIMATOR(Normalizer, {.name = "normalizer",
                                .doc = "Divides each row by its length; rows of zeros stay. scikit-learn: Normalizer.",
                                .options = {config::choice("norm", "l2", {"l1", "l2", "max"}, "what length means"),
                                            columns_option("all numeric columns")},
                                .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
