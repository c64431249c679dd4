// SPDX-License-Identifier: Apache-2.0
// Gradient boosting: each round adds a tree (an output) along the gradient of the loss, grown by XGBoost from gradient and curvature.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/booster.h"
#include "learn/cart.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/trees.h"

namespace headrace::learn {
namespace {

// The loss of a fit: where scores start, and gradient and curvature of a row at its scores. Weights have mean 1.
class Loss {
 public:
  explicit Loss(const Training& training) : rows_(static_cast<std::size_t>(training.frame.rows())), weights_(rows_, 1.0) {
    if (training.weights.defined()) {
      const double* given = training.weights.const_data_ptr<double>();
      const double mean = std::accumulate(given, given + rows_, 0.0) / static_cast<double>(rows_);
      for (std::size_t i = 0; i < rows_; ++i) weights_[i] = given[i] / mean;
    }
    if (training.labels.codes.defined()) {
      codes_ = training.labels.codes.const_data_ptr<std::int64_t>();
      start_at_shares(training.labels.classes.size());
    } else {
      values_ = training.targets.const_data_ptr<double>();
      start_at_mean();
    }
  }

  std::size_t outputs() const { return start_.size(); }
  const std::vector<double>& start() const { return start_; }
  double scale() const { return scale_; }

  // `scores` [outputs] of row i without the start; both results are multiplied by the row's weight.
  void differentiate(std::size_t row, const float* scores, float* gradient, float* curvature) const {
    const double weight = weights_[row];
    if (codes_ == nullptr) {
      gradient[0] = static_cast<float>(weight * (static_cast<double>(scores[0]) - (values_[row] - start_[0]) / scale_));
      curvature[0] = static_cast<float>(weight);
    } else if (outputs() == 1) {
      const double share = 1.0 / (1.0 + std::exp(-(start_[0] + static_cast<double>(scores[0]))));
      gradient[0] = static_cast<float>(weight * (share - static_cast<double>(codes_[row])));
      curvature[0] = static_cast<float>(weight * share * (1.0 - share));
    } else {
      differentiate_softmax(row, scores, gradient, curvature);
    }
  }

 private:
  void differentiate_softmax(std::size_t row, const float* scores, float* gradient, float* curvature) const {
    const std::size_t count = outputs();
    double highest = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (std::size_t c = 0; c < count; ++c) highest = std::max(highest, start_[c] + static_cast<double>(scores[c]));
    for (std::size_t c = 0; c < count; ++c) sum += std::exp(start_[c] + static_cast<double>(scores[c]) - highest);
    // Friedman's K / (K - 1) makes up for moving one class's score at a time.
    const double factor = static_cast<double>(count) / static_cast<double>(count - 1);
    for (std::size_t c = 0; c < count; ++c) {
      const double share = std::exp(start_[c] + static_cast<double>(scores[c]) - highest) / sum;
      gradient[c] = static_cast<float>(weights_[row] * (share - (static_cast<std::size_t>(codes_[row]) == c ? 1.0 : 0.0)));
      curvature[c] = static_cast<float>(weights_[row] * factor * share * (1.0 - share));
    }
  }

  void start_at_shares(std::size_t class_count) {
    std::vector<double> shares(class_count, 0.0);
    for (std::size_t i = 0; i < rows_; ++i) shares[static_cast<std::size_t>(codes_[i])] += weights_[i] / static_cast<double>(rows_);
    for (double& share : shares) share = std::clamp(share, 1e-12, 1.0 - 1e-12);
    if (class_count == 2) {
      start_ = {std::log(shares[1] / (1.0 - shares[1]))};
    } else {
      for (const double share : shares) start_.push_back(std::log(share));
    }
  }

  // The target is scaled to about 1, as a round skips splits that gain less than 1e-6 whatever its unit.
  void start_at_mean() {
    double mean = 0.0, largest = 0.0;
    for (std::size_t i = 0; i < rows_; ++i) mean += weights_[i] * values_[i] / static_cast<double>(rows_);
    for (std::size_t i = 0; i < rows_; ++i) largest = std::max(largest, std::abs(values_[i] - mean));
    start_ = {mean};
    int exponent = 0;
    if (largest > 0.0) std::frexp(largest, &exponent);
    scale_ = std::ldexp(1.0, exponent - 10);
  }

