// SPDX-License-Identifier: Apache-2.0
// Multi-layer perceptrons for classes and for values.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/mlp_network.h"
#include "learn/mlp_solver.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

constexpr std::int64_t kParametersMax = std::int64_t{1} << 28;
constexpr std::uint64_t kHoldOutStream = std::uint64_t{1} << 40;  // beyond the streams of the solver

std::vector<config::Option> mlp_options() {
  using config::Value;
  return {
      config::list("hidden_layer_sizes", config::Type::kIntList, config::List{Value(100)}, "units of each hidden layer")
          .at_least(1)
          .at_most(65536),
      config::choice("activation", "relu", {"relu", "tanh", "logistic", "identity"}, "of hidden units"),
      config::choice("solver", "adam", {"adam", "sgd", "lbfgs"}, "how the loss is lowered; lbfgs uses all rows at once"),
      config::real("alpha", 1e-4, "L2 penalty on weights").at_least(0),
      config::integer("batch_size", "auto", "rows a step; auto: 200, or all of fewer").at_least(1).or_word("auto").in("rows"),
      config::choice("learning_rate", "constant", {"constant", "invscaling", "adaptive"}, "how the rate of solver sgd changes"),
      config::real("learning_rate_init", 1e-3, "first learning rate of adam and sgd").above(0),
      config::real("power_t", 0.5, "exponent of learning_rate invscaling").at_least(0),
      config::integer("max_iter", 200, "epochs, or L-BFGS steps").at_least(1),
      config::boolean("shuffle", true, "shuffle rows in each epoch"),
      config::real("tol", 1e-4, "least improvement that counts; for lbfgs the gradient to reach").at_least(0),
      config::real("momentum", 0.9, "of solver sgd").at_least(0).at_most(1),
      config::boolean("nesterovs_momentum", true, "of solver sgd"),
      config::boolean("early_stopping", false, "hold rows out, stop by the score on them, and keep the best parameters"),
      config::real("validation_fraction", 0.1, "share of the rows that early stopping holds out").above(0).at_most(0.9),
      config::real("beta_1", 0.9, "decay of the mean gradient in adam").at_least(0).at_most(0.999999999),
      config::real("beta_2", 0.999, "decay of the mean squared gradient in adam").at_least(0).at_most(0.999999999),
      config::real("epsilon", 1e-8, "added to the root in adam").above(0),
      config::integer("n_iter_no_change", 10, "epochs without improvement before stopping").at_least(1),
      config::integer("max_fun", 15000, "evaluations of lbfgs").at_least(1),
  };
}

detail::MlpOptions solver_options(const exec::Context& context, std::int64_t rows) {
  detail::MlpOptions options;
  options.solver = context.string("solver");
  options.alpha = context.real("alpha");
  const config::Value& batch = context.value("batch_size");
  options.batch_size = std::min(rows, batch.is_string() ? std::int64_t{200} : batch.integer());
  options.learning_rate = context.string("learning_rate");
  options.learning_rate_init = context.real("learning_rate_init");
  options.power_t = context.real("power_t");
  options.iteration_max = context.integer("max_iter");
  options.shuffle = context.boolean("shuffle");
  options.tolerance = context.real("tol");
  options.momentum = context.real("momentum");
  options.nesterovs_momentum = context.boolean("nesterovs_momentum");
  options.beta_1 = context.real("beta_1");
  options.beta_2 = context.real("beta_2");
  options.epsilon = context.real("epsilon");
  options.patience = context.integer("n_iter_no_change");
  options.evaluation_max = context.integer("max_fun");
  return options;
}

// Rows to train on and rows held out; each class gives its share when there are codes.
std::pair<at::Tensor, at::Tensor> hold_out(const exec::Context& context, std::int64_t rows, const at::Tensor& codes) {
  const double share = context.real("validation_fraction");
  Random random = context.random(kHoldOutStream);
  std::vector<std::vector<std::int64_t>> strata(codes.defined() ? static_cast<std::size_t>(codes.max().item<std::int64_t>() + 1) : 1);
  for (const std::int64_t row : random.permutation(rows)) {
    strata[codes.defined() ? static_cast<std::size_t>(codes.const_data_ptr<std::int64_t>()[row]) : 0].push_back(row);
  }
  std::vector<std::int64_t> kept, held;
  for (const auto& stratum : strata) {
    const auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(stratum.size())));
    for (std::size_t i = 0; i < stratum.size(); ++i) (i < count ? held : kept).push_back(stratum[i]);
  }
  const auto tensor = [](std::vector<std::int64_t>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    at::Tensor out = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kLong);
    std::copy(numbers.begin(), numbers.end(), out.mutable_data_ptr<std::int64_t>());
    return out;
  };
  return {tensor(kept), tensor(held)};
}

detail::MlpBatch rows_of(const detail::MlpBatch& all, const at::Tensor& rows) {
  return {all.x.index_select(0, rows), all.y.index_select(0, rows),
          all.weights.defined() ? all.weights.index_select(0, rows) : at::Tensor()};
}

// Accuracy of classes, R2 of values, weighted.
double score_of(const detail::MlpNetwork& network, detail::MlpOutput output, const at::Tensor& parameters, const detail::MlpBatch& batch) {
  const at::Tensor outputs = network.forward(parameters, batch.x);
  const auto mean = [&](const at::Tensor& values) {
    return batch.weights.defined() ? values.dot(batch.weights).div(batch.weights.sum()).item<double>() : values.mean().item<double>();
  };
  if (output == detail::MlpOutput::kValue) {
    const at::Tensor truth = batch.y.squeeze(1);
    const double variance = mean(truth.sub(mean(truth)).square_());
    const double error = mean(truth.sub(outputs.squeeze(1)).square_());
    return variance > 0.0 ? 1.0 - error / variance : (error > 0.0 ? 0.0 : 1.0);
  }
  const at::Tensor right = output == detail::MlpOutput::kLogistic ? outputs.gt(0.5).eq(batch.y.gt(0.5)).squeeze(1)
                                                                  : outputs.argmax(1).eq(batch.y.argmax(1));
  return mean(right.to(at::kDouble));
}

