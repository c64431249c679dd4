// SPDX-License-Identifier: Apache-2.0
#pragma once
// Booster: XGBoost's C API behind values and Results. Trees are grown from gradients that the caller computes, one round at a time, so a
// round can be cancelled, sampled and seeded by us; XGBoost finds the splits, and gives the trees away at the end.
//
// Same bits for any thread count: XGBoost adds gradients in an order that depends on it, so `quantize` rounds them to a grid on which
// sums in double are exact. Threads: one owner at a time; a matrix must not be shared by boosters that run at once (it sorts its columns
// when first used).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/result.h"
#include "learn/trees.h"

namespace headrace::learn::detail {

using BoosterOptions = std::vector<std::pair<std::string, std::string>>;

/// Features as XGBoost holds them: float32, NaN is missing. Errors: kTaskFailed for values beyond float32.
class BoosterMatrix {
 public:
  /// `values` [rows, width] row-major; read during the call only.
  static Result<BoosterMatrix> make(const double* values, std::int64_t rows, std::int64_t width, int threads);

  std::int64_t rows() const { return rows_; }
  void* handle() const { return handle_.get(); }

 private:
  std::shared_ptr<void> handle_;
  std::int64_t rows_ = 0;
};

/// Errors of all calls: kTaskFailed with XGBoost's own words.
class Booster {
 public:
  /// An empty model of `outputs` scores a row. XGBoost's own names for options; objective, base score and threads are set here.
  static Result<Booster> make(const BoosterMatrix& matrix, std::int64_t outputs, int threads, const BoosterOptions& options);

  /// Grows one tree an output from gradients and curvatures, [rows, outputs] row-major each.
  Status grow(const BoosterMatrix& matrix, std::span<const float> gradients, std::span<const float> curvatures);
  /// Sums of leaves, [rows, outputs] row-major.
  Result<std::vector<float>> scores(const BoosterMatrix& matrix) const;
  /// The trees grown so far, without what pruning cut off.
  Result<Trees> trees() const;

 private:
  std::shared_ptr<void> handle_;
  std::int64_t outputs_ = 1;
};

/// Rounds to multiples of the power of two that leaves 24 bits to the largest magnitude: sums of up to 2^29 of them are exact in double.
void quantize(std::span<float> values);

}  // namespace headrace::learn::detail
