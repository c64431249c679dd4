// SPDX-License-Identifier: Apache-2.0
#pragma once
// Resources as whole numbers: millionths of a processor, bytes, millionths of a device. Sums of them are exact, so that a thousand
// calls that took a third each give back all that they took.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/exec/scheduler.h"

namespace headrace::exec::detail {

using Amount = std::int64_t;
inline constexpr Amount kNoBound = std::numeric_limits<Amount>::max();
inline constexpr std::size_t kCpu = 0, kMemory = 1, kGpu = 2;

/// What one call asks: (number of the resource, amount above 0), ascending by number.
using Ask = std::vector<std::pair<std::uint32_t, Amount>>;
/// What a host has or what is taken of it, by number of the resource; those past the end are 0.
using Stock = std::vector<Amount>;

/// Gives each custom resource a number, by name.
class ResourceNames {
 public:
  /// Errors: kBadValue for amounts below 0 or not finite.
  Result<Ask> ask(const Capacity& capacity);
  /// Amounts below 0 count as 0.
  Stock stock(const Capacity& capacity);
  const std::string& name(std::uint32_t resource) const { return names_[resource]; }

 private:
  std::uint32_t number(const std::string& name);
  std::vector<std::string> names_{"cpu", "memory", "gpu"};
  std::map<std::string, std::uint32_t> numbers_;
};

/// How many more that ask for `ask` fit.
Amount copies(const Stock& capacity, const Stock& taken, const Ask& ask);
bool fits(const Stock& capacity, const Stock& taken, const Ask& ask);
/// Whether `small` asks for no more of anything than `large`.
bool within(const Ask& small, const Ask& large);
void take(Stock& taken, const Ask& ask);
void give_back(Stock& taken, const Ask& ask);
/// "2 cpu", "1.5 GB memory", "1 fast_disk".
std::string amount_text(const std::string& name, std::uint32_t resource, Amount amount);

}  // namespace headrace::exec::detail
