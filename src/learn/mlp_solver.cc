// SPDX-License-Identifier: Apache-2.0
#include "learn/mlp_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros_like.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/lbfgs.h"

namespace headrace::learn::detail {
namespace {

// Moves parameters along a gradient. Kingma and Ba 2015 for Adam; Sutskever et al. 2013 for momentum ahead of the step.
class Step {
 public:
  Step(const MlpOptions& options, const at::Tensor& parameters)
      : options_(options), rate_(options.learning_rate_init), first_(at::zeros_like(parameters)), second_(at::zeros_like(parameters)) {}

  void take(at::Tensor& parameters, const at::Tensor& gradient) {
    if (options_.solver == "adam") return take_adam(parameters, gradient);
    first_.mul_(options_.momentum).sub_(gradient, rate_);
    parameters.add_(options_.nesterovs_momentum ? first_.mul(options_.momentum).sub_(gradient, rate_) : first_);
  }

  void end_epoch(std::int64_t rows_seen) {
    if (options_.solver == "sgd" && options_.learning_rate == "invscaling") {
      rate_ = options_.learning_rate_init / std::pow(static_cast<double>(rows_seen + 1), options_.power_t);
    }
  }

  // What to do when there is no progress: true ends the training, false goes on with a smaller rate.
  bool give_up() {
    if (options_.solver != "sgd" || options_.learning_rate != "adaptive" || rate_ <= 1e-6) return true;
    rate_ /= 5.0;
    return false;
  }

 private:
  void take_adam(at::Tensor& parameters, const at::Tensor& gradient) {
    ++count_;
    first_.mul_(options_.beta_1).add_(gradient, 1.0 - options_.beta_1);
    second_.mul_(options_.beta_2).addcmul_(gradient, gradient, 1.0 - options_.beta_2);
    const double t = static_cast<double>(count_);
    const double rate = options_.learning_rate_init * std::sqrt(1.0 - std::pow(options_.beta_2, t)) / (1.0 - std::pow(options_.beta_1, t));
    parameters.addcdiv_(first_, second_.sqrt().add_(options_.epsilon), -rate);
  }

  const MlpOptions& options_;
  double rate_;
  at::Tensor first_, second_;
  std::int64_t count_ = 0;
};

// Says when to stop, by the training loss or by the validation score.
class Progress {
 public:
  Progress(const MlpOptions& options, const std::function<double(const at::Tensor&)>& validate) : options_(options), validate_(validate) {}

  // True when more than `patience` epochs in a row brought less than the tolerance.
  bool stalled(double loss, const at::Tensor& parameters) {
    if (validate_) {
      const double score = validate_(parameters);
      idle_ = score < best_score_ + options_.tolerance ? idle_ + 1 : 0;
      if (score > best_score_) {
        best_score_ = score;
        best_ = parameters.clone();
      }
    } else {
      idle_ = loss > best_loss_ - options_.tolerance ? idle_ + 1 : 0;
      best_loss_ = std::min(best_loss_, loss);
    }
    return idle_ > options_.patience;
  }
  void forgive() { idle_ = 0; }
  // The parameters with the best validation score; undefined without validation.
  const at::Tensor& best() const { return best_; }

