// SPDX-License-Identifier: Apache-2.0
#include "learn/neighbor_search.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/random.h"
#include "learn/test_blobs.h"

namespace headrace::learn::detail {
namespace {

using ::testing::ElementsAre;

at::Tensor matrix(std::vector<double> values, std::int64_t width) {
  return at::from_blob(values.data(), {static_cast<std::int64_t>(values.size()) / width, width}, at::kDouble).clone();
}
std::vector<std::int64_t> rows_of(const at::Tensor& rows) {
  return {rows.const_data_ptr<std::int64_t>(), rows.const_data_ptr<std::int64_t>() + rows.numel()};
}

TEST(NeighborSearchTest, EqualDistancesComeInOrderOfRow) {
  const at::Tensor points = matrix({1, 0, -1, 0, 0, 1, 0, -1, 5, 5, 1, 0}, 2);
  for (const Metric metric : {Metric::kEuclidean, Metric::kManhattan, Metric::kChebyshev, Metric::kMinkowski}) {
    const auto found = nearest_neighbors(points, matrix({0, 0}, 2), 4, metric, 3.0, {}).value();
    EXPECT_THAT(rows_of(found.rows), ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(found.distances.const_data_ptr<double>()[3], 1.0);
  }
}

// |q|^2 - 2 q.x + |x|^2 has no correct digit here: the distances are 1e-5 of points at 1e6.
TEST(NeighborSearchTest, FarFromTheOriginTheNearestIsStillFound) {
  const at::Tensor points = matrix({1e6 + 3e-5, 1e6, 1e6 + 1e-5, 1e6, 1e6 + 2e-5, 1e6}, 2);
  const auto found = nearest_neighbors(points, matrix({1e6, 1e6}, 2), 3, Metric::kEuclidean, 2.0, {}).value();
  EXPECT_THAT(rows_of(found.rows), ElementsAre(1, 2, 0));
}

TEST(NeighborSearchTest, AgreesWithSortingAllDistances) {
  Random random(5);
  const std::int64_t n = 300, m = 40, d = 7, k = 9;
  at::Tensor points = at::empty({n, d}, at::kDouble), queries = at::empty({m, d}, at::kDouble);
  // A coarse grid makes many exact ties.
  for (at::Tensor& tensor : {std::ref(points), std::ref(queries)}) {
    for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.mutable_data_ptr<double>()[i] = static_cast<double>(random.below(3));
  }
  for (const auto& [metric, p] : std::vector<std::pair<Metric, double>>{
           {Metric::kEuclidean, 2}, {Metric::kManhattan, 1}, {Metric::kChebyshev, INFINITY}, {Metric::kMinkowski, 3}}) {
    const auto found = nearest_neighbors(points, queries, k, metric, p, {}).value();
    for (std::int64_t q = 0; q < m; ++q) {
      std::vector<std::pair<double, std::int64_t>> all;
      for (std::int64_t i = 0; i < n; ++i) {
        double sum = 0, largest = 0;
        for (std::int64_t j = 0; j < d; ++j) {
          const double gap = std::abs(points.const_data_ptr<double>()[i * d + j] - queries.const_data_ptr<double>()[q * d + j]);
          sum += std::pow(gap, std::isinf(p) ? 1.0 : p);
          largest = std::max(largest, gap);
        }
        all.emplace_back(std::isinf(p) ? largest : sum, i);
      }
      std::sort(all.begin(), all.end());
      for (std::int64_t j = 0; j < k; ++j) {
        EXPECT_EQ(found.rows.const_data_ptr<std::int64_t>()[q * k + j], all[static_cast<std::size_t>(j)].second);
      }
    }
  }
}

TEST(NeighborSearchTest, StopsWhenAsked) {
  std::stop_source source;
  source.request_stop();
  const at::Tensor points = matrix({0, 1}, 1);
  EXPECT_EQ(nearest_neighbors(points, points, 1, Metric::kEuclidean, 2, source.get_token()).error().code, Code::kCancelled);
}

TEST(NeighborsTest, ANeighbourAtDistanceZeroOutvotesTheRest) {
  using testing::Bench, testing::param;
  auto table = testing::with_texts(testing::features({{0}, {0.1}, {0.2}, {5}}), "y", {"a", "b", "b", "b"}, data::Role::kTarget);
  Bench bench("k_nearest_neighbors", {param("n_neighbors", 3), param("weights", "distance")});
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.predict(fitted->model, testing::features({{0}, {0.04}})).value();
  EXPECT_THAT(testing::texts(out.table(), "prediction"), ElementsAre("a", "a"));
  EXPECT_EQ(testing::reals(out.table(), "probability:a")[0], 1.0);
  // Weights 1/0.04, 1/0.06, 1/0.16.
  EXPECT_NEAR(testing::reals(out.table(), "probability:a")[1], 25.0 / (25.0 + 1 / 0.06 + 1 / 0.16), 1e-12);
}

TEST(NeighborsTest, MoreNeighboursThanRowsAreRefused) {
  using testing::Bench, testing::param;
  const auto table = testing::with_reals(testing::features({{0}, {1}}), "y", {1, 2}, data::Role::kTarget);
  EXPECT_EQ(Bench("k_nearest_neighbors_regressor", {param("n_neighbors", 3)}).fit(table).error().code, Code::kBadValue);
}

}  // namespace
}  // namespace headrace::learn::detail
