// SPDX-License-Identifier: Apache-2.0
// Kernel support vector machines: one machine a pair of classes, and one for values.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/kernel_machine.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

std::vector<config::Option> kernel_options() {
  return {config::real("C", 1.0, "weight of the loss against the penalty").above(0),
          config::choice("kernel", "rbf", {"linear", "poly", "rbf", "sigmoid"}, "similarity of two rows"),
          config::integer("degree", 3, "of kernel poly").at_least(0).at_most(100),
          config::real("gamma", "scale", "factor of kernels poly, rbf and sigmoid; scale: 1 / (features * variance), auto: 1 / features")
              .above(0)
              .or_word("scale")
              .or_word("auto"),
          config::real("coef0", 0.0, "constant of kernels poly and sigmoid"),
          config::real("tol", 1e-3, "violation of the optimality conditions at which to stop").above(0),
          config::boolean("shrinking", true, "leave rows out of the search that seem settled"),
          config::real("cache_size", 200.0, "memory for kernel rows while fitting").above(0).in("MB")};
}

double gamma_for(const exec::Context& context, const at::Tensor& x) {
  const config::Value& gamma = context.value("gamma");
  if (!gamma.is_string()) return gamma.real();
  const double width = static_cast<double>(x.size(1));
  if (gamma.string() == "auto") return 1.0 / width;
  const double variance = x.var(/*unbiased=*/false).item<double>();
  return variance > 0.0 ? 1.0 / (width * variance) : 1.0;
}

class KernelPredictor : public Predictor {
 protected:
  static Result<detail::MachineOptions> options_for(const exec::Context& context, const Training& training) {
    if (training.weights.defined()) {
      return Error(Code::kUnsupported, "a kernel machine takes no weights of rows", "drop the weight column, or use linear_svm");
    }
    detail::MachineOptions options;
    options.kernel = kernel_of(context, gamma_for(context, training.frame.x));
    options.tolerance = context.real("tol");
    options.cache_mb = context.real("cache_size");
    options.shrinking = context.boolean("shrinking");
    options.stop = context.stop;
    return options;
  }

  static detail::Kernel kernel_of(const exec::Context& context, double gamma) {
    return {context.string("kernel"), gamma, context.real("coef0"), context.integer("degree")};
  }

  static data::Model model_of(const detail::MachineSet& machines, double gamma) {
    data::Model model;
    model.tensors.set("support", to_data(machines.support))
        .set("coefficients", to_data(machines.coefficients))
        .set("offsets", to_data(machines.offsets));
    model.meta.set("gamma", gamma);
    return model;
  }

  static Result<at::Tensor> values_of(const exec::Context& context, const data::Model& model, const Frame& frame, std::int64_t machines) {
    detail::MachineSet set;
    HEADRACE_ASSIGN(set.support, tensor_of(model, "support", at::kDouble, {kAnySize, frame.width()}));
    HEADRACE_ASSIGN(set.coefficients, tensor_of(model, "coefficients", at::kDouble, {machines, set.support.size(0)}));
    HEADRACE_ASSIGN(set.offsets, tensor_of(model, "offsets", at::kDouble, {machines}));
    HEADRACE_ASSIGN(const double gamma, number_of(model, "gamma"));
    return detail::evaluate(set, kernel_of(context, gamma), frame.x, context.stop);
  }
};

// Votes of the pairs, with the sum of their values to break ties: that sum moves a class by less than a third of a vote.
struct PairVotes {
  at::Tensor votes;    // [n, K]
  at::Tensor scores;   // [n, K]
};

PairVotes count_votes(const at::Tensor& values, std::int64_t class_count) {
  const std::int64_t rows = values.size(0), pairs = values.size(1);
  PairVotes out{at::zeros({rows, class_count}, at::kDouble), at::zeros({rows, class_count}, at::kDouble)};
  double* votes = out.votes.mutable_data_ptr<double>();
  double* scores = out.scores.mutable_data_ptr<double>();
  const double* value = values.const_data_ptr<double>();
  for (std::int64_t row = 0; row < rows; ++row, votes += class_count, scores += class_count, value += pairs) {
    std::int64_t pair = 0;
    for (std::int64_t first = 0; first < class_count; ++first) {
      for (std::int64_t second = first + 1; second < class_count; ++second, ++pair) {
        votes[value[pair] > 0.0 ? first : second] += 1.0;
        scores[first] += value[pair];
        scores[second] -= value[pair];
      }
    }
    for (std::int64_t c = 0; c < class_count; ++c) scores[c] = votes[c] + scores[c] / (3.0 * (std::abs(scores[c]) + 1.0));
  }
  return out;
}

