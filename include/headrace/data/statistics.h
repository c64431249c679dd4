// SPDX-License-Identifier: Apache-2.0
#pragma once
// Statistics over folds: mean, deviation, and how sure one can be of the mean. Plain numbers; threads: any.

#include <cstdint>
#include <optional>
#include <span>

namespace headrace::data {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Mean and population standard deviation (divided by n, what scikit-learn calls std_test_score) of `values`; sums run in order.
struct Summary {
  std::int64_t count = 0;
  double mean = 0;
  double deviation = 0;
};
Summary summary(std::span<const double> values);

/// Two-sided Student t interval for the mean of n values whose population deviation is `deviation`:
/// mean +- t(level, n - 1) * deviation / sqrt(n - 1). Nothing for n < 2, a level outside (0, 1), or numbers that are not finite.
/// Folds share training rows, so their scores are not independent and the interval is somewhat too narrow (Bengio and
/// Grandvalet 2004): read it as a guide.
std::optional<Interval> confidence_interval(double mean, double deviation, std::int64_t n, double level);

/// The value that a Student t variable with `degrees` > 0 degrees of freedom stays below with probability `p` in (0, 1).
/// Relative error below 1e-10.
double student_t_quantile(double p, double degrees);

}  // namespace headrace::data
