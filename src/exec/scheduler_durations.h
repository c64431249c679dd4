// SPDX-License-Identifier: Apache-2.0
#pragma once
// Durations: how long the calls of one group take, learned from those that ended well.

#include <array>
#include <cstddef>
#include <cstdint>

namespace headrace::exec::detail {

class Durations {
 public:
  void learn(std::int64_t us);
  /// False until there are a few.
  bool known() const { return count_ >= kFew; }
  /// Of all at first, then one that forgets (weight 1/32 a call).
  double mean_us() const { return mean_us_; }
  /// Of the last 31.
  std::int64_t median_us() const { return median_us_; }

 private:
  static constexpr std::size_t kFew = 4, kKept = 31, kRefresh = 8;
  std::size_t count_ = 0;
  double mean_us_ = 0;
  std::int64_t median_us_ = 0;
  std::array<std::int64_t, kKept> last_{};
};

}  // namespace headrace::exec::detail
