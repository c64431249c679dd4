// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "learn/kernel_machine.h"
#include "learn/test_blobs.h"

namespace headrace::learn {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using testing::Bench;
using testing::param;

// Two points at distance 2 with a linear kernel: the widest street has its middle at 0 and margins at the points.
TEST(SvmTest, TwoPointsGiveTheWidestStreet) {
  Bench bench("svm", {param("kernel", "linear"), param("C", 100.0), param("tol", 1e-9)});
  const auto fitted = bench.fit(testing::with_texts(testing::features({{-1, 0}, {1, 0}}), "y", {"no", "yes"}, data::Role::kTarget));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.predict(fitted->model, testing::features({{-1, 7}, {0.5, 0}, {2, -3}})).value();
  EXPECT_THAT(testing::reals(out.table(), "decision"), Pointwise(DoubleNear(1e-6), {-1.0, 0.5, 2.0}));
  EXPECT_THAT(testing::texts(out.table(), "prediction"), ElementsAre("no", "yes", "yes"));
}

TEST(SvmTest, ARadialKernelSeparatesARingFromItsCentre) {
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) {
    const double angle = 0.7 * i, radius = i % 2 == 0 ? 1.0 : 3.0;
    rows.push_back({radius * std::cos(angle), radius * std::sin(angle)});
    names.emplace_back(i % 2 == 0 ? "in" : "out");
  }
  Bench bench("svm");
  const auto fitted = bench.fit(testing::with_texts(testing::features(rows), "y", names, data::Role::kTarget));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  EXPECT_EQ(testing::texts(bench.predict(fitted->model, testing::features(rows)).value().table(), "prediction"), names);
}

// Every class wins one duel of the three: the sum of the decision values breaks the tie in the decision, votes in the prediction.
TEST(SvmTest, ThreeClassesGiveADecisionEach) {
  Bench bench("svm");
  const auto train = testing::class_blobs({.groups = 3});
  const auto fitted = bench.fit(train);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.predict(fitted->model, train).value();
  const auto a = testing::reals(out.table(), "decision:a"), b = testing::reals(out.table(), "decision:b"),
             c = testing::reals(out.table(), "decision:c");
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i] + b[i] + c[i], 3.0, 1.0);   // three votes, and less than a third a class
}

TEST(SvmTest, BalancedCostsHelpTheRareClass) {
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const bool rare = i % 20 == 0;
    rows.push_back({random.normal() + (rare ? 1.0 : 0.0)});
    names.emplace_back(rare ? "rare" : "usual");
  }
  const auto train = testing::with_texts(testing::features(rows), "y", names, data::Role::kTarget);
  const auto rare = [&](const char* weight) {
    Bench bench("svm", {param("class_weight", weight)});
    const auto found = testing::texts(bench.predict(bench.fit(train).value().model, train).value().table(), "prediction");
    return std::count(found.begin(), found.end(), "rare");
  };
  EXPECT_GT(rare("balanced"), rare("none") + 20);
}

TEST(SvmTest, WeightsOfRowsAreRefusedNotIgnored) {
  auto table = testing::with_reals(testing::class_blobs({}), "w", std::vector<double>(120, 2.0), data::Role::kWeight);
  EXPECT_EQ(Bench("svm").fit(table).error().code, Code::kUnsupported);
}

TEST(SvrTest, ErrorsInsideTheBandAreFree) {
  Bench bench("svr", {param("kernel", "linear"), param("epsilon", 0.5), param("C", 1000.0), param("tol", 1e-6)});
  const auto train = testing::with_reals(testing::features({{0}, {1}, {2}, {3}}), "y", {0.0, 2.0, 4.0, 6.0}, data::Role::kTarget);
  const auto fitted = bench.fit(train);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  // The flattest line within 0.5 of all points: slope 5/3 through (0, 0.5) and (3, 5.5).
  EXPECT_THAT(testing::reals(bench.predict(fitted->model, train).value().table(), "prediction"),
              Pointwise(DoubleNear(1e-4), {0.5, 0.5 + 5.0 / 3, 0.5 + 10.0 / 3, 5.5}));
}

TEST(KernelMachineTest, AStopEndsTheSearchInTheMiddle) {
  // Labels without a pattern and a large cost: the search takes many thousands of steps.
  Random random(9);
  at::Tensor x = at::empty({800, 5}, at::kDouble);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<double>()[i] = random.normal();
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < 800; ++i) (random.uniform() < 0.5 ? first : second).push_back(i);
  std::stop_source source;
  source.request_stop();
  detail::MachineOptions options;
  options.kernel = {.name = "linear"};
  options.cache_mb = 1.0;
  options.stop = source.get_token();
#if defined(__SANITIZE_ADDRESS__)
  const __lsan::ScopedDisabler known;   // kernel_machine.h says what stays behind
#endif
  EXPECT_EQ(detail::separate(x, first, second, 1e4, 1e4, options).error().code, Code::kCancelled);
}

}  // namespace
}  // namespace headrace::learn
