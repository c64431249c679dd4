// SPDX-License-Identifier: Apache-2.0
#include "exec/scheduler_durations.h"

#include <algorithm>

namespace headrace::exec::detail {

void Durations::learn(std::int64_t us) {
  us = std::max<std::int64_t>(us, 0);
  last_[count_ % kKept] = us;
  ++count_;
  mean_us_ += (static_cast<double>(us) - mean_us_) / static_cast<double>(std::min<std::size_t>(count_, 32));
  // Finding the median costs more than the rest of an event, and it moves slowly once there are many.
  if (count_ > kKept && count_ % kRefresh != 0) return;
  std::array<std::int64_t, kKept> sorted = last_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(count_, kKept));
  const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
  std::nth_element(sorted.begin(), middle, end);
  median_us_ = *middle;
}

}  // namespace headrace::exec::detail
