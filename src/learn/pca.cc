// SPDX-License-Identifier: Apache-2.0
// Principal component analysis: centred features on their directions of largest variance.
#include <algorithm>
#include <cmath>

#include <ATen/ops/mm.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/principal_axes.h"

namespace headrace::learn {
namespace {

// How many axes the options ask for, out of `variances`, largest first.
Result<std::int64_t> count_of(const exec::Context& context, const at::Tensor& variances) {
  const std::int64_t most = variances.size(0);
  const config::Value& components = context.value("components");
  const config::Value& share = context.value("variance_share");
  if (!share.is_null()) {
    const double total = variances.sum().item<double>();
    const double* variance = variances.const_data_ptr<double>();
    double kept = 0;
    for (std::int64_t count = 1; count <= most; ++count) {
      kept += variance[count - 1];
      if (kept >= share.real() * total) return count;
    }
    return most;
  }
  if (components.is_null()) return most;
  if (components.integer() <= most) return components.integer();
  return Error(Code::kBadValue, cat("components is ", components.integer(), ", but the rows and features give ", most, " at most"),
               "ask for fewer components, or leave `components` out to keep all", components.where());
}

class Pca final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const at::Tensor& x = training.frame.x;
    const at::Tensor mean = x.mean(0);
    const detail::PrincipalAxes found = detail::principal_axes(x.sub(mean));
    const double freedom = static_cast<double>(std::max<std::int64_t>(1, x.size(0) - 1));
    const at::Tensor variances = found.values.square().div(freedom);
    HEADRACE_ASSIGN(const std::int64_t count, count_of(context, variances));
    const at::Tensor kept = variances.slice(0, 0, count).contiguous();
    data::Model model;
    model.tensors.set("mean", to_data(mean))
        .set("axes", to_data(found.axes.slice(0, 0, count).contiguous()))
        .set("variance", to_data(kept));
    const double total = variances.sum().item<double>();
    model.meta.set("variance_share", total > 0 ? kept.sum().item<double>() / total : 1.0);
    return model;
  }

  Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor mean, tensor_of(*model, "mean", at::kDouble, {frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor axes, tensor_of(*model, "axes", at::kDouble, {kAnySize, frame.width()}));
    Features features;
    features.matrix = at::mm(frame.x.sub(mean), axes.t());
    if (context.boolean("whiten")) {
      HEADRACE_ASSIGN(const at::Tensor variance, tensor_of(*model, "variance", at::kDouble, {axes.size(0)}));
      // A direction without variance stays at zero instead of becoming noise over noise.
      constexpr double kVarianceMin = 1e-300;
      features.matrix = features.matrix.div(variance.clamp_min(kVarianceMin).sqrt());
    }
    features.names = numbered("pca", axes.size(0));
    return features;
  }
};

HEADRACE_ESTIMATOR(Pca, {.name = "pca",
                         .doc = "Projects centred features on their directions of largest variance. scikit-learn: PCA.",
                         .options = {config::integer("components", config::Value(), "directions to keep; null: all").at_least(1).or_null(),
                                     config::real("variance_share", config::Value(),
                                                  "keep the fewest directions that hold this share of the variance; overrides components")
                                         .above(0)
                                         .at_most(1)
                                         .or_null(),
                                     config::boolean("whiten", false, "divide each direction by its deviation")},
                         .fits = true});

}  // namespace
}  // namespace headrace::learn
