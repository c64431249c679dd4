// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace headrace {
namespace {

TEST(RandomTest, MatchesThePublishedKnownAnswers) {
  // Random123 kat_vectors, philox4x32 10 rounds: zero counter and key; all ones.
  EXPECT_EQ(Random(0, 0).block(0), (std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(Random(~0ull, ~0ull).block(~0ull), (std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
}

TEST(RandomTest, StreamsAndSeedsDiffer) {
  EXPECT_NE(Random(1, 0).bits(), Random(1, 1).bits());
  EXPECT_NE(Random(1, 0).bits(), Random(2, 0).bits());
  EXPECT_NE(derive_seed(7, "pca"), derive_seed(7, "pcb"));
  EXPECT_EQ(derive_seed(7, "pca"), derive_seed(7, "pca"));
}

TEST(RandomTest, MomentsAreRight) {
  Random random(3);
  double sum = 0, squares = 0, uniform = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    uniform += random.uniform();
  }
  // Five standard errors: 5 / sqrt(200000) = 0.011; the variance of x^2 is 2.
  EXPECT_NEAR(sum / kDraws, 0.0, 0.011);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.016);
  EXPECT_NEAR(uniform / kDraws, 0.5, 0.0033);
}

TEST(RandomTest, PermutationHoldsEachNumberOnce) {
  auto order = Random(5).permutation(1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(RandomTest, BelowStaysBelow) {
  Random random(9);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace headrace
