// SPDX-License-Identifier: Apache-2.0
// Gaussian naive Bayes: each feature is normal within each class, independently of the others.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ops/empty.h>

#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/naive_bayes.h"

namespace headrace::learn {
namespace {

// Where every feature is constant there is no variance to smooth with; this keeps the likelihoods finite.
constexpr double kVarianceMin = 1e-100;

class GaussianNb final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const at::Tensor& x = training.frame.x;
    const at::Tensor indicators = detail::class_indicators(training);
    HEADRACE_ASSIGN(const at::Tensor priors, detail::log_priors(context.value("priors"), true, indicators));
    const double smoothing = context.real("var_smoothing") * x.var(at::IntArrayRef{0}, /*unbiased=*/false).max().item<double>();

    const std::int64_t class_count = indicators.size(1), width = x.size(1);
    at::Tensor mean = at::empty({class_count, width}, at::kDouble), variance = at::empty({class_count, width}, at::kDouble);
    for (std::int64_t c = 0; c < class_count; ++c) {
      const at::Tensor share = indicators.select(1, c).div(indicators.select(1, c).sum().clamp_min(kVarianceMin)).unsqueeze(1);
      const at::Tensor centre = x.mul(share).sum(0);
      mean.select(0, c).copy_(centre);
      variance.select(0, c).copy_(x.sub(centre).square_().mul_(share).sum(0).add_(smoothing).clamp_min_(kVarianceMin));
    }
    data::Model model;
    model.tensors.set("mean", to_data(mean)).set("variance", to_data(variance)).set("log_prior", to_data(priors));
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor mean, tensor_of(model, "mean", at::kDouble, {class_count, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor variance, tensor_of(model, "variance", at::kDouble, {class_count, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor priors, tensor_of(model, "log_prior", at::kDouble, {class_count}));
    at::Tensor joint = at::empty({frame.rows(), class_count}, at::kDouble);
    for (std::int64_t c = 0; c < class_count; ++c) {
      const at::Tensor gaps = frame.x.sub(mean.select(0, c)).square_().div_(variance.select(0, c));
      const double constant = priors.const_data_ptr<double>()[c] -
                              0.5 * variance.select(0, c).mul(2.0 * std::numbers::pi).log_().sum().item<double>();
      joint.select(1, c).copy_(gaps.sum(1).mul_(-0.5).add_(constant));
    }
    return detail::decide_by_likelihood(joint);
  }
};

HEADRACE_ESTIMATOR(
    GaussianNb,
    {.name = "gaussian_nb",
     .family = graph::Family::kClassifier,
     .doc = "Naive Bayes with a normal distribution a feature and class. scikit-learn: GaussianNB.",
     .options = {config::list("priors", config::Type::kRealList, config::Value(),
                              "class probabilities in sorted order of the classes; null: observed shares")
                     .or_null(),
                 config::real("var_smoothing", 1e-9, "added to variances, times the largest variance of a feature").at_least(0)},
     .fits = true,
     .needs_target = true});

}  // namespace
}  // namespace headrace::learn
