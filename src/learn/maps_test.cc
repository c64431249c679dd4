// SPDX-License-Identifier: Apache-2.0
// Learned maps and clusters: restricted Boltzmann machine, neighbourhood components, discriminants, k-means.
#include <cmath>

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/discriminant.h"
#include "learn/lloyd.h"
#include "learn/neighborhood_objective.h"
#include "learn/test_blobs.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using testing::Bench;
using testing::param;

at::Tensor matrix(const std::vector<std::vector<double>>& rows) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, at::kDouble);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy(rows[i].begin(), rows[i].end(), out.mutable_data_ptr<double>() + i * rows[0].size());
  return out;
}
at::Tensor codes(std::int64_t rows, std::int64_t groups) {
  at::Tensor out = at::empty({rows}, at::kLong);
  for (std::int64_t i = 0; i < rows; ++i) out.mutable_data_ptr<std::int64_t>()[i] = i % groups;
  return out;
}

// Two patterns without overlap: after training, a hidden unit tells them apart, and what one pattern excites differs from the other.
TEST(RbmTest, HiddenUnitsTellPatternsApart) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(i % 2 == 0 ? std::vector<double>{1, 1, 1, 0, 0, 0} : std::vector<double>{0, 0, 0, 1, 1, 1});
  Bench bench("bernoulli_rbm", {param("components", 4), param("n_iter", 60)});
  const auto out = bench.fit_transform(testing::features(rows));
  double widest = 0.0;
  for (const char* name : {"rbm0", "rbm1", "rbm2", "rbm3"}) {
    const auto unit = testing::reals(*out, name);
    EXPECT_GE(*std::min_element(unit.begin(), unit.end()), 0.0);
    EXPECT_LE(*std::max_element(unit.begin(), unit.end()), 1.0);
    widest = std::max(widest, std::abs(unit[0] - unit[1]));
  }
  EXPECT_GT(widest, 0.8);
}

TEST(RbmTest, FeaturesThatAreNoProbabilitiesAreRefused) {
  EXPECT_EQ(Bench("bernoulli_rbm").fit(testing::features({{0.5}, {1.5}})).error().code, Code::kBadData);
}

// Central differences; blocks smaller than the rows are covered by 300 rows only when the block is, so the objective is also
// summed by hand.
TEST(NcaTest, GradientIsTheDerivativeOfTheObjective) {
  const auto rows = testing::blob_rows({.rows = 45, .width = 3, .spread = 3.0});
  const detail::NeighborhoodObjective objective(matrix(rows), codes(45, 3));
  std::vector<double> map = {0.3, -0.1, 0.2, 0.1, 0.4, -0.3}, gradient(6), ignored(6);
  const double value = objective.evaluate(map, gradient);
  for (std::size_t i = 0; i < map.size(); ++i) {
    std::vector<double> moved = map;
    moved[i] += 1e-6;
    const double above = objective.evaluate(moved, ignored);
    moved[i] -= 2e-6;
    const double below = objective.evaluate(moved, ignored);
    EXPECT_NEAR(gradient[i], (above - below) / 2e-6, 1e-6);
  }

  double right = 0.0;
  const auto mapped = [&](std::size_t i, std::size_t k) {
    return rows[i][0] * map[3 * k] + rows[i][1] * map[3 * k + 1] + rows[i][2] * map[3 * k + 2];
  };
  for (std::size_t i = 0; i < 45; ++i) {
    double all = 0.0, same = 0.0;
    for (std::size_t j = 0; j < 45; ++j) {
      if (i == j) continue;
      const double closeness = std::exp(-std::pow(mapped(i, 0) - mapped(j, 0), 2) - std::pow(mapped(i, 1) - mapped(j, 1), 2));
      all += closeness;
      if (i % 3 == j % 3) same += closeness;
    }
    right += same / all;
  }
  EXPECT_NEAR(value, -right, 1e-10);
}

TEST(NcaTest, TurnsTowardsTheFeatureThatTellsClasses) {
  Random random(4);
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;
  for (int i = 0; i < 90; ++i) {
    rows.push_back({random.normal(), 0.5 * (i % 3) + 0.05 * random.normal()});
    names.emplace_back(1, static_cast<char>('a' + i % 3));
  }
  Bench bench("nca", {param("init", "identity")});
  const auto fitted = bench.fit(testing::with_texts(testing::features(rows), "y", names, data::Role::kTarget));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  // Both features start with weight 1; the one with the classes ends with far more than the noise.
  const auto map = fitted->model.tensors.find("components")->span<double>();
  EXPECT_GT(std::hypot(map[1], map[3]), 4.0 * std::hypot(map[0], map[2]));
}

