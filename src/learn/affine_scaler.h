// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the scalers share: a model of "center" and "scale", one entry a column, and x -> (x - center) / scale.

#include "learn/column_statistics.h"
#include "learn/estimator.h"

namespace headrace::learn {

class AffineScaler : public NumericTransformer {
 protected:
  /// Both [d]; either may be empty (no shift, no scaling).
  static data::Model affine_model(const std::vector<double>& center, const std::vector<double>& scale);
  Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const override;
};

/// The row of a scaler: NaN passes through, other columns too.
graph::OperatorSpec scaler_row(std::string name, std::string doc, std::vector<config::Option> options);

}  // namespace headrace::learn
