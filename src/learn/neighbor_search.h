// SPDX-License-Identifier: Apache-2.0
#pragma once
// The k nearest of n points for each of m queries, exactly: equal distances come in order of row number.
//
// Purpose: behind both k-nearest-neighbour predictors. Threads: the calling thread and ATen's pool; results do not depend on its size.

#include <cstdint>
#include <stop_token>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"

namespace headrace::learn::detail {

enum class Metric { kEuclidean, kManhattan, kChebyshev, kMinkowski };

// "minkowski" with p = 1 or 2 is manhattan or euclidean. Errors: none; `name` comes from a bound choice.
Metric metric_from(std::string_view name, double p);

struct Neighbors {
  at::Tensor rows;        // [m, k] i64, nearest first
  at::Tensor distances;   // [m, k] f64
};

// Shapes: points [n, d], queries [m, d], both f64 contiguous; 1 <= k <= n. `p` is read for kMinkowski only.
// Errors: kCancelled. Cost: euclidean one product of m x d by d x n in blocks, and k exact distances a query; others n m d.
// Memory: one block of distances, 16 MiB.
Result<Neighbors> nearest_neighbors(const at::Tensor& points, const at::Tensor& queries, std::int64_t k, Metric metric, double p,
                                    const std::stop_token& stop);

}  // namespace headrace::learn::detail
