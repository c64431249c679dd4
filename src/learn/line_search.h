// SPDX-License-Identifier: Apache-2.0
#pragma once
// Line search of More and Thuente: a step that satisfies the strong Wolfe conditions, one trial at a time.
//
// The caller evaluates, the search decides: `next(f, g)` takes the value and the slope at the current trial step and either accepts it
// or moves to another one. Plain state, no callbacks. Threads: one.

namespace headrace::learn::detail {

class LineSearch {
 public:
  // `value` and `slope` (< 0) are those at step 0; `step` (> 0) is the first trial.
  LineSearch(double value, double slope, double step);

  enum class Verdict { kAgain, kAccepted, kStuck };  // kStuck: rounding or a bound stops the search; `step` is the best one known
  Verdict next(double value, double slope);
  double step() const { return step_; }

 private:
  struct Point {
    double step = 0.0, value = 0.0, slope = 0.0;
  };
  void update(Point trial);
  double cubic_or_quadratic(const Point& trial, bool& bracketed);

  double value_start_, slope_start_;
  Point best_, other_;     // ends of the interval of uncertainty once bracketed
  bool bracketed_ = false;
  bool first_stage_ = true;
  double step_;
  double step_min_ = 0.0, step_max_ = 0.0;
  double width_, width_before_;
};

}  // namespace headrace::learn::detail
