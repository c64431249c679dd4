// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "headrace/base/check.h"
#include "headrace/base/digest.h"

namespace headrace {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
constexpr int kRounds = 10;

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

}  // namespace

std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) {
  const Digest digest = Hasher().field("seed").field(seed).field(name).finish();
  std::uint64_t out = 0;
  for (int i = 0; i < 8; ++i) out |= std::uint64_t{digest.bytes[static_cast<std::size_t>(i)]} << (8 * i);
  return out;
}

std::array<std::uint32_t, 4> Random::block(std::uint64_t index) const {
  return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), static_cast<std::uint32_t>(stream_),
                 static_cast<std::uint32_t>(stream_ >> 32)},
                static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
}

std::uint64_t Random::bits() {
  if (next_ % 2 == 0) current_ = block(next_ / 2);
  const std::size_t half = next_ % 2 == 0 ? 0 : 2;
  ++next_;
  return (std::uint64_t{current_[half + 1]} << 32) | current_[half];
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

std::uint64_t Random::below(std::uint64_t bound) {
  HEADRACE_CHECK(bound > 0, "a bound of zero leaves nothing to draw");
  const std::uint64_t limit = bound * (~std::uint64_t{0} / bound);   // the largest multiple of bound that fits
  while (true) {
    const std::uint64_t draw = bits();
    if (draw < limit) return draw % bound;
  }
}

double Random::normal() {
  // 1 - uniform() lies in (0, 1], so the logarithm is finite. Both draws are used for one number: no hidden state to copy.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

void Random::fill_uniform(std::span<double> out) {
  for (double& value : out) value = uniform();
}

void Random::fill_normal(std::span<double> out) {
  for (double& value : out) value = normal();
}

std::vector<std::int64_t> Random::permutation(std::int64_t n) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[below(i)]);
  return out;
}

}  // namespace headrace
