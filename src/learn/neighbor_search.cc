// SPDX-License-Identifier: Apache-2.0
#include "learn/neighbor_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

namespace headrace::learn::detail {

// Euclidean distances come from |q|^2 - 2 q.x + |x|^2, one matrix product for a block of queries. That form loses digits when points
// lie close together, and its last bits depend on how the product was split, so it only nominates: everything within its error bound of
// the k-th smallest is measured again as sum (q - x)^2 in feature order, and ordered by (distance, row). The other metrics have no
// such product and are measured directly.
namespace {

constexpr std::int64_t kBlockEntries = 2 << 20;

struct Candidate {
  double distance;
  std::int64_t row;

  bool operator<(const Candidate& other) const { return distance != other.distance ? distance < other.distance : row < other.row; }
};

template <Metric metric>
double measure(const double* a, const double* b, std::int64_t width, double p) {
  double sum = 0.0;
  for (std::int64_t j = 0; j < width; ++j) {
    const double gap = a[j] - b[j];
    if constexpr (metric == Metric::kEuclidean) sum += gap * gap;
    if constexpr (metric == Metric::kManhattan) sum += std::abs(gap);
    if constexpr (metric == Metric::kChebyshev) sum = std::max(sum, std::abs(gap));
    if constexpr (metric == Metric::kMinkowski) sum += std::pow(std::abs(gap), p);
  }
  return sum;
}

double finish(double sum, Metric metric, double p) {
  if (metric == Metric::kEuclidean) return std::sqrt(sum);
  return metric == Metric::kMinkowski ? std::pow(sum, 1.0 / p) : sum;
}

std::vector<double> squared_norms(const at::Tensor& matrix) {
  const double* values = matrix.const_data_ptr<double>();
  std::vector<double> norms(static_cast<std::size_t>(matrix.size(0)), 0.0);
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const double* row = values + static_cast<std::int64_t>(i) * matrix.size(1);
    for (std::int64_t j = 0; j < matrix.size(1); ++j) norms[i] += row[j] * row[j];
  }
  return norms;
}

class Search {
 public:
  Search(const at::Tensor& points, const at::Tensor& queries, std::int64_t k, Metric metric, double p)
      : points_(points), queries_(queries), k_(k), metric_(metric), p_(p), width_(points.size(1)), point_count_(points.size(0)) {
    found_.rows = at::empty({queries.size(0), k}, at::kLong);
    found_.distances = at::empty({queries.size(0), k}, at::kDouble);
    if (metric_ == Metric::kEuclidean) {
      point_norms_ = squared_norms(points_);
      for (const double norm : point_norms_) norm_max_ = std::max(norm_max_, norm);
      query_norms_ = squared_norms(queries_);
    }
  }

  Result<Neighbors> run(const std::stop_token& stop) {
    const std::int64_t block = std::clamp<std::int64_t>(kBlockEntries / std::max<std::int64_t>(1, point_count_), 1, 1024);
    for (std::int64_t begin = 0; begin < queries_.size(0); begin += block) {
      if (stop.stop_requested()) return Error(Code::kCancelled, "the search for neighbours was stopped");
      search_block(begin, std::min(begin + block, queries_.size(0)));
    }
    return std::move(found_);
  }

 private:
  void search_block(std::int64_t begin, std::int64_t end) {
    at::Tensor products;
    if (metric_ == Metric::kEuclidean) products = queries_.slice(0, begin, end).mm(points_.t());
    const double* product = products.defined() ? products.const_data_ptr<double>() : nullptr;
    at::parallel_for(begin, end, 1 + 4096 / point_count_, [&](std::int64_t from, std::int64_t to) {
      std::vector<Candidate> candidates;
      std::vector<double> rough(static_cast<std::size_t>(product ? point_count_ : 0));
      for (std::int64_t query = from; query < to; ++query) {
        if (product) {
          nominate(query, product + (query - begin) * point_count_, rough, candidates);
        } else {
          measure_all(query, candidates);
        }
        keep(query, candidates);
      }
    });
  }

  // Euclidean: rough squared distances less |q|^2, then exact ones of all that may be among the k nearest.
  void nominate(std::int64_t query, const double* product, std::vector<double>& rough, std::vector<Candidate>& candidates) {
    for (std::size_t i = 0; i < rough.size(); ++i) rough[i] = point_norms_[i] - 2.0 * product[i];
    std::vector<double>& order = scratch();
    order.assign(rough.begin(), rough.end());
    std::nth_element(order.begin(), order.begin() + (k_ - 1), order.end());
    // Each of the three sums of `width` terms has a relative error below width * epsilon; twice for the k-th and for the other.
    const double scale = query_norms_[static_cast<std::size_t>(query)] + norm_max_;
    const double bound = 8.0 * static_cast<double>(width_ + 4) * std::numeric_limits<double>::epsilon() * scale;
    const double limit = order[static_cast<std::size_t>(k_ - 1)] + bound;
    const double* q = queries_.const_data_ptr<double>() + query * width_;
    const double* points = points_.const_data_ptr<double>();
    candidates.clear();
    for (std::int64_t i = 0; i < point_count_; ++i) {
      if (!(rough[static_cast<std::size_t>(i)] > limit)) {
        candidates.push_back({measure<Metric::kEuclidean>(q, points + i * width_, width_, p_), i});
      }
    }
  }

  void measure_all(std::int64_t query, std::vector<Candidate>& candidates) const {
    const double* q = queries_.const_data_ptr<double>() + query * width_;
    const double* points = points_.const_data_ptr<double>();
    candidates.clear();
    for (std::int64_t i = 0; i < point_count_; ++i) {
      const double* x = points + i * width_;
      const double distance = metric_ == Metric::kManhattan   ? measure<Metric::kManhattan>(q, x, width_, p_)
                              : metric_ == Metric::kChebyshev ? measure<Metric::kChebyshev>(q, x, width_, p_)
                                                              : measure<Metric::kMinkowski>(q, x, width_, p_);
      candidates.push_back({distance, i});
    }
  }

  void keep(std::int64_t query, std::vector<Candidate>& candidates) {
    std::partial_sort(candidates.begin(), candidates.begin() + k_, candidates.end());
    auto* rows = found_.rows.mutable_data_ptr<std::int64_t>() + query * k_;
    auto* distances = found_.distances.mutable_data_ptr<double>() + query * k_;
    for (std::int64_t j = 0; j < k_; ++j) {
      rows[j] = candidates[static_cast<std::size_t>(j)].row;
      distances[j] = finish(candidates[static_cast<std::size_t>(j)].distance, metric_, p_);
    }
  }

  static std::vector<double>& scratch() {
    thread_local std::vector<double> order;
    return order;
  }

  const at::Tensor& points_;
  const at::Tensor& queries_;
  std::int64_t k_;
  Metric metric_;
  double p_;
  std::int64_t width_, point_count_;
  std::vector<double> point_norms_, query_norms_;
  double norm_max_ = 0.0;
  Neighbors found_;
};

}  // namespace

Metric metric_from(std::string_view name, double p) {
  if (name == "manhattan") return Metric::kManhattan;
  if (name == "chebyshev") return Metric::kChebyshev;
  if (name == "euclidean" || p == 2.0) return Metric::kEuclidean;
  return p == 1.0 ? Metric::kManhattan : Metric::kMinkowski;
}

Result<Neighbors> nearest_neighbors(const at::Tensor& points, const at::Tensor& queries, std::int64_t k, Metric metric, double p,
                                    const std::stop_token& stop) {
  return Search(points, queries, k, metric, p).run(stop);
}

}  // namespace headrace::learn::detail