  std::size_t rows_;
  std::vector<double> weights_;
  const std::int64_t* codes_ = nullptr;
  const double* values_ = nullptr;
  std::vector<double> start_;
  double scale_ = 1.0;
};

// A class's share of the rounds that use a row: `subsample` of the rows, drawn without replacement for each round.
std::vector<bool> rows_of_round(const exec::Context& context, std::int64_t round, std::size_t rows) {
  const double share = context.real("subsample");
  if (share >= 1.0) return std::vector<bool>(rows, true);
  std::vector<bool> used(rows, false);
  const auto kept = static_cast<std::size_t>(std::max(1.0, std::floor(share * static_cast<double>(rows))));
  const std::vector<std::int64_t> order =
      context.random(static_cast<std::uint64_t>(round) + 1).permutation(static_cast<std::int64_t>(rows));
  for (std::size_t i = 0; i < kept; ++i) used[static_cast<std::size_t>(order[i])] = true;
  return used;
}

detail::BoosterOptions booster_options(const exec::Context& context, const Loss& loss, std::int64_t width) {
  const bool exact = context.string("method") == "exact";
  const double gain_min = context.real("min_split_loss") / (loss.scale() * loss.scale());
  const config::Value& depth = context.value("max_depth");
  detail::BoosterOptions options = {{"tree_method", context.string("method")},
                                    {"learning_rate", number_text(context.real("learning_rate"))},
                                    {"max_depth", cat(depth.is_null() ? (exact ? 4000 : 0) : depth.integer())},
                                    {"min_child_weight", number_text(context.real("min_child_weight"))},
                                    {"gamma", number_text(gain_min)},
                                    {"reg_lambda", number_text(context.real("reg_lambda"))},
                                    {"reg_alpha", "0"},
                                    {"max_delta_step", "0"},
                                    {"colsample_bynode", number_text(detail::feature_share(context.value("max_features"), width))},
                                    {"seed", cat(derive_seed(context.seed, "features") & 0x7fffffffU)}};
  if (!exact) options.emplace_back("max_bin", cat(context.integer("max_bin")));
  return options;
}

class GradientBoosting : public Predictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const Loss loss(training);
    const at::Tensor& x = training.frame.x;
    const auto rows = static_cast<std::size_t>(x.size(0));
    const std::size_t outputs = loss.outputs();
    HEADRACE_ASSIGN(const auto matrix, detail::BoosterMatrix::make(x.const_data_ptr<double>(), x.size(0), x.size(1), context.threads));
    HEADRACE_ASSIGN(auto booster, detail::Booster::make(matrix, static_cast<std::int64_t>(outputs), context.threads,
                                                        booster_options(context, loss, x.size(1))));
    std::vector<float> scores(rows * outputs, 0.0F), gradients(rows * outputs), curvatures(rows * outputs);
    const std::int64_t rounds = context.integer("n_estimators");
    for (std::int64_t round = 0; round < rounds; ++round) {
      HEADRACE_TRY(context.check_stop());
      const std::vector<bool> used = rows_of_round(context, round, rows);
      for (std::size_t row = 0; row < rows; ++row) {
        loss.differentiate(row, &scores[row * outputs], &gradients[row * outputs], &curvatures[row * outputs]);
        if (used[row]) continue;
        std::fill_n(&gradients[row * outputs], outputs, 0.0F);
        std::fill_n(&curvatures[row * outputs], outputs, 0.0F);
      }
      detail::quantize(gradients);
      detail::quantize(curvatures);
      HEADRACE_TRY(booster.grow(matrix, gradients, curvatures));
      HEADRACE_ASSIGN(scores, booster.scores(matrix));
      if (context.progress) context.progress(static_cast<double>(round + 1) / static_cast<double>(rounds));
    }
    data::Model model;
    model.tensors.set("start", data::Tensor::of<double>({static_cast<std::int64_t>(outputs)}, loss.start()));
    model.meta.set("scale", loss.scale());
    HEADRACE_ASSIGN(detail::Trees trees, booster.trees());
    const std::vector<float> values = detail::in_32_bits(x.const_data_ptr<double>(), x.numel());
    for (std::size_t tree = 0; tree < trees.output.size(); ++tree) trees.centre_thresholds(tree, values, x.size(1), nullptr);
    detail::set_trees(model, trees);
    return model;
  }

