// SPDX-License-Identifier: Apache-2.0
// RBF sampler: cosines of random projections, whose products approximate exp(-gamma |x - y|^2). Source: Rahimi and Recht, "Random
// features for large-scale kernel machines", NIPS 2007.
#include <cmath>
#include <numbers>

#include <ATen/ops/addmm.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/var.h>

#include "learn/estimator.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

// A number, or "scale": 1 / (width * variance of all entries).
double gamma_of(const exec::Context& context, const at::Tensor& x) {
  const config::Value& option = context.value("gamma");
  if (option.is_number()) return option.real();
  const double variance = at::var(x, /*unbiased=*/false).item<double>();
  return variance > 0 ? 1.0 / (static_cast<double>(x.size(1)) * variance) : 1.0;
}

class RbfSampler final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::int64_t components = context.integer("components");
    const double scale = std::sqrt(2 * gamma_of(context, training.frame.x));
    data::Tensor weights(data::DType::kF64, {training.frame.width(), components}), offset(data::DType::kF64, {components});
    Random random = context.random(0);
    random.fill_normal(weights.mutable_span<double>());
    for (double& weight : weights.mutable_span<double>()) weight *= scale;
    random = context.random(1);
    random.fill_uniform(offset.mutable_span<double>());
    for (double& angle : offset.mutable_span<double>()) angle *= 2 * std::numbers::pi;
    data::Model model;
    model.tensors.set("weights", std::move(weights)).set("offset", std::move(offset));
    return model;
  }

  Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const override {
    const std::int64_t components = context.integer("components");
    HEADRACE_ASSIGN(const at::Tensor weights, tensor_of(*model, "weights", at::kDouble, {frame.width(), components}));
    HEADRACE_ASSIGN(const at::Tensor offset, tensor_of(*model, "offset", at::kDouble, {components}));
    at::Tensor features = at::addmm(offset, frame.x, weights);
    features.cos_().mul_(std::sqrt(2.0 / static_cast<double>(components)));
    return Features{features, numbered("rbf", components)};
  }
};

HEADRACE_ESTIMATOR(RbfSampler,
                   {.name = "rbf_sampler",
                    .doc = "Random features for the kernel exp(-gamma |x - y|^2). scikit-learn: RBFSampler.",
                    .options = {config::integer("components", 100, "features to make").at_least(1).at_most(1'000'000),
                                config::real("gamma", 1.0, "of the kernel; scale: 1 / (columns * variance)").above(0).or_word("scale")},
                    .fits = true,
                    .random = true});

}  // namespace
}  // namespace headrace::learn
