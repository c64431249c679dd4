// SPDX-License-Identifier: Apache-2.0
// Multinomial naive Bayes: a row is counts drawn from its class's distribution over the features.
#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/naive_bayes.h"

namespace headrace::learn {
namespace {

Status refuse_negative(const Frame& frame) {
  const at::Tensor lowest = std::get<0>(frame.x.min(0)).contiguous();
  for (std::int64_t j = 0; j < lowest.numel(); ++j) {
    if (lowest.const_data_ptr<double>()[j] >= 0.0) continue;
    return Error(Code::kBadData,
                 cat("multinomial_nb counts, and counts are not negative: column '", frame.names[static_cast<std::size_t>(j)], "' holds ",
                     lowest.const_data_ptr<double>()[j]),
                 "put min_max_scaler before this node, or use gaussian_nb");
  }
  return {};
}

class MultinomialNb final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    HEADRACE_TRY(refuse_negative(training.frame));
    const at::Tensor indicators = detail::class_indicators(training);
    HEADRACE_ASSIGN(const at::Tensor priors, detail::log_priors(context.value("class_prior"), context.boolean("fit_prior"), indicators));
    const at::Tensor counts = indicators.t().mm(training.frame.x).add_(context.real("alpha"));
    data::Model model;
    model.tensors.set("log_probability", to_data(counts.log().sub_(counts.sum(1, /*keepdim=*/true).log_())))
        .set("log_prior", to_data(priors));
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_TRY(refuse_negative(frame));
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor logs, tensor_of(model, "log_probability", at::kDouble, {class_count, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor priors, tensor_of(model, "log_prior", at::kDouble, {class_count}));
    return detail::decide_by_likelihood(frame.x.mm(logs.t()).add_(priors));
  }
};

HEADRACE_ESTIMATOR(MultinomialNb,
                   {.name = "multinomial_nb",
                    .family = graph::Family::kClassifier,
                    .doc = "Naive Bayes for counts, such as words of a text. scikit-learn: MultinomialNB.",
                    .options = {config::real("alpha", 1.0, "added to every count (Laplace smoothing)").above(0),
                                config::boolean("fit_prior", true, "priors are observed shares; false: all equal"),
                                config::list("class_prior", config::Type::kRealList, config::Value(),
                                             "class probabilities in sorted order of the classes; null: see fit_prior")
                                    .or_null()},
                    .fits = true,
                    .needs_target = true});

}  // namespace
}  // namespace headrace::learn
