// SPDX-License-Identifier: Apache-2.0
// Bernoulli naive Bayes: each feature is there or not, with a probability of its own in each class.
#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/naive_bayes.h"

namespace headrace::learn {
namespace {

// 0 or 1 above the threshold; without one the features must hold 0 and 1 already.
Result<at::Tensor> present(const exec::Context& context, const Frame& frame) {
  const config::Value& threshold = context.value("binarize");
  if (!threshold.is_null()) return frame.x.gt(threshold.real()).to(at::kDouble);
  if (!frame.x.eq(0.0).logical_or_(frame.x.eq(1.0)).all().item<bool>()) {
    return Error(Code::kBadData, "bernoulli_nb without `binarize` needs features of 0 and 1", "set binarize to the threshold between them");
  }
  return frame.x;
}

class BernoulliNb final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    HEADRACE_ASSIGN(const at::Tensor x, present(context, training.frame));
    const double alpha = context.real("alpha");
    const at::Tensor indicators = detail::class_indicators(training);
    HEADRACE_ASSIGN(const at::Tensor priors, detail::log_priors(context.value("class_prior"), context.boolean("fit_prior"), indicators));
    const at::Tensor counts = indicators.t().mm(x).add_(alpha);
    const at::Tensor totals = indicators.sum(0).add_(2.0 * alpha).unsqueeze(1);
    data::Model model;
    model.tensors.set("log_present", to_data(counts.log().sub_(totals.log())))
        .set("log_absent", to_data(totals.sub(counts).log_().sub_(totals.log())))
        .set("log_prior", to_data(priors));
    return model;
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor there, tensor_of(model, "log_present", at::kDouble, {class_count, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor absent, tensor_of(model, "log_absent", at::kDouble, {class_count, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor priors, tensor_of(model, "log_prior", at::kDouble, {class_count}));
    HEADRACE_ASSIGN(const at::Tensor x, present(context, frame));
    return detail::decide_by_likelihood(x.mm(there.sub(absent).t()).add_(priors.add(absent.sum(1))));
  }
};

HEADRACE_ESTIMATOR(
    BernoulliNb, {.name = "bernoulli_nb",
                  .family = graph::Family::kClassifier,
                  .doc = "Naive Bayes for features that are there or not. scikit-learn: BernoulliNB.",
                  .options = {config::real("alpha", 1.0, "added to every count (Laplace smoothing)").above(0),
                              config::real("binarize", 0.0, "a feature is there above this; null: features are 0 and 1 already").or_null(),
                              config::boolean("fit_prior", true, "priors are observed shares; false: all equal"),
                              config::list("class_prior", config::Type::kRealList, config::Value(),
                                           "class probabilities in sorted order of the classes; null: see fit_prior")
                                  .or_null()},
                  .fits = true,
                  .needs_target = true});

}  // namespace
}  // namespace headrace::learn
