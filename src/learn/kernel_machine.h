// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel machines: support vectors found by libsvm, kernels evaluated by matrix products afterwards.
//
// Threads: libsvm runs on the calling thread; any number of machines may be trained at once. Lifetime: nothing is shared between calls.

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"

namespace headrace::learn::detail {

// k(a, b): linear a.b; poly (gamma a.b + coef0)^degree; rbf exp(-gamma |a - b|^2); sigmoid tanh(gamma a.b + coef0).
struct Kernel {
  std::string name = "rbf";   // "linear", "poly", "rbf", "sigmoid"
  double gamma = 1.0;
  double coef0 = 0.0;
  std::int64_t degree = 3;
};

struct MachineOptions {
  Kernel kernel;
  double tolerance = 1e-3;     // of the optimality conditions
  double cache_mb = 200.0;
  bool shrinking = true;
  std::stop_token stop;
};

// f(x) = sum_i coefficients_i k(rows_i, x) - offset.
struct Machine {
  std::vector<std::int64_t> rows;       // of the training matrix, ascending
  std::vector<double> coefficients;
  double offset = 0.0;
};

// Separates `first` rows (f above 0) from `second` rows with costs of their own. Shapes: x [n, d] f64 contiguous.
// Errors: kCancelled, asked every thousand steps; kBadValue from libsvm's own check. Cost: between n^2 and n^3 times d.
// A training that is stopped leaves some 20 arrays of n numbers of libsvm's behind (not its cache): an exception is the only way out of
// its loop, and it keeps them by bare pointers.
Result<Machine> separate(const at::Tensor& x, const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& second,
                         double cost_first, double cost_second, const MachineOptions& options);
// Fits values [n] with an insensitive band of `epsilon`. Errors and cost: as above.
Result<Machine> fit_values(const at::Tensor& x, const at::Tensor& values, double cost, double epsilon, const MachineOptions& options);

// Several machines over the union of their support vectors.
struct MachineSet {
  at::Tensor support;        // [m, d]
  at::Tensor coefficients;   // [machines, m]
  at::Tensor offsets;        // [machines]
};
MachineSet unite(const at::Tensor& x, const std::vector<Machine>& machines);
// f of each machine for each row, [n, machines]. Errors: kCancelled between blocks of rows.
Result<at::Tensor> evaluate(const MachineSet& machines, const Kernel& kernel, const at::Tensor& x, const std::stop_token& stop);

}  // namespace headrace::learn::detail
