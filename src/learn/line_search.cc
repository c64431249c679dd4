// SPDX-License-Identifier: Apache-2.0
#include "learn/line_search.h"

#include <algorithm>
#include <cmath>

namespace headrace::learn::detail {

// The conditions: f(s) <= f(0) + decrease s f'(0) and |f'(s)| <= curvature |f'(0)|.
//
// The search keeps an interval [best, other] and a trial in it. The next trial is the minimiser of a cubic or quadratic through the
// values and slopes at best and trial, by the four cases of the paper (section 4). Until a trial has enough decrease and a positive
// slope, the first stage works on f(s) - decrease s f'(0) instead of f (section 2), which makes such a trial certain to exist.
// An interval that shrinks too slowly is bisected.
namespace {

constexpr double kDecrease = 1e-3;
constexpr double kCurvature = 0.9;
constexpr double kWidthRelative = 0.1;   // an interval this narrow, relative to its end, ends the search
constexpr double kStepMax = 1e10;
constexpr double kExtrapolateLow = 1.1, kExtrapolateHigh = 4.0;
constexpr double kShrink = 0.66;

}  // namespace

LineSearch::LineSearch(double value, double slope, double step)
    : value_start_(value),
      slope_start_(slope),
      best_{0.0, value, slope},
      other_{0.0, value, slope},
      step_(std::min(step, kStepMax)),
      step_max_(step_ + kExtrapolateHigh * step_),
      width_(kStepMax),
      width_before_(2.0 * kStepMax) {}

LineSearch::Verdict LineSearch::next(double value, double slope) {
  const double slope_wanted = kDecrease * slope_start_;
  const double value_wanted = value_start_ + step_ * slope_wanted;
  const bool decreased = value <= value_wanted;
  if (decreased && std::abs(slope) <= kCurvature * -slope_start_) return Verdict::kAccepted;
  if (bracketed_ && (step_ <= step_min_ || step_ >= step_max_)) return Verdict::kStuck;
  if (bracketed_ && step_max_ - step_min_ <= kWidthRelative * step_max_) return Verdict::kStuck;
  if (step_ == kStepMax && decreased && slope <= slope_wanted) return Verdict::kStuck;
  if (first_stage_ && decreased && slope >= 0.0) first_stage_ = false;

  if (first_stage_ && value <= best_.value && !decreased) {
    for (Point* point : {&best_, &other_}) {
      point->value -= point->step * slope_wanted;
      point->slope -= slope_wanted;
    }
    update({step_, value - step_ * slope_wanted, slope - slope_wanted});
    for (Point* point : {&best_, &other_}) {
      point->value += point->step * slope_wanted;
      point->slope += slope_wanted;
    }
  } else {
    update({step_, value, slope});
  }

  if (bracketed_) {
    if (std::abs(other_.step - best_.step) >= kShrink * width_before_) step_ = best_.step + 0.5 * (other_.step - best_.step);
    width_before_ = width_;
    width_ = std::abs(other_.step - best_.step);
    step_min_ = std::min(best_.step, other_.step);
    step_max_ = std::max(best_.step, other_.step);
  } else {
    step_min_ = step_ + kExtrapolateLow * (step_ - best_.step);
    step_max_ = step_ + kExtrapolateHigh * (step_ - best_.step);
  }
  step_ = std::clamp(step_, 0.0, kStepMax);
  // No progress is possible in an interval this narrow: take the best point once more and stop there.
  if (bracketed_ && (step_ <= step_min_ || step_ >= step_max_ || step_max_ - step_min_ <= kWidthRelative * step_max_)) step_ = best_.step;
  return Verdict::kAgain;
}

// Chooses the next trial from the current one, then lets the current one replace an end of the interval.
void LineSearch::update(Point trial) {
  bool bracketed = bracketed_;
  double next = cubic_or_quadratic(trial, bracketed);
  const bool opposite = trial.slope * (best_.slope / std::abs(best_.slope)) < 0.0;
  if (trial.value > best_.value) {
    other_ = trial;
  } else {
    if (opposite) other_ = best_;
    best_ = trial;
  }
  bracketed_ = bracketed;
  step_ = next;
}

double LineSearch::cubic_or_quadratic(const Point& trial, bool& bracketed) {
  const double sign = trial.slope * (best_.slope / std::abs(best_.slope));
  const double span = trial.step - best_.step;
  const double theta = 3.0 * (best_.value - trial.value) / span + best_.slope + trial.slope;
  const auto scale_of = [&](double a, double b) { return std::max({std::abs(theta), std::abs(a), std::abs(b)}); };

  if (trial.value > best_.value) {  // 1: higher: a minimum is bracketed
    const double scale = scale_of(best_.slope, trial.slope);
    double gamma = scale * std::sqrt((theta / scale) * (theta / scale) - (best_.slope / scale) * (trial.slope / scale));
    if (trial.step < best_.step) gamma = -gamma;
    const double ratio = ((gamma - best_.slope) + theta) / (((gamma - best_.slope) + gamma) + trial.slope);
    const double cubic = best_.step + ratio * span;
    const double quadratic = best_.step + ((best_.slope / ((best_.value - trial.value) / span + best_.slope)) / 2.0) * span;
    bracketed = true;
    return std::abs(cubic - best_.step) < std::abs(quadratic - best_.step) ? cubic : cubic + (quadratic - cubic) / 2.0;
  }
  if (sign < 0.0) {  // 2: lower, slopes of opposite sign: bracketed too
    const double scale = scale_of(best_.slope, trial.slope);
    double gamma = scale * std::sqrt((theta / scale) * (theta / scale) - (best_.slope / scale) * (trial.slope / scale));
    if (trial.step > best_.step) gamma = -gamma;
    const double ratio = ((gamma - trial.slope) + theta) / (((gamma - trial.slope) + gamma) + best_.slope);
    const double cubic = trial.step - ratio * span;
    const double secant = trial.step - (trial.slope / (trial.slope - best_.slope)) * span;
    bracketed = true;
    return std::abs(cubic - trial.step) > std::abs(secant - trial.step) ? cubic : secant;
  }
  if (std::abs(trial.slope) < std::abs(best_.slope)) {  // 3: lower, same sign, flatter: the cubic may have no minimum ahead
    const double scale = scale_of(best_.slope, trial.slope);
    const double root = std::max(0.0, (theta / scale) * (theta / scale) - (best_.slope / scale) * (trial.slope / scale));
    double gamma = scale * std::sqrt(root);
    if (trial.step > best_.step) gamma = -gamma;
    const double ratio = ((gamma - trial.slope) + theta) / ((gamma + (best_.slope - trial.slope)) + gamma);
    double cubic = trial.step > best_.step ? step_max_ : step_min_;
    if (ratio < 0.0 && gamma != 0.0) cubic = trial.step - ratio * span;
    const double secant = trial.step - (trial.slope / (trial.slope - best_.slope)) * span;
    const bool cubic_nearer = std::abs(cubic - trial.step) < std::abs(secant - trial.step);
    if (!bracketed) return std::clamp(cubic_nearer ? secant : cubic, step_min_, step_max_);
    const double limit = trial.step + kShrink * (other_.step - trial.step);
    const double nearer = cubic_nearer ? cubic : secant;
    return trial.step > best_.step ? std::min(limit, nearer) : std::max(limit, nearer);
  }
  if (!bracketed) return trial.step > best_.step ? step_max_ : step_min_;  // 4: lower, same sign, no flatter
  const double theta_other = 3.0 * (trial.value - other_.value) / (other_.step - trial.step) + other_.slope + trial.slope;
  const double scale = std::max({std::abs(theta_other), std::abs(other_.slope), std::abs(trial.slope)});
  double gamma = scale * std::sqrt((theta_other / scale) * (theta_other / scale) - (other_.slope / scale) * (trial.slope / scale));
  if (trial.step > other_.step) gamma = -gamma;
  const double ratio = ((gamma - trial.slope) + theta_other) / (((gamma - trial.slope) + gamma) + other_.slope);
  return trial.step + ratio * (other_.step - trial.step);
}

}  // namespace headrace::learn::detail
