// SPDX-License-Identifier: Apache-2.0
// Averaged trees, each grown by XGBoost on a bootstrap sample with a few features at a time.
#include "learn/cart.h"
#include "learn/estimator.h"

namespace headrace::learn {
namespace {

std::vector<config::Option> forest_options(config::Value max_features) {
  std::vector<config::Option> options = {
      config::integer("n_estimators", 100, "trees").at_least(1),
      config::boolean("bootstrap", true, "each tree sees rows drawn with replacement; false: all rows once"),
      config::real("max_samples", config::Value(), "rows drawn for a tree, as a share of all; null: as many as there are")
          .above(0)
          .at_most(1)
          .or_null()};
  for (config::Option& option : detail::tree_options(std::move(max_features))) options.push_back(std::move(option));
  return options;
}

template <bool classifier>
class RandomForest final : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    detail::CartOptions options = detail::tree_options_of(context, training.frame.width());
    options.tree_count = context.integer("n_estimators");
    options.project_classes = true;
    options.bootstrap = context.boolean("bootstrap");
    const config::Value& share = context.value("max_samples");
    options.sample_share = share.is_null() ? 1.0 : share.real();
    return detail::grow_cart(context, training, options);
  }
  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    return detail::decide_cart(model, frame, classifier);
  }
};

HEADRACE_ESTIMATOR(
    RandomForest<true>,
    {.name = "random_forest",
     .family = graph::Family::kClassifier,
     .doc = "Averaged classification trees on bootstrap samples. scikit-learn: RandomForestClassifier, which draws features "
            "for each node. For more than two classes a tree splits by random numbers of the classes (Joly, Geurts, Wehenkel "
            "2014), which is the Gini impurity on average.",
     .options = forest_options("sqrt"),
     .fits = true,
     .random = true,
     .needs_target = true,
     .refuses_missing = false});
HEADRACE_ESTIMATOR(RandomForest<false>,
                   {.name = "random_forest_regressor",
                    .family = graph::Family::kRegressor,
                    .doc = "Averaged regression trees on bootstrap samples. scikit-learn: RandomForestRegressor, which draws features for "
                           "each node.",
                    .options = forest_options(1.0),
                    .fits = true,
                    .random = true,
                    .needs_target = true,
                    .refuses_missing = false});

}  // namespace
}  // namespace headrace::learn