 protected:
  // Start and trees together, [rows, outputs] f64.
  static Result<at::Tensor> scores_of(const data::Model& model, const Frame& frame, std::int64_t outputs) {
    HEADRACE_ASSIGN(const at::Tensor start, tensor_of(model, "start", at::kDouble, {outputs}));
    HEADRACE_ASSIGN(const double scale, number_of(model, "scale"));
    HEADRACE_ASSIGN(const detail::Trees trees, detail::trees_of(model, frame.width(), outputs));
    std::vector<double> sums = detail::sum_leaves(trees, frame.x.const_data_ptr<double>(), frame.rows(), frame.width(), outputs);
    return at::from_blob(sums.data(), {frame.rows(), outputs}, at::kDouble).mul(scale).add_(start);
  }
};

class GradientBoostingClassifier final : public GradientBoosting {
  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor scores, scores_of(model, frame, class_count == 2 ? 1 : class_count));
    Decision decision;
    if (class_count == 2) {
      decision.decisions = scores.view({-1});
      const at::Tensor second = at::sigmoid(decision.decisions);
      decision.probabilities = at::stack({second.neg().add_(1.0), second}, 1);
      decision.codes = decision.decisions.gt(0.0).to(at::kLong);
    } else {
      decision.decisions = scores;
      decision.probabilities = at::softmax(scores, 1);
      decision.codes = largest(scores);
    }
    return decision;
  }
};

class GradientBoostingRegressor final : public GradientBoosting {
  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor scores, scores_of(model, frame, 1));
    Decision decision;
    decision.values = scores.view({-1});
    return decision;
  }
};

std::vector<config::Option> boosting_options() {
  return {
      config::integer("n_estimators", 100, "rounds").at_least(1),
      config::real("learning_rate", 0.1, "how far a round moves along its trees").above(0).at_most(1),
      config::integer("max_depth", 3, "levels of a tree; null: no limit").at_least(1).at_most(4000).or_null(),
      config::real("min_child_weight", 1.0, "curvature a leaf must hold: rows for squared error, p (1 - p) summed for classes").at_least(0),
      config::real("min_split_loss", 0.0, "loss a split must save (XGBoost's gamma)").at_least(0),
      config::real("reg_lambda", 0.0, "L2 penalty on leaves; XGBoost's own default is 1").at_least(0),
      config::real("subsample", 1.0, "share of the rows, drawn without replacement, that a round sees").above(0).at_most(1),
      config::real("max_features", config::Value(),
                   "features looked at for a split: up to 1 a share, above 1 a number, null all of them. Drawn anew for each node (method "
                   "hist) or each level of a tree (exact)")
          .above(0)
          .or_word("sqrt")
          .or_word("log2")
          .or_null(),
      config::choice("method", "hist", {"hist", "exact"}, "thresholds: at the edges of `max_bin` bins, or between any two values"),
      config::integer("max_bin", 256, "bins a feature is cut into by method hist").at_least(2).at_most(65536)};
}

HEADRACE_ESTIMATOR(
    GradientBoostingClassifier,
    {.name = "gradient_boosting",
     .family = graph::Family::kClassifier,
     .doc = "Boosted trees on the logistic loss, through XGBoost. Near scikit-learn's GradientBoostingClassifier, which chooses "
            "splits by the gradient alone where this uses gradient and curvature.",
     .options = boosting_options(),
     .fits = true,
     .random = true,
     .needs_target = true,
     .refuses_missing = false});
HEADRACE_ESTIMATOR(GradientBoostingRegressor,
                   {.name = "gradient_boosting_regressor",
                    .family = graph::Family::kRegressor,
                    .doc = "Boosted trees on squared error, through XGBoost. Near scikit-learn's GradientBoostingRegressor(criterion="
                           "'squared_error'), which tries every threshold; so does method exact.",
                    .options = boosting_options(),
                    .fits = true,
                    .random = true,
                    .needs_target = true,
                    .refuses_missing = false});

}  // namespace
}  // namespace headrace::learn
