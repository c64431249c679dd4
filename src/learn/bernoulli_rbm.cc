// SPDX-License-Identifier: Apache-2.0
// Restricted Boltzmann machine with binary units, trained by persistent contrastive divergence. As a transformer it gives the
// probability of each hidden unit.
#include <algorithm>
#include <cmath>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

// Maximum likelihood needs E[v h'] under the data and under the model. The first is exact given a batch; for the second a few chains of
// Gibbs samples, one a row of a batch, are carried from batch to batch and moved once each time (Tieleman, ICML 2008): as the weights
// change little, the chains stay near the model's distribution.
//
// Random numbers: stream 0 draws the weights; batch b of the whole training uses stream b + 1, first for the visible units, then for
// the hidden ones, row by row.
struct Machine {
  at::Tensor weights;         // [hidden, visible]
  at::Tensor hidden_bias;     // [hidden]
  at::Tensor visible_bias;    // [visible]

  at::Tensor hidden_of(const at::Tensor& visible) const { return at::addmm(hidden_bias, visible, weights.t()).sigmoid_(); }
  at::Tensor visible_of(const at::Tensor& hidden) const { return at::addmm(visible_bias, hidden, weights).sigmoid_(); }
};

// Turns probabilities into 0 or 1, in place.
void flip(at::Tensor& probabilities, Random& random) {
  double* values = probabilities.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < probabilities.numel(); ++i) values[i] = random.uniform() < values[i] ? 1.0 : 0.0;
}

class BernoulliRbm final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const at::Tensor& x = training.frame.x;
    HEADRACE_TRY(refuse_outside(training.frame));
    const std::int64_t rows = x.size(0), batch = std::min(context.integer("batch_size"), rows);
    const std::int64_t batches = (rows + batch - 1) / batch, rounds = context.integer("n_iter");
    Machine machine = start(context, x.size(1));
    at::Tensor chains = at::zeros({batch, machine.weights.size(0)}, at::kDouble);
    for (std::int64_t step = 0; step < rounds * batches; ++step) {
      HEADRACE_TRY(context.check_stop());
      const std::int64_t begin = step % batches * batch;
      Random random = context.random(static_cast<std::uint64_t>(step) + 1);
      learn_batch(machine, chains, x.slice(0, begin, std::min(begin + batch, rows)), context.real("learning_rate"), random);
      if (context.progress && (step + 1) % batches == 0)
        context.progress(static_cast<double>(step + 1) / static_cast<double>(rounds * batches));
    }
    data::Model model;
    model.tensors.set("weights", to_data(machine.weights))
        .set("hidden_bias", to_data(machine.hidden_bias))
        .set("visible_bias", to_data(machine.visible_bias));
    return model;
  }

  Result<Features> map(const exec::Context&, const data::Model* model, const Frame& frame) const override {
    Machine machine;
    HEADRACE_ASSIGN(machine.weights, tensor_of(*model, "weights", at::kDouble, {kAnySize, frame.width()}));
    HEADRACE_ASSIGN(machine.hidden_bias, tensor_of(*model, "hidden_bias", at::kDouble, {machine.weights.size(0)}));
    return Features{machine.hidden_of(frame.x), numbered("rbm", machine.weights.size(0))};
  }

  static Machine start(const exec::Context& context, std::int64_t width) {
    Machine machine;
    machine.weights = at::empty({context.integer("components"), width}, at::kDouble);
    context.random(0).fill_normal({machine.weights.mutable_data_ptr<double>(), static_cast<std::size_t>(machine.weights.numel())});
    machine.weights.mul_(0.01);
    machine.hidden_bias = at::zeros({machine.weights.size(0)}, at::kDouble);
    machine.visible_bias = at::zeros({width}, at::kDouble);
    return machine;
  }

  // One step along the gradient on `batch`; `chains` move on by one Gibbs step.
  static void learn_batch(Machine& machine, at::Tensor& chains, const at::Tensor& batch, double learning_rate, Random& random) {
    const at::Tensor hidden = machine.hidden_of(batch);
    at::Tensor dream = machine.visible_of(chains);
    flip(dream, random);
    at::Tensor dreamt = machine.hidden_of(dream);
    const double rate = learning_rate / static_cast<double>(batch.size(0));
    machine.weights.addmm_(hidden.t(), batch, 1.0, rate);
    machine.weights.addmm_(dreamt.t(), dream, 1.0, -rate);
    machine.hidden_bias.add_(hidden.sum(0).sub_(dreamt.sum(0)), rate);
    machine.visible_bias.add_(batch.sum(0).sub_(dream.sum(0)), rate);
    flip(dreamt, random);
    chains = dreamt;
  }

  static Status refuse_outside(const Frame& frame) {
    const double low = frame.x.min().item<double>(), high = frame.x.max().item<double>();
    if (low >= 0.0 && high <= 1.0) return {};
    return Error(Code::kBadData, cat("bernoulli_rbm reads features as probabilities, from 0 to 1; these go from ", low, " to ", high),
                 "put min_max_scaler before this node");
  }
};

HEADRACE_ESTIMATOR(BernoulliRbm,
                   {.name = "bernoulli_rbm",
                    .family = graph::Family::kTransformer,
                    .doc = "Restricted Boltzmann machine by persistent contrastive divergence; gives the probability of each hidden unit. "
                           "scikit-learn: BernoulliRBM, with other random numbers.",
                    .options = {config::integer("components", 256, "hidden units").at_least(1),
                                config::real("learning_rate", 0.1, "step of a batch, divided by its rows").above(0),
                                config::integer("batch_size", 10, "rows a step; as many chains are kept").at_least(1).in("rows"),
                                config::integer("n_iter", 10, "passes over the rows").at_least(0)},
                    .fits = true,
                    .random = true});

}  // namespace
}  // namespace headrace::learn
