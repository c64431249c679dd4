// SPDX-License-Identifier: Apache-2.0
// Truncated singular value decomposition: like PCA, without centring (latent semantic analysis).
#include <ATen/ops/mm.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/principal_axes.h"

namespace headrace::learn {
namespace {

class TruncatedSvd final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::int64_t count = context.integer("components");
    const detail::PrincipalAxes found = detail::principal_axes(training.frame.x);
    if (count > found.values.size(0)) {
      return Error(Code::kBadValue, cat("components is ", count, ", but the rows and features give ", found.values.size(0), " at most"),
                   "ask for fewer components", context.value("components").where());
    }
    data::Model model;
    model.tensors.set("axes", to_data(found.axes.slice(0, 0, count).contiguous()));
    model.tensors.set("singular_values", to_data(found.values.slice(0, 0, count).contiguous()));
    return model;
  }

  Result<Features> map(const exec::Context&, const data::Model* model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor axes, tensor_of(*model, "axes", at::kDouble, {kAnySize, frame.width()}));
    return Features{at::mm(frame.x, axes.t()), numbered("svd", axes.size(0))};
  }
};

HEADRACE_ESTIMATOR(TruncatedSvd, {.name = "truncated_svd",
                                  .doc = "Projects features on the directions of largest singular value, without centring. "
                                         "scikit-learn: TruncatedSVD, exact instead of randomised.",
                                  .options = {config::integer("components", 2, "directions to keep").at_least(1)},
                                  .fits = true});

}  // namespace
}  // namespace headrace::learn
