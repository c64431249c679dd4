// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/clamp.h>

#include "headrace/base/text.h"
#include "learn/affine_scaler.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

// x * factor + offset with factor = (high - low) / (max - min): the form scikit-learn uses, so the same bits come out.
class MinMaxScaler final : public NumericTransformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    HEADRACE_ASSIGN(const auto range, feature_range(context));
    const detail::ColumnStatistics statistics = detail::column_statistics(training.frame.x);
    std::vector<double> spread, factor, offset;
    for (std::size_t column = 0; column < statistics.max.size(); ++column)
      spread.push_back(statistics.max[column] - statistics.min[column]);
    detail::keep_finite(spread);
    for (std::size_t column = 0; column < spread.size(); ++column) {
      factor.push_back((range.second - range.first) / spread[column]);
      offset.push_back(range.first - statistics.min[column] * factor[column]);
    }
    data::Model model;
    model.tensors.set("factor", to_data(detail::row_tensor(factor))).set("offset", to_data(detail::row_tensor(offset)));
    return model;
  }

  Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const auto range, feature_range(context));
    HEADRACE_ASSIGN(const at::Tensor factor, tensor_of(*model, "factor", at::kDouble, {frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor offset, tensor_of(*model, "offset", at::kDouble, {frame.width()}));
    at::Tensor x = frame.x;
    x.mul_(factor).add_(offset);
    if (context.boolean("clip")) x.clamp_(range.first, range.second);
    return Features{x, frame.names};
  }

  static Result<std::pair<double, double>> feature_range(const exec::Context& context) {
    const config::Value& option = context.value("feature_range");
    if (option.list().size() == 2 && option.list()[0].real() < option.list()[1].real()) {
      return std::pair(option.list()[0].real(), option.list()[1].real());
    }
    return Error(Code::kBadValue, "feature_range is not two ascending numbers", "write [0, 1]", option.where());
  }
};

HEADRACE_ESTIMATOR(MinMaxScaler, scaler_row("min_max_scaler", "Maps the range of each column onto another one. scikit-learn: MinMaxScaler.",
                                            {config::list("feature_range", config::Type::kRealList, config::List{0.0, 1.0},
                                                          "where smallest and largest value go"),
                                             config::boolean("clip", false, "cut values outside the fitted range to its ends")}));

}  // namespace
}  // namespace headrace::learn
