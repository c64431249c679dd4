// SPDX-License-Identifier: Apache-2.0
#include "exec/scheduler_resources.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"

namespace headrace::exec::detail {

namespace {

constexpr double kUnit = 1e6;
// With these bounds no sum of a host's calls overflows.
constexpr double kCountMax = 1e6;
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 50;

Amount of_count(double count) { return static_cast<Amount>(std::llround(std::clamp(count, 0.0, kCountMax) * kUnit)); }
Amount of_bytes(std::uint64_t bytes) { return static_cast<Amount>(std::min(bytes, kBytesMax)); }

Status check_count(const std::string& name, double count) {
  if (std::isfinite(count) && count >= 0) return {};
  return Error(Code::kBadValue, cat("a call asks for an amount of ", name, " that is no number from 0 up: ", count));
}

}  // namespace

std::uint32_t ResourceNames::number(const std::string& name) {
  const auto [found, is_new] = numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return found->second;
}

Result<Ask> ResourceNames::ask(const Capacity& capacity) {
  HEADRACE_TRY(check_count("cpu", capacity.cpu));
  HEADRACE_TRY(check_count("gpu", capacity.gpu));
  Ask out;
  if (const Amount cpu = of_count(capacity.cpu); cpu > 0) out.emplace_back(kCpu, cpu);
  if (const Amount memory = of_bytes(capacity.memory_bytes); memory > 0) out.emplace_back(kMemory, memory);
  if (const Amount gpu = of_count(capacity.gpu); gpu > 0) out.emplace_back(kGpu, gpu);
  for (const auto& [name, count] : capacity.custom) {
    HEADRACE_TRY(check_count(name, count));
    if (const Amount amount = of_count(count); amount > 0) out.emplace_back(number(name), amount);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Stock ResourceNames::stock(const Capacity& capacity) {
  Stock out{of_count(capacity.cpu), capacity.memory_bytes == 0 ? kNoBound : of_bytes(capacity.memory_bytes), of_count(capacity.gpu)};
  for (const auto& [name, count] : capacity.custom) {
    const std::uint32_t resource = number(name);
    if (out.size() <= resource) out.resize(resource + 1);
    out[resource] = std::isfinite(count) ? of_count(count) : 0;
  }
  return out;
}

namespace {

Amount at(const Stock& stock, std::uint32_t resource) { return resource < stock.size() ? stock[resource] : 0; }
Amount left(const Stock& capacity, const Stock& taken, std::uint32_t resource) {
  const Amount all = at(capacity, resource);
  return all == kNoBound ? kNoBound : all - at(taken, resource);
}

}  // namespace

Amount copies(const Stock& capacity, const Stock& taken, const Ask& ask) {
  Amount out = kNoBound;
  for (const auto& [resource, amount] : ask) out = std::min(out, std::max<Amount>(0, left(capacity, taken, resource)) / amount);
  return out;
}

bool fits(const Stock& capacity, const Stock& taken, const Ask& ask) {
  for (const auto& [resource, amount] : ask)
    if (left(capacity, taken, resource) < amount) return false;
  return true;
}

bool within(const Ask& small, const Ask& large) {
  auto at = large.begin();
  for (const auto& [resource, amount] : small) {
    while (at != large.end() && at->first < resource) ++at;
    if (at == large.end() || at->first != resource || at->second < amount) return false;
  }
  return true;
}

void take(Stock& taken, const Ask& ask) {
  for (const auto& [resource, amount] : ask) {
    if (taken.size() <= resource) taken.resize(resource + 1);
    taken[resource] += amount;
  }
}

void give_back(Stock& taken, const Ask& ask) {
  for (const auto& [resource, amount] : ask) taken[resource] -= amount;
}

std::string amount_text(const std::string& name, std::uint32_t resource, Amount amount) {
  if (resource == kMemory) return cat(bytes_text(static_cast<std::uint64_t>(amount)), " ", name);
  return cat(static_cast<double>(amount) / kUnit, " ", name);
}

}  // namespace headrace::exec::detail
