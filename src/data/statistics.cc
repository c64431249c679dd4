// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/statistics.h"

#include <math.h>  // lgamma_r: std::lgamma writes a global

#include <cmath>
#include <limits>

#include "headrace/base/check.h"

namespace headrace::data {
namespace {

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// The continued fraction of the incomplete beta function, by Lentz's method. Source: DLMF 8.17.22.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto term = [&](int m) {
    const double k = m / 2;
    if (m % 2 == 0) return k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
    return -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
  };
  double value = 1, numerator = 1, denominator = 0;
  for (int m = 1; m < 1000; ++m) {
    const double step = term(m);
    denominator = 1 + step * denominator;
    if (std::abs(denominator) < kTiny) denominator = kTiny;
    denominator = 1 / denominator;
    numerator = 1 + step / numerator;
    if (std::abs(numerator) < kTiny) numerator = kTiny;
    value *= numerator * denominator;
    if (std::abs(numerator * denominator - 1) < 1e-15) break;
  }
  return 1 / value;
}

// The regularised incomplete beta function I_x(a, b); `complement` is 1 - x, given apart so that x near 1 stays exact.
double incomplete_beta(double a, double b, double x, double complement) {
  if (x <= 0) return 0;
  if (complement <= 0) return 1;
  const double scale = std::exp(a * std::log(x) + b * std::log(complement) + log_gamma(a + b) - log_gamma(a) - log_gamma(b));
  if (x < (a + 1) / (a + b + 2)) return scale * beta_fraction(a, b, x) / a;
  return 1 - scale * beta_fraction(b, a, complement) / b;
}

// P(T > t) for t >= 0.
double upper_tail(double t, double degrees) {
  const double square = t * t;
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2;
}

}  // namespace

Summary summary(std::span<const double> values) {
  Summary out;
  out.count = static_cast<std::int64_t>(values.size());
  if (values.empty()) return out;
  for (const double value : values) out.mean += value;
  out.mean /= static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.deviation = std::sqrt(squares / static_cast<double>(values.size()));
  return out;
}

double student_t_quantile(double p, double degrees) {
  HEADRACE_CHECK(p > 0 && p < 1 && degrees > 0, "a quantile needs 0 < p < 1 and degrees > 0");
  if (p < 0.5) return -student_t_quantile(1 - p, degrees);
  const double tail = 1 - p;
  double low = 0, high = 1;
  while (upper_tail(high, degrees) > tail && high < std::numeric_limits<double>::max() / 4) high *= 2;
  // Halving reaches the last bit in at most some 60 steps once the bracket is one octave.
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    (upper_tail(middle, degrees) > tail ? low : high) = middle;
  }
}

std::optional<Interval> confidence_interval(double mean, double deviation, std::int64_t n, double level) {
  if (n < 2 || !(level > 0 && level < 1) || !std::isfinite(mean) || !std::isfinite(deviation)) return std::nullopt;
  const double degrees = static_cast<double>(n - 1);
  const double half = student_t_quantile(0.5 + level / 2, degrees) * deviation / std::sqrt(degrees);
  return Interval{mean - half, mean + half};
}

}  // namespace headrace::data
