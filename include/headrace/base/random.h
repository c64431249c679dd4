// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counter-based random numbers: Philox4x32-10. A stream is named by (seed, node, step); element i of it is a pure function of
// the name and i, so it does not matter who draws, when, or in which order. No std::*_distribution: their outputs differ
// between libraries. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace headrace {

/// Derives a 64-bit sub-seed from a seed and a name (SHA-256 of both): stable across builds and platforms.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

/// One stream of random numbers. Copyable; a copy continues from the same place. Threads: one at a time.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// Element `index` of the stream as 4 x 32 bits, without moving the cursor.
  std::array<std::uint32_t, 4> block(std::uint64_t index) const;

  std::uint64_t bits();                      ///< next 64 bits
  double uniform();                          ///< [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);  ///< [0, bound), unbiased (rejection); bound > 0
  double normal();                           ///< mean 0, variance 1 (Box-Muller on own log and cosine of libm)
  void fill_uniform(std::span<double> out);
  void fill_normal(std::span<double> out);
  /// Fisher-Yates permutation of 0..n-1.
  std::vector<std::int64_t> permutation(std::int64_t n);

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t next_ = 0;      // counter of 64-bit draws
  std::array<std::uint32_t, 4> current_{};
};

}  // namespace headrace