class Mlp : public Predictor {
 protected:
  static Result<detail::MlpNetwork> network_for(const exec::Context& context, std::int64_t width, detail::MlpOutput output,
                                                std::int64_t outputs) {
    std::vector<std::int64_t> sizes = {width};
    for (const config::Value& units : context.value("hidden_layer_sizes").list()) sizes.push_back(units.integer());
    sizes.push_back(outputs);
    double count = 0.0;
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) count += static_cast<double>(sizes[i] + 1) * static_cast<double>(sizes[i + 1]);
    if (count > static_cast<double>(kParametersMax)) {
      return Error(Code::kTooLarge, cat("the network has more parameters than ", kParametersMax), "lower hidden_layer_sizes");
    }
    return detail::MlpNetwork(std::move(sizes), detail::activation_from(context.string("activation")), output);
  }

  static Result<data::Model> train(const exec::Context& context, const Training& training, at::Tensor y, detail::MlpOutput output) {
    HEADRACE_ASSIGN(const detail::MlpNetwork network, network_for(context, training.frame.width(), output, y.size(1)));
    detail::MlpBatch rows{training.frame.x, std::move(y), training.weights};
    detail::MlpBatch held;
    std::function<double(const at::Tensor&)> validate;
    if (context.boolean("early_stopping") && context.string("solver") != "lbfgs") {
      const auto [kept, out] = hold_out(context, training.frame.rows(), training.labels.codes);
      if (out.numel() < 2 || kept.numel() < 1) {
        return Error(Code::kBadData, cat("early stopping holds out too few rows: ", out.numel(), " of ", training.frame.rows()),
                     "raise validation_fraction, or give more rows");
      }
      held = rows_of(rows, out);
      rows = rows_of(rows, kept);
      validate = [&](const at::Tensor& parameters) { return score_of(network, output, parameters, held); };
    }
    HEADRACE_ASSIGN(const detail::MlpFit fit, detail::train_mlp(context, network, rows, solver_options(context, rows.x.size(0)), validate));
    data::Model model;
    model.tensors.set("parameters", to_data(fit.parameters));
    model.meta.set("loss", fit.loss);
    model.meta.set("iterations", fit.iterations);
    model.meta.set("converged", fit.converged);
    return model;
  }

  static Result<at::Tensor> outputs_of(const exec::Context& context, const data::Model& model, const Frame& frame, detail::MlpOutput output,
                                       std::int64_t outputs) {
    HEADRACE_ASSIGN(const detail::MlpNetwork network, network_for(context, frame.width(), output, outputs));
    HEADRACE_ASSIGN(const at::Tensor parameters, tensor_of(model, "parameters", at::kDouble, {network.parameter_count()}));
    return network.forward(parameters, frame.x);
  }
};

class MlpClassifier final : public Mlp {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const at::Tensor codes = training.labels.codes.contiguous();
    const std::int64_t rows = codes.numel(), class_count = static_cast<std::int64_t>(training.labels.classes.size());
    if (class_count == 2) return train(context, training, codes.to(at::kDouble).unsqueeze(1), detail::MlpOutput::kLogistic);
    at::Tensor y = at::zeros({rows, class_count}, at::kDouble);
    for (std::int64_t row = 0; row < rows; ++row)
      y.mutable_data_ptr<double>()[row * class_count + codes.const_data_ptr<std::int64_t>()[row]] = 1.0;
    return train(context, training, y, detail::MlpOutput::kSoftmax);
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    Decision decision;
    if (class_count == 2) {
      HEADRACE_ASSIGN(const at::Tensor outputs, outputs_of(context, model, frame, detail::MlpOutput::kLogistic, 1));
      const at::Tensor second = outputs.squeeze(1);
      decision.probabilities = at::stack({second.neg().add_(1.0), second}, 1);
      decision.codes = second.gt(0.5).to(at::kLong);
    } else {
      HEADRACE_ASSIGN(decision.probabilities, outputs_of(context, model, frame, detail::MlpOutput::kSoftmax, class_count));
      decision.codes = largest(decision.probabilities);
    }
    return decision;
  }
};

class MlpRegressor final : public Mlp {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    return train(context, training, training.targets.unsqueeze(1), detail::MlpOutput::kValue);
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor outputs, outputs_of(context, model, frame, detail::MlpOutput::kValue, 1));
    Decision decision;
    decision.values = outputs.squeeze(1);
    return decision;
  }
};

HEADRACE_ESTIMATOR(MlpClassifier,
                   {.name = "mlp_classifier",
                    .family = graph::Family::kClassifier,
                    .doc = "Multi-layer perceptron on cross-entropy, in float64. scikit-learn: MLPClassifier, with other random "
                           "numbers.",
                    .options = mlp_options(),
                    .fits = true,
                    .random = true,
                    .needs_target = true});
HEADRACE_ESTIMATOR(MlpRegressor,
                   {.name = "mlp_regressor",
                    .family = graph::Family::kRegressor,
                    .doc = "Multi-layer perceptron on squared error, in float64. scikit-learn: MLPRegressor, with other random "
                           "numbers.",
                    .options = mlp_options(),
                    .fits = true,
                    .random = true,
                    .needs_target = true});

}  // namespace
}  // namespace headrace::learn
