// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lloyd's iterations for k-means, and the k-means++ start.
//
// Purpose: the maths behind the k_means operator. Threads: the caller's, and ATen's pool for products. Sums over rows run in row order.

#include <cstdint>
#include <stop_token>

#include <ATen/core/Tensor.h>

#include "headrace/base/random.h"
#include "headrace/base/result.h"

namespace headrace::learn::detail {

struct LloydResult {
  at::Tensor centers;           // [k, d] f64
  at::Tensor labels;            // [n] i64: the nearest centre, the first of equals
  double inertia = 0.0;         // weighted sum of squared distances to the nearest centre
  std::int64_t iterations = 0;
};

// Squared distances [n, k] up to rounding, never below 0.
at::Tensor squared_distances(const at::Tensor& rows, const at::Tensor& centers);

// Greedy k-means++: each centre is the best, by remaining inertia, of 2 + log(k) rows drawn with probability proportional to their
// squared distance from the centres so far. Source: Arthur and Vassilvitskii, SODA 2007; the greedy choice is section 4 there.
at::Tensor plus_plus_centers(const at::Tensor& rows, const at::Tensor& weights, std::int64_t k, Random& random);
// k different rows, drawn by weight.
at::Tensor random_centers(const at::Tensor& rows, const at::Tensor& weights, std::int64_t k, Random& random);

// Alternates assignment and means until no label changes, the centres move by at most `tolerance` (squared, summed) or iteration_max.
// A centre that lost its rows takes the row farthest from its own centre. Shapes: rows [n, d], weights [n], centers [k, d], f64.
// Errors: kCancelled.
Result<LloydResult> lloyd(const at::Tensor& rows, const at::Tensor& weights, at::Tensor centers, double tolerance,
                          std::int64_t iteration_max, const std::stop_token& stop);

}  // namespace headrace::learn::detail