class Svm final : public KernelPredictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    HEADRACE_ASSIGN(const detail::MachineOptions options, options_for(context, training));
    const std::size_t class_count = training.labels.classes.size();
    std::vector<std::vector<std::int64_t>> rows(class_count);
    for (std::int64_t row = 0; row < training.frame.rows(); ++row) {
      rows[static_cast<std::size_t>(training.labels.codes.const_data_ptr<std::int64_t>()[row])].push_back(row);
    }
    const bool balanced = context.string("class_weight") == "balanced";
    const auto cost = [&](std::size_t c) {
      const double share = static_cast<double>(rows[c].size() * class_count) / static_cast<double>(training.frame.rows());
      return balanced ? context.real("C") / share : context.real("C");
    };
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t first = 0; first < class_count; ++first) {
      for (std::size_t second = first + 1; second < class_count; ++second) pairs.emplace_back(first, second);
    }

    std::vector<detail::Machine> machines(pairs.size());
    std::vector<Status> statuses(pairs.size());
    const auto train_pairs = [&](std::int64_t from, std::int64_t to) {
      for (auto pair = static_cast<std::size_t>(from); pair < static_cast<std::size_t>(to); ++pair) {
        const auto [first, second] = pairs[pair];
        auto machine = detail::separate(training.frame.x, rows[first], rows[second], cost(first), cost(second), options);
        if (machine.ok()) {
          machines[pair] = std::move(machine).value();
        } else {
          statuses[pair] = std::move(machine).error();
        }
      }
    };
    at::parallel_for(0, static_cast<std::int64_t>(pairs.size()), 1, train_pairs);
    for (const Status& status : statuses) HEADRACE_TRY(status);
    return model_of(detail::unite(training.frame.x, machines), options.kernel.gamma);
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor values, values_of(context, model, frame, class_count * (class_count - 1) / 2));
    Decision decision;
    if (class_count == 2) {
      decision.decisions = values.squeeze(1).neg();   // a machine is above 0 for the first of its pair
      decision.codes = decision.decisions.ge(0.0).to(at::kLong);
      return decision;
    }
    PairVotes counted = count_votes(values, class_count);
    decision.codes = largest(counted.votes);
    decision.decisions = std::move(counted.scores);
    return decision;
  }
};

class Svr final : public KernelPredictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    HEADRACE_ASSIGN(const detail::MachineOptions options, options_for(context, training));
    HEADRACE_ASSIGN(detail::Machine machine, detail::fit_values(training.frame.x, training.targets.contiguous(), context.real("C"),
                                                                context.real("epsilon"), options));
    return model_of(detail::unite(training.frame.x, {std::move(machine)}), options.kernel.gamma);
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor values, values_of(context, model, frame, 1));
    Decision decision;
    decision.values = values.squeeze(1);
    return decision;
  }
};

std::vector<config::Option> with(std::vector<config::Option> options, config::Option more) {
  options.push_back(std::move(more));
  return options;
}

HEADRACE_ESTIMATOR(Svm,
                   {.name = "svm",
                    .family = graph::Family::kClassifier,
                    .doc = "Support vector classifier with a kernel, one machine a pair of classes, through libsvm. scikit-learn: SVC; it "
                           "takes no weights of rows and gives no probabilities.",
                    .options = with(kernel_options(), config::choice("class_weight", "none", {"none", "balanced"},
                                                                     "balanced: weigh classes by the inverse of their share")),
                    .fits = true,
                    .needs_target = true});
HEADRACE_ESTIMATOR(Svr, {.name = "svr",
                         .family = graph::Family::kRegressor,
                         .doc = "Support vector regression with a kernel, through libsvm. scikit-learn: SVR; it takes no weights of rows.",
                         .options = with(kernel_options(), config::real("epsilon", 0.1, "errors below this are free").at_least(0)),
                         .fits = true,
                         .needs_target = true});

}  // namespace
}  // namespace headrace::learn
