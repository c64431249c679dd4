// SPDX-License-Identifier: Apache-2.0
#include "parity_compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "headrace/base/text.h"

namespace headrace::parity {
namespace {

double entry_difference(double ours, double reference) {
  if (std::isnan(ours) && std::isnan(reference)) return 0;
  const double difference = std::abs(ours - reference) / std::max(1.0, std::abs(reference));
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

}  // namespace

Result<double> matrix_difference(const data::Tensor& ours, const data::Tensor& reference, bool up_to_sign) {
  const auto shape_text = [](const data::Tensor& tensor) {
    std::vector<std::string> sizes;
    for (const std::int64_t size : tensor.shape()) sizes.push_back(std::to_string(size));
    return join(sizes, " x ");
  };
  if (ours.shape() != reference.shape()) return Error(Code::kShape, cat("ours is ", shape_text(ours), ", theirs ", shape_text(reference)));
  if (ours.count() == 0) return Error(Code::kShape, "there is nothing to compare");
  const std::size_t columns = ours.shape().size() == 2 ? static_cast<std::size_t>(ours.dim(1)) : 1;
  const auto a = ours.span<double>(), b = reference.span<double>();
  double worst = 0;
  for (std::size_t column = 0; column < columns; ++column) {
    double straight = 0, negated = 0;
    for (std::size_t i = column; i < a.size(); i += columns) {
      straight = std::max(straight, entry_difference(a[i], b[i]));
      negated = std::max(negated, entry_difference(-a[i], b[i]));
    }
    worst = std::max(worst, up_to_sign ? std::min(straight, negated) : straight);
  }
  return worst;
}

Result<double> name_difference(std::span<const std::string> ours, std::span<const std::string> reference, bool up_to_names) {
  if (ours.size() != reference.size() || ours.empty()) return Error(Code::kShape, cat(ours.size(), " rows against ", reference.size()));
  std::map<std::pair<std::string, std::string>, std::int64_t> together;
  for (std::size_t row = 0; row < ours.size(); ++row) ++together[{ours[row], reference[row]}];
  std::vector<std::pair<std::int64_t, std::pair<std::string, std::string>>> pairs;
  for (const auto& [names, count] : together) pairs.emplace_back(count, names);
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::set<std::string> taken_ours, taken_theirs;
  std::int64_t agree = 0;
  for (const auto& [count, names] : pairs) {
    if (!up_to_names) {
      agree += names.first == names.second ? count : 0;
    } else if (!taken_ours.contains(names.first) && !taken_theirs.contains(names.second)) {
      taken_ours.insert(names.first);
      taken_theirs.insert(names.second);
      agree += count;
    }
  }
  return 1 - static_cast<double>(agree) / static_cast<double>(ours.size());
}

}  // namespace headrace::parity
