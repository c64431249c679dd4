// SPDX-License-Identifier: Apache-2.0
// One tree, grown by XGBoost without shrinkage or penalty.
#include "learn/cart.h"
#include "learn/estimator.h"

namespace headrace::learn {
namespace {

template <bool classifier>
class DecisionTree final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    return detail::grow_cart(context, training, detail::tree_options_of(context, training.frame.width()));
  }
  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    return detail::decide_cart(model, frame, classifier);
  }
};

HEADRACE_ESTIMATOR(
    DecisionTree<true>,
    {.name = "decision_tree",
     .family = graph::Family::kClassifier,
     .doc = "A classification tree. Two classes: the splits of scikit-learn's DecisionTreeClassifier(criterion='gini'). More "
            "classes: one tree a class against the rest, where scikit-learn grows one for all. Features are held in 32 bits; "
            "missing values go to the side that suits the training rows.",
     .options = detail::tree_options(config::Value()),
     .fits = true,
     .random = true,
     .needs_target = true,
     .refuses_missing = false});
HEADRACE_ESTIMATOR(DecisionTree<false>,
                   {.name = "decision_tree_regressor",
                    .family = graph::Family::kRegressor,
                    .doc = "A regression tree on squared error. scikit-learn: DecisionTreeRegressor. Features are held in 32 bits; missing "
                           "values go to the side that suits the training rows.",
                    .options = detail::tree_options(config::Value()),
                    .fits = true,
                    .random = true,
                    .needs_target = true,
                    .refuses_missing = false});

}  // namespace
}  // namespace headrace::learn