 private:
  const MlpOptions& options_;
  const std::function<double(const at::Tensor&)>& validate_;
  double best_loss_ = std::numeric_limits<double>::infinity();
  double best_score_ = -std::numeric_limits<double>::infinity();
  at::Tensor best_;
  std::int64_t idle_ = 0;
};

MlpBatch rows_of(const MlpBatch& all, const at::Tensor& rows) {
  return {all.x.index_select(0, rows), all.y.index_select(0, rows),
          all.weights.defined() ? all.weights.index_select(0, rows) : at::Tensor()};
}

MlpBatch slice_of(const MlpBatch& all, std::int64_t begin, std::int64_t end) {
  return {all.x.slice(0, begin, end), all.y.slice(0, begin, end), all.weights.defined() ? all.weights.slice(0, begin, end) : at::Tensor()};
}

Error not_finite(std::int64_t iteration) {
  return Error(Code::kNotConverged, cat("the loss of the network is no longer finite: iteration ", iteration),
               "scale the features, or lower learning_rate_init");
}

Result<MlpFit> train_by_steps(const exec::Context& context, const MlpNetwork& network, const MlpBatch& training, const MlpOptions& options,
                              const std::function<double(const at::Tensor&)>& validate) {
  const std::int64_t rows = training.x.size(0);
  MlpFit fit;
  fit.parameters = network.initial(context.random(0));
  at::Tensor gradient = at::zeros_like(fit.parameters);
  Step step(options, fit.parameters);
  Progress progress(options, validate);
  while (!fit.converged && fit.iterations < options.iteration_max) {
    at::Tensor order;
    if (options.shuffle) {
      const std::vector<std::int64_t> shuffled = context.random(static_cast<std::uint64_t>(fit.iterations) + 1).permutation(rows);
      order = at::empty({rows}, at::kLong);
      std::copy(shuffled.begin(), shuffled.end(), order.mutable_data_ptr<std::int64_t>());
    }
    double loss = 0.0;
    for (std::int64_t begin = 0; begin < rows; begin += options.batch_size) {
      HEADRACE_TRY(context.check_stop());
      const std::int64_t end = std::min(begin + options.batch_size, rows);
      const MlpBatch batch = options.shuffle ? rows_of(training, order.slice(0, begin, end)) : slice_of(training, begin, end);
      loss += network.differentiate(fit.parameters, batch, options.alpha, gradient) * static_cast<double>(end - begin);
      step.take(fit.parameters, gradient);
    }
    fit.loss = loss / static_cast<double>(rows);
    ++fit.iterations;
    if (!std::isfinite(fit.loss)) return not_finite(fit.iterations);
    if (context.progress) context.progress(static_cast<double>(fit.iterations) / static_cast<double>(options.iteration_max));
    const bool stalled = progress.stalled(fit.loss, fit.parameters);
    step.end_epoch(fit.iterations * rows);
    if (!stalled) continue;
    fit.converged = step.give_up();
    progress.forgive();
  }
  if (progress.best().defined()) fit.parameters = progress.best();
  return fit;
}

Result<MlpFit> train_by_lbfgs(const exec::Context& context, const MlpNetwork& network, const MlpBatch& training,
                              const MlpOptions& options) {
  MlpFit fit;
  fit.parameters = network.initial(context.random(0));
  LbfgsOptions lbfgs;
  lbfgs.iteration_max = options.iteration_max;
  lbfgs.evaluation_max = options.evaluation_max;
  lbfgs.gradient_tolerance = options.tolerance;
  lbfgs.stop = context.stop;
  lbfgs.on_step = [&](std::int64_t iteration) {
    if (context.progress) context.progress(static_cast<double>(iteration) / static_cast<double>(options.iteration_max));
  };
  const std::int64_t count = network.parameter_count();
  const auto view = [count](std::span<const double> values) {
    return at::from_blob(const_cast<double*>(values.data()), {count}, at::kDouble);
  };
  const auto result = minimize_lbfgs(
      [&](std::span<const double> point, std::span<double> gradient) {
        at::Tensor out = view(gradient);
        return network.differentiate(view(point), training, options.alpha, out);
      },
      {fit.parameters.mutable_data_ptr<double>(), static_cast<std::size_t>(count)}, lbfgs);
  HEADRACE_TRY(context.check_stop());
  if (!std::isfinite(result.value)) return not_finite(result.iterations);
  fit.loss = result.value;
  fit.iterations = result.iterations;
  fit.converged = result.converged();
  return fit;
}

}  // namespace

Result<MlpFit> train_mlp(const exec::Context& context, const MlpNetwork& network, const MlpBatch& training, const MlpOptions& options,
                         const std::function<double(const at::Tensor& parameters)>& validate) {
  if (options.solver == "lbfgs") return train_by_lbfgs(context, network, training, options);
  return train_by_steps(context, network, training, options, validate);
}

}  // namespace headrace::learn::detail
