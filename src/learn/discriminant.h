// SPDX-License-Identifier: Apache-2.0
#pragma once
// Directions that separate classes: Fisher's linear discriminants by singular values, without forming a covariance.

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace headrace::learn::detail {

struct Discriminants {
  at::Tensor scalings;   // [d, r]: projections with unit variance (over n) within classes, most discriminating first; r < K
  at::Tensor centre;     // [d]: prior-weighted mean of the class means
  at::Tensor means;      // [K, d]
  at::Tensor priors;     // [K]: observed shares
};

// Shapes: rows [n, d] f64, codes [n] i64 in [0, K), every class present. Directions without variance within classes (below
// `rank_tolerance` of the largest) are dropped. Signs are free. Source: Hastie, Tibshirani, Friedman, section 4.3.
Discriminants find_discriminants(const at::Tensor& rows, const at::Tensor& codes, std::int64_t class_count, double rank_tolerance);

}  // namespace headrace::learn::detail
