// SPDX-License-Identifier: Apache-2.0
#include "learn/lloyd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace headrace::learn::detail {
namespace {

constexpr std::int64_t kBlockEntries = 1 << 20;

struct Rows {
  const double* values;
  std::int64_t count, width;
  const double* row(std::int64_t i) const { return values + i * width; }
};

Rows rows_of(const at::Tensor& matrix) { return {matrix.const_data_ptr<double>(), matrix.size(0), matrix.size(1)}; }

double squared_distance(const double* a, const double* b, std::int64_t width) {
  double sum = 0.0;
  for (std::int64_t j = 0; j < width; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

// Writes the nearest centre of each row: argmin of |c|^2 - 2 x.c.
void assign(const at::Tensor& rows, const at::Tensor& centers, std::vector<std::int64_t>& labels) {
  const std::int64_t k = centers.size(0), block = std::max<std::int64_t>(1, kBlockEntries / k);
  const at::Tensor norms = centers.mul(centers).sum(1);
  for (std::int64_t begin = 0; begin < rows.size(0); begin += block) {
    const std::int64_t end = std::min(begin + block, rows.size(0));
    const at::Tensor scores = at::addmm(norms, rows.slice(0, begin, end), centers.t(), 1.0, -2.0);
    const double* score = scores.const_data_ptr<double>();
    for (std::int64_t i = begin; i < end; ++i, score += k) labels[static_cast<std::size_t>(i)] = std::min_element(score, score + k) - score;
  }
}

// Rows that keep k-means from losing a centre: the farthest from their own centres, one an empty cluster, farthest first.
void refill(const Rows& x, const double* weights, const double* centers, std::vector<std::int64_t>& owners, double* sums,
            std::vector<double>& totals) {
  std::vector<std::int64_t> empty;
  for (std::size_t c = 0; c < totals.size(); ++c) {
    if (totals[c] == 0.0) empty.push_back(static_cast<std::int64_t>(c));
  }
  if (empty.empty()) return;
  std::vector<double> distances(static_cast<std::size_t>(x.count));
  for (std::int64_t i = 0; i < x.count; ++i) {
    distances[static_cast<std::size_t>(i)] = squared_distance(x.row(i), centers + owners[static_cast<std::size_t>(i)] * x.width, x.width);
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(x.count));
  std::iota(order.begin(), order.end(), 0);
  const auto wanted = std::min(order.size(), empty.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(), [&](std::int64_t a, std::int64_t b) {
    const double left = distances[static_cast<std::size_t>(a)], right = distances[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  });
  for (std::size_t e = 0; e < wanted; ++e) {
    const std::int64_t row = order[e], to = empty[e], from = owners[static_cast<std::size_t>(row)];
    if (distances[static_cast<std::size_t>(row)] == 0.0) return;
    const double weight = weights[row];
    for (std::int64_t j = 0; j < x.width; ++j) {
      sums[from * x.width + j] -= weight * x.row(row)[j];
      sums[to * x.width + j] = weight * x.row(row)[j];
    }
    totals[static_cast<std::size_t>(from)] -= weight;
    totals[static_cast<std::size_t>(to)] = weight;
    owners[static_cast<std::size_t>(row)] = to;
  }
}

// Means of the clusters; returns how far the centres moved, squared and summed.
double move_centers(const Rows& x, const double* weights, const std::vector<std::int64_t>& labels, at::Tensor& centers) {
  const std::int64_t k = centers.size(0);
  at::Tensor fresh = at::zeros({k, x.width}, at::kDouble);
  double* sums = fresh.mutable_data_ptr<double>();
  std::vector<double> totals(static_cast<std::size_t>(k), 0.0);
  for (std::int64_t i = 0; i < x.count; ++i) {
    const std::int64_t label = labels[static_cast<std::size_t>(i)];
    double* sum = sums + label * x.width;
    for (std::int64_t j = 0; j < x.width; ++j) sum[j] += weights[i] * x.row(i)[j];
    totals[static_cast<std::size_t>(label)] += weights[i];
  }
  std::vector<std::int64_t> owners = labels;
  const double* before = centers.const_data_ptr<double>();
  refill(x, weights, before, owners, sums, totals);
  double moved = 0.0;
  for (std::int64_t c = 0; c < k; ++c) {
    double* centre = sums + c * x.width;
    const double total = totals[static_cast<std::size_t>(c)];
    for (std::int64_t j = 0; j < x.width; ++j) centre[j] = total > 0.0 ? centre[j] / total : before[c * x.width + j];
    moved += squared_distance(centre, before + c * x.width, x.width);
  }
  centers = fresh;
  return moved;
}

// The first index whose running sum of `values` exceeds `target`.
std::int64_t find_share(const std::vector<double>& running, double target) {
  const auto found = std::upper_bound(running.begin(), running.end(), target);
  return std::min<std::int64_t>(found - running.begin(), static_cast<std::int64_t>(running.size()) - 1);
}

std::vector<double> running_sum(const std::vector<double>& values) {
  std::vector<double> sums(values.size());
  std::partial_sum(values.begin(), values.end(), sums.begin());
  return sums;
}

}  // namespace

at::Tensor squared_distances(const at::Tensor& rows, const at::Tensor& centers) {
  const at::Tensor squares = rows.mul(rows).sum(1, /*keepdim=*/true);
  return at::addmm(centers.mul(centers).sum(1), rows, centers.t(), 1.0, -2.0).add_(squares).clamp_min_(0.0);
}

at::Tensor plus_plus_centers(const at::Tensor& rows, const at::Tensor& weights, std::int64_t k, Random& random) {
  const Rows x = rows_of(rows);
  const double* weight = weights.const_data_ptr<double>();
  const auto trials = 2 + static_cast<std::int64_t>(std::log(static_cast<double>(k)));
  at::Tensor centers = at::empty({k, x.width}, at::kDouble);
  const auto place = [&](std::int64_t c, std::int64_t row) {
    std::copy_n(x.row(row), x.width, centers.mutable_data_ptr<double>() + c * x.width);
  };

  const auto count = static_cast<std::size_t>(x.count);
  std::vector<double> running = running_sum(std::vector<double>(weight, weight + count));
  const std::int64_t first = find_share(running, random.uniform() * running.back());
  place(0, first);
  std::vector<double> nearest(count), weighted(count), candidate(count), best(count);
  for (std::size_t i = 0; i < count; ++i) nearest[i] = squared_distance(x.row(static_cast<std::int64_t>(i)), x.row(first), x.width);
  for (std::int64_t c = 1; c < k; ++c) {
    for (std::size_t i = 0; i < count; ++i) weighted[i] = weight[i] * nearest[i];
    running = running_sum(weighted);
    double best_inertia = std::numeric_limits<double>::infinity();
    std::int64_t best_row = 0;
    for (std::int64_t trial = 0; trial < trials; ++trial) {
      const std::int64_t row = find_share(running, random.uniform() * running.back());
      double inertia = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        candidate[i] = std::min(nearest[i], squared_distance(x.row(static_cast<std::int64_t>(i)), x.row(row), x.width));
        inertia += weight[i] * candidate[i];
      }
      if (inertia >= best_inertia) continue;
      best_inertia = inertia;
      best_row = row;
      best.swap(candidate);
    }
    place(c, best_row);
    nearest.swap(best);
  }
  return centers;
}

at::Tensor random_centers(const at::Tensor& rows, const at::Tensor& weights, std::int64_t k, Random& random) {
  const Rows x = rows_of(rows);
  // Keys log(u) / w: the k largest are a draw without replacement by weight (Efraimidis and Spirakis 2006).
  std::vector<std::pair<double, std::int64_t>> keys;
  for (std::int64_t i = 0; i < x.count; ++i) {
    const double weight = weights.const_data_ptr<double>()[i], draw = random.uniform();
    keys.emplace_back(weight > 0.0 ? std::log1p(-draw) / weight : -std::numeric_limits<double>::infinity(), i);
  }
  std::partial_sort(keys.begin(), keys.begin() + k, keys.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  at::Tensor centers = at::empty({k, x.width}, at::kDouble);
  for (std::int64_t c = 0; c < k; ++c) {
    std::copy_n(x.row(keys[static_cast<std::size_t>(c)].second), x.width, centers.mutable_data_ptr<double>() + c * x.width);
  }
  return centers;
}

Result<LloydResult> lloyd(const at::Tensor& rows, const at::Tensor& weights, at::Tensor centers, double tolerance,
                          std::int64_t iteration_max, const std::stop_token& stop) {
  const Rows x = rows_of(rows);
  const double* weight = weights.const_data_ptr<double>();
  LloydResult result;
  std::vector<std::int64_t> labels(static_cast<std::size_t>(x.count), -1), before = labels;
  bool settled = false;
  while (!settled && result.iterations < iteration_max) {
    if (stop.stop_requested()) return Error(Code::kCancelled, "k-means was stopped");
    assign(rows, centers, labels);
    const double moved = move_centers(x, weight, labels, centers);
    ++result.iterations;
    settled = labels == before;
    if (moved <= tolerance) break;
    before = labels;
  }
  if (!settled) assign(rows, centers, labels);

  result.labels = at::empty({x.count}, at::kLong);
  std::copy(labels.begin(), labels.end(), result.labels.mutable_data_ptr<std::int64_t>());
  for (std::int64_t i = 0; i < x.count; ++i) {
    const double* centre = centers.const_data_ptr<double>() + labels[static_cast<std::size_t>(i)] * x.width;
    result.inertia += weight[i] * squared_distance(x.row(i), centre, x.width);
  }
  result.centers = std::move(centers);
  return result;
}

}  // namespace headrace::learn::detail
