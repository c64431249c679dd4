// SPDX-License-Identifier: Apache-2.0
#include "learn/mlp_network.h"

#include <cmath>
#include <limits>
#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/xlogy.h>

namespace headrace::learn::detail {

Activation activation_from(std::string_view name) {
  if (name == "tanh") return Activation::kTanh;
  if (name == "logistic") return Activation::kLogistic;
  return name == "identity" ? Activation::kIdentity : Activation::kRelu;
}

MlpNetwork::MlpNetwork(std::vector<std::int64_t> sizes, Activation activation, MlpOutput output)
    : sizes_(std::move(sizes)), activation_(activation), output_(output) {
  for (std::size_t layer = 0; layer < layer_count(); ++layer) {
    weight_at_.push_back(count_);
    count_ += sizes_[layer] * sizes_[layer + 1];
  }
  for (std::size_t layer = 0; layer < layer_count(); ++layer) {
    bias_at_.push_back(count_);
    count_ += sizes_[layer + 1];
  }
}

at::Tensor MlpNetwork::weight(const at::Tensor& parameters, std::size_t layer) const {
  return parameters.narrow(0, weight_at_[layer], sizes_[layer] * sizes_[layer + 1]).view({sizes_[layer], sizes_[layer + 1]});
}

at::Tensor MlpNetwork::bias(const at::Tensor& parameters, std::size_t layer) const {
  return parameters.narrow(0, bias_at_[layer], sizes_[layer + 1]);
}

at::Tensor MlpNetwork::initial(Random random) const {
  at::Tensor parameters = at::empty({count_}, at::kDouble);
  const double factor = activation_ == Activation::kLogistic ? 2.0 : 6.0;
  for (std::size_t layer = 0; layer < layer_count(); ++layer) {
    const double bound = std::sqrt(factor / static_cast<double>(sizes_[layer] + sizes_[layer + 1]));
    for (at::Tensor part : {weight(parameters, layer), bias(parameters, layer)}) {
      double* values = part.mutable_data_ptr<double>();
      for (std::int64_t i = 0; i < part.numel(); ++i) values[i] = bound * (2.0 * random.uniform() - 1.0);
    }
  }
  return parameters;
}

// Entry 0 is x, entry l the output of layer l.
std::vector<at::Tensor> MlpNetwork::activations(const at::Tensor& parameters, const at::Tensor& x) const {
  std::vector<at::Tensor> layers = {x};
  for (std::size_t layer = 0; layer < layer_count(); ++layer) {
    at::Tensor out = at::addmm(bias(parameters, layer), layers.back(), weight(parameters, layer));
    if (layer + 1 == layer_count()) {
      if (output_ == MlpOutput::kLogistic) out.sigmoid_();
      if (output_ == MlpOutput::kSoftmax) out = at::softmax(out, 1);
    } else if (activation_ == Activation::kRelu) {
      out.relu_();
    } else if (activation_ == Activation::kTanh) {
      out.tanh_();
    } else if (activation_ == Activation::kLogistic) {
      out.sigmoid_();
    }
    layers.push_back(std::move(out));
  }
  return layers;
}

at::Tensor MlpNetwork::forward(const at::Tensor& parameters, const at::Tensor& x) const { return activations(parameters, x).back(); }

double MlpNetwork::loss(const at::Tensor& outputs, const MlpBatch& batch) const {
  at::Tensor losses;  // [n]
  if (output_ == MlpOutput::kValue) {
    losses = outputs.sub(batch.y).square_().mean(1).mul_(0.5);
  } else {
    constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
    const at::Tensor clipped = outputs.clamp(kEpsilon, 1.0 - kEpsilon);
    losses = at::xlogy(batch.y, clipped).sum(1).neg_();
    if (output_ == MlpOutput::kLogistic) losses.sub_(at::xlogy(batch.y.neg().add_(1.0), clipped.neg().add_(1.0)).sum(1));
  }
  if (!batch.weights.defined()) return losses.mean().item<double>();
  return losses.dot(batch.weights).item<double>() / batch.weights.sum().item<double>();
}

// delta *= f'(z), written through a = f(z).
void MlpNetwork::multiply_by_slope(const at::Tensor& activation, at::Tensor& delta) const {
  switch (activation_) {
    case Activation::kRelu: delta.mul_(activation.gt(0.0)); break;
    case Activation::kTanh: delta.sub_(activation.square().mul_(delta)); break;
    case Activation::kLogistic: delta.mul_(activation).sub_(activation.mul(delta)); break;
    case Activation::kIdentity: break;
  }
}

double MlpNetwork::differentiate(const at::Tensor& parameters, const MlpBatch& batch, double alpha, at::Tensor& gradient) const {
  const std::vector<at::Tensor> layers = activations(parameters, batch.x);
  const double total = batch.weights.defined() ? batch.weights.sum().item<double>() : static_cast<double>(batch.x.size(0));
  const at::Tensor all_weights = parameters.narrow(0, 0, bias_at_[0]);
  const double value = loss(layers.back(), batch) + 0.5 * alpha * all_weights.dot(all_weights).item<double>() / total;

  // Each output goes with its own loss so that the derivative by its input is output - y.
  at::Tensor delta = layers.back().sub(batch.y);
  if (batch.weights.defined()) delta.mul_(batch.weights.unsqueeze(1));
  for (std::size_t layer = layer_count(); layer-- > 0;) {
    at::Tensor slope = weight(gradient, layer);
    at::addmm_out(slope, weight(parameters, layer), layers[layer].t(), delta, alpha / total, 1.0 / total);
    bias(gradient, layer).copy_(delta.sum(0).div_(total));
    if (layer == 0) break;
    delta = delta.mm(weight(parameters, layer).t());
    multiply_by_slope(layers[layer], delta);
  }
  return value;
}

}  // namespace headrace::learn::detail
