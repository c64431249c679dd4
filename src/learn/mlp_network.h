// SPDX-License-Identifier: Apache-2.0
#pragma once
// A multi-layer perceptron as a function of one flat parameter vector: forward pass, loss and gradient, derived by hand.
//
// Purpose: small dense networks in float64, where building a graph of operations for each batch would cost more than the products.
// Threads: one caller; products use ATen's pool. All state is in the arguments.

#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "headrace/base/random.h"

namespace headrace::learn::detail {

enum class Activation { kRelu, kTanh, kLogistic, kIdentity };
Activation activation_from(std::string_view name);
enum class MlpOutput { kValue, kLogistic, kSoftmax };   // squared error; cross-entropy of one score; of one score a class

struct MlpBatch {
  at::Tensor x;         // [n, sizes.front()] f64
  at::Tensor y;         // [n, sizes.back()] f64: values, 0 or 1, or class indicators
  at::Tensor weights;   // [n] f64 or undefined
};

class MlpNetwork {
 public:
  // `sizes`: features, hidden layers, outputs.
  MlpNetwork(std::vector<std::int64_t> sizes, Activation activation, MlpOutput output);

  std::int64_t parameter_count() const { return count_; }
  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  // Uniform in +-sqrt(factor / (inputs + outputs)) a layer, factor 2 for logistic units and 6 for others (Glorot and Bengio 2010).
  at::Tensor initial(Random random) const;
  // Outputs [n, sizes.back()]: values, or probabilities.
  at::Tensor forward(const at::Tensor& parameters, const at::Tensor& x) const;
  // Mean loss of the batch plus alpha / 2 |weights|^2 / n; writes the gradient, [parameter_count].
  double differentiate(const at::Tensor& parameters, const MlpBatch& batch, double alpha, at::Tensor& gradient) const;

 private:
  std::size_t layer_count() const { return sizes_.size() - 1; }
  at::Tensor weight(const at::Tensor& parameters, std::size_t layer) const;   // view [inputs, outputs]
  at::Tensor bias(const at::Tensor& parameters, std::size_t layer) const;     // view [outputs]
  std::vector<at::Tensor> activations(const at::Tensor& parameters, const at::Tensor& x) const;
  double loss(const at::Tensor& outputs, const MlpBatch& batch) const;
  void multiply_by_slope(const at::Tensor& activation, at::Tensor& delta) const;

  std::vector<std::int64_t> sizes_;
  std::vector<std::int64_t> weight_at_, bias_at_;   // offsets into the parameters: all weights, then all biases
  std::int64_t count_ = 0;
  Activation activation_;
  MlpOutput output_;
};

}  // namespace headrace::learn::detail
