// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trains a multi-layer perceptron: Adam, stochastic gradient descent with momentum, or L-BFGS.

#include <cstdint>
#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"
#include "headrace/exec/operator.h"
#include "learn/mlp_network.h"

namespace headrace::learn::detail {

// Names and defaults are those of the operator's options.
struct MlpOptions {
  std::string solver;                  // "adam", "sgd", "lbfgs"
  double alpha = 1e-4;                 // L2 penalty on weights, not on biases
  std::int64_t batch_size = 200;       // already within the number of rows
  std::string learning_rate;           // of sgd: "constant", "invscaling", "adaptive"
  double learning_rate_init = 1e-3;
  double power_t = 0.5;
  std::int64_t iteration_max = 200;
  bool shuffle = true;
  double tolerance = 1e-4;
  double momentum = 0.9;
  bool nesterovs_momentum = true;
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8;
  std::int64_t patience = 10;          // epochs without improvement that end the training
  std::int64_t evaluation_max = 15000; // of lbfgs
};

struct MlpFit {
  at::Tensor parameters;
  double loss = 0.0;
  std::int64_t iterations = 0;
  bool converged = false;
};

// `validate`, if set, gives the score of parameters on rows held out; training then stops, and the parameters are chosen, by it.
// Random numbers: stream 0 of the context draws the parameters, stream e + 1 the order of epoch e.
// Errors: kCancelled; kNotConverged when the loss is no longer finite.
Result<MlpFit> train_mlp(const exec::Context& context, const MlpNetwork& network, const MlpBatch& training, const MlpOptions& options,
                         const std::function<double(const at::Tensor& parameters)>& validate);

}  // namespace headrace::learn::detail
