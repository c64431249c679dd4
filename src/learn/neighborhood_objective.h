// SPDX-License-Identifier: Apache-2.0
#pragma once
// The objective of neighbourhood components analysis: how many rows a stochastic nearest neighbour classifies right.

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace headrace::learn::detail {

// Row i picks another row j with probability p_ij ~ exp(-|L x_i - L x_j|^2). The objective is the expected number of rows that pick one
// of their own class. Source: Goldberger, Roweis, Hinton, Salakhutdinov, NIPS 2004, equations 1 to 5.
//
// Shapes: rows [n, d] f64 contiguous, codes [n] i64. Cost per evaluation: O(n^2 (k + d)). Memory: a few blocks of 16 MiB.
class NeighborhoodObjective {
 public:
  NeighborhoodObjective(at::Tensor rows, at::Tensor codes);

  // `map` [k, d] row-major. Returns minus the objective and writes its gradient by `map`.
  double evaluate(std::span<const double> map, std::span<double> gradient) const;

 private:
  at::Tensor rows_, codes_;
};

}  // namespace headrace::learn::detail