TEST(NcaTest, AStopBetweenStepsEndsTheFit) {
  std::stop_source source;
  Bench bench("nca");
  bench.context.stop = source.get_token();
  bench.context.progress = [&](double) { source.request_stop(); };
  EXPECT_EQ(bench.fit(testing::class_blobs({.spread = 4.0})).error().code, Code::kCancelled);
}

TEST(DiscriminantTest, ProjectionsHaveUnitVarianceWithinClasses) {
  const at::Tensor x = matrix(testing::blob_rows({.rows = 150, .width = 5}));
  const at::Tensor y = codes(150, 3);
  const auto found = detail::find_discriminants(x, y, 3, 1e-4);
  ASSERT_EQ(found.scalings.size(1), 2);
  const at::Tensor within = x.sub(found.means.index_select(0, y)).mm(found.scalings);
  const at::Tensor covariance = within.t().mm(within).div(150.0);
  EXPECT_NEAR(covariance[0][0].item<double>(), 1.0, 1e-10);
  EXPECT_NEAR(covariance[1][1].item<double>(), 1.0, 1e-10);
  EXPECT_NEAR(covariance[0][1].item<double>(), 0.0, 1e-10);
}

TEST(KMeansTest, FindsCloudsThatAreApart) {
  const auto table = testing::class_blobs({.rows = 90, .spread = 0.2});
  Bench bench("k_means", {param("n_clusters", 3)});
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto found = testing::texts(bench.predict(fitted->model, table).value().table(), "prediction");
  for (std::size_t i = 3; i < 90; ++i) EXPECT_EQ(found[i], found[i % 3]);
  EXPECT_THAT((std::set<std::string>{found[0], found[1], found[2]}), ElementsAre("0", "1", "2"));
}

TEST(KMeansTest, DistancesAndInertiaAreThoseOfTheCentres) {
  const auto table = testing::features({{0}, {2}, {10}, {14}});
  Bench bench("k_means", {param("n_clusters", 2), param("n_init", 5)});
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  EXPECT_NEAR(fitted->model.meta.find("inertia")->real(), 1 + 1 + 4 + 4, 1e-9);
  const auto out = bench.transform(&fitted->model, testing::features({{5}})).value();
  const double a = testing::reals(out.table(), "distance0")[0], b = testing::reals(out.table(), "distance1")[0];
  EXPECT_NEAR(std::min(a, b), 4.0, 1e-9);
  EXPECT_NEAR(std::max(a, b), 7.0, 1e-9);
  bench.context.metrics = {"inertia"};
  EXPECT_NEAR(bench.score(fitted->model, testing::features({{1}, {13}})).value().values[0].second, 1.0, 1e-9);
  bench.context.metrics = {"accuracy"};
  EXPECT_EQ(bench.score(fitted->model, table).error().code, Code::kUnsupported);
}

TEST(KMeansTest, ACentreWithoutRowsTakesTheFarthestRow) {
  const at::Tensor rows = matrix({{0}, {1}, {2}, {100}});
  const at::Tensor weights = matrix({{1}, {1}, {1}, {1}}).squeeze(1);
  const auto result = detail::lloyd(rows, weights, matrix({{1}, {-500}}), 0.0, 100, {}).value();
  EXPECT_NEAR(result.inertia, 2.0, 1e-12);
  EXPECT_EQ(result.labels.const_data_ptr<std::int64_t>()[3], 1);
}

TEST(KMeansTest, WeightsPullCentres) {
  const auto table = testing::with_reals(testing::features({{0}, {4}}), "w", {3, 1}, data::Role::kWeight);
  Bench bench("k_means", {param("n_clusters", 1)});
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  EXPECT_NEAR(fitted->model.tensors.find("centers")->span<double>()[0], 1.0, 1e-12);
}

TEST(KMeansTest, MoreClustersThanRowsAreRefused) {
  EXPECT_EQ(Bench("k_means").fit(testing::features({{1}, {2}})).error().code, Code::kBadValue);
}

}  // namespace
}  // namespace headrace::learn
