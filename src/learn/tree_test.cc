// SPDX-License-Identifier: Apache-2.0
// Trees, forests and boosting.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/booster.h"
#include "learn/test_blobs.h"
#include "learn/trees.h"

namespace headrace::learn {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using testing::Bench;
using testing::param;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

auto classes(std::vector<std::vector<double>> rows, std::vector<std::string> names) {
  return testing::with_texts(testing::features(std::move(rows)), "y", std::move(names), data::Role::kTarget);
}
auto values(std::vector<std::vector<double>> rows, std::vector<double> targets) {
  return testing::with_reals(testing::features(std::move(rows)), "y", std::move(targets), data::Role::kTarget);
}
std::vector<double> predicted(Bench& bench, const testing::TablePtr& train, const testing::TablePtr& test,
                              std::string_view column = "prediction") {
  const auto fitted = bench.fit(train);
  EXPECT_TRUE(fitted.ok()) << fitted.error().text();
  return testing::reals(bench.predict(fitted->model, test).value().table(), column);
}

TEST(TreeTest, LeavesHoldMeansAndThresholdsLieBetweenValues) {
  Bench bench("decision_tree_regressor", {param("max_depth", 1)});
  const auto out = predicted(bench, values({{1}, {2}, {4}, {5}}, {10, 12, 30, 34}), testing::features({{2.9}, {3.1}}));
  EXPECT_THAT(out, Pointwise(DoubleNear(1e-5), {11.0, 32.0}));
}

TEST(TreeTest, LeavesHoldClassShares) {
  Bench bench("decision_tree", {param("max_depth", 1)});
  const auto train = classes({{1}, {2}, {3}, {6}, {7}}, {"a", "a", "a", "b", "a"});
  EXPECT_THAT(predicted(bench, train, testing::features({{1}, {9}}), "probability:b"), Pointwise(DoubleNear(1e-6), {0.0, 0.5}));
}

// The unit of the target must not matter, down to the last bit for powers of two.
TEST(TreeTest, TinyTargetsAreSplitLikeLargeOnes) {
  const std::vector<std::vector<double>> rows = {{1}, {2}, {3}, {4}};
  Bench bench("decision_tree_regressor");
  const double unit = std::ldexp(1.0, -60);
  const auto out = predicted(bench, values(rows, {1 * unit, 2 * unit, 3 * unit, 4 * unit}), testing::features(rows));
  EXPECT_THAT(out, Pointwise(DoubleNear(1e-5 * unit), {1 * unit, 2 * unit, 3 * unit, 4 * unit}));
}

TEST(TreeTest, MinSamplesLeafAndImpurityDecreaseStopSplits) {
  const auto train = values({{1}, {2}, {3}, {4}, {5}, {6}}, {0, 0, 0, 1, 1, 9});
  const auto leaves = [&](config::Map params) {
    Bench bench("decision_tree_regressor", std::move(params));
    const auto out = predicted(bench, train, train);
    return std::set<double>(out.begin(), out.end()).size();
  };
  EXPECT_EQ(leaves({}), 3u);
  EXPECT_EQ(leaves({param("min_samples_leaf", 3)}), 2u);
  // Splitting the 9 off saves 1.39 * 6 - ... of a total variance of 10.47; the second split saves 0.2 of the mean squared error.
  EXPECT_EQ(leaves({param("min_impurity_decrease", 1.0)}), 2u);
  EXPECT_EQ(leaves({param("min_impurity_decrease", 20.0)}), 1u);
}

TEST(TreeTest, WeightsCountAsRows) {
  const auto once = testing::with_reals(values({{1}, {1}, {5}, {5}}, {0, 3, 8, 9}), "w", {2, 1, 1, 3}, data::Role::kWeight);
  Bench bench("decision_tree_regressor", {param("max_depth", 1)});
  EXPECT_THAT(predicted(bench, once, testing::features({{1}, {5}})), Pointwise(DoubleNear(1e-5), {1.0, 8.75}));
}

TEST(TreeTest, MissingValuesGoToTheSideThatSuitsThem) {
  const auto train = values({{1}, {2}, {kNaN}, {kNaN}, {8}, {9}}, {0, 0, 5, 5, 5, 5});
  for (const char* op : {"decision_tree_regressor", "gradient_boosting_regressor"}) {
    Bench bench(op);
    const auto out = predicted(bench, train, testing::features({{kNaN}, {1}}));
    EXPECT_NEAR(out[0], 5.0, 0.01) << op;
    EXPECT_NEAR(out[1], 0.0, 0.01) << op;
  }
}

TEST(TreeTest, AForestWithoutBootstrapIsItsTree) {
  const auto train = testing::value_blobs({});
  Bench tree("decision_tree_regressor", {param("max_depth", 4)});
  Bench forest("random_forest_regressor", {param("max_depth", 4), param("bootstrap", false), param("n_estimators", 16)});
  EXPECT_THAT(predicted(forest, train, train), Pointwise(DoubleNear(1e-4), predicted(tree, train, train)));
}

TEST(TreeTest, SeedsDecideForests) {
  const auto train = testing::value_blobs({});
  const auto run = [&](std::uint64_t seed) {
    Bench bench("random_forest_regressor", {param("n_estimators", 10)}, seed);
    return predicted(bench, train, train);
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(TreeTest, FeatureBeyond32BitsIsRefused) {
  const auto got = Bench("decision_tree_regressor").fit(values({{1e300}, {2}}, {1, 2}));
  EXPECT_EQ(got.error().code, Code::kTaskFailed);
  EXPECT_THAT(got.error().text(), ::testing::HasSubstr("32 bits"));
}

TEST(TreeTest, ProgressGoesUpAndAStopInBetweenEndsTheFit) {
  for (const char* op : {"random_forest", "gradient_boosting"}) {
    std::stop_source source;
    Bench bench(op, {param("n_estimators", 20)});
    double last = 0.0;
    bench.context.stop = source.get_token();
    bench.context.progress = [&](double share) {
      EXPECT_GT(share, last);
      last = share;
      if (share >= 0.5) source.request_stop();
    };
    EXPECT_EQ(bench.fit(testing::class_blobs({})).error().code, Code::kCancelled) << op;
    EXPECT_NEAR(last, 0.5, 0.1) << op;
  }
}

// One round with a whole step from the log odds is one Newton step of the logistic loss in each leaf.
TEST(BoostingTest, ARoundIsANewtonStepInEachLeaf) {
  Bench bench("gradient_boosting", {param("n_estimators", 1), param("learning_rate", 1.0), param("max_depth", 1),
                                    param("min_child_weight", 0.0), param("method", "exact")});
  const auto train = classes({{1}, {2}, {8}, {9}}, {"a", "a", "b", "a"});
  const auto out = predicted(bench, train, testing::features({{1}, {9}}), "decision");
  const double start = std::log(0.25 / 0.75), p = 0.25;
  // Left: both a. Right: the best single split is at 5: one b, one a.
  const double left = start + 2 * (0 - p) / (2 * p * (1 - p)), right = start + (1 - p - p) / (2 * p * (1 - p));
  EXPECT_THAT(out, Pointwise(DoubleNear(1e-5), {left, right}));
}

TEST(BoostingTest, MoreRoundsFitTheTrainingRowsBetter) {
  const auto train = testing::value_blobs({.rows = 200});
  const auto error = [&](int rounds) {
    Bench bench("gradient_boosting_regressor", {param("n_estimators", rounds)});
    const auto out = predicted(bench, train, train);
    const auto truth = testing::reals(*train, "y");
    double sum = 0.0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += (out[i] - truth[i]) * (out[i] - truth[i]);
    return sum;
  };
  const double few = error(5), more = error(50);
  EXPECT_LT(more, 0.2 * few);
}

TEST(BoosterTest, QuantizedValuesKeep24BitsOfTheLargest) {
  std::vector<float> numbers = {0.75F, 1e-9F, -0.3F, 0.0F};
  detail::quantize(numbers);
  EXPECT_EQ(numbers[0], 0.75F);
  EXPECT_EQ(numbers[1], 0.0F);
  EXPECT_NEAR(numbers[2], -0.3F, 1e-7F);
  for (const float number : numbers) EXPECT_EQ(std::nearbyint(std::ldexp(number, 24)), std::ldexp(number, 24));
}

// Two outputs, so that trees of both must be told apart; deep ones, so that renumbering has something to do.
TEST(BoosterTest, TreesTakenOutSumToWhatXGBoostSays) {
  const auto rows = testing::blob_rows({.rows = 200, .width = 3});
  std::vector<double> numbers;
  for (const auto& row : rows) numbers.insert(numbers.end(), row.begin(), row.end());
  numbers[7] = kNaN;
  for (const char* method : {"exact", "hist"}) {
    const auto matrix = detail::BoosterMatrix::make(numbers.data(), 200, 3, 1).value();
    auto booster = detail::Booster::make(matrix, 2, 1, {{"tree_method", method}, {"max_depth", "7"}, {"gamma", "0.5"}}).value();
    std::vector<float> gradients(400), curvatures(400, 1.0F);
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < 400; ++i) gradients[i] = static_cast<float>(std::sin(static_cast<double>(i) * (round + 1)));
      ASSERT_TRUE(booster.grow(matrix, gradients, curvatures).ok());
    }
    const auto trees = booster.trees().value();
    EXPECT_THAT(trees.output, ElementsAre(0, 1, 0, 1, 0, 1));
    const auto ours = detail::sum_leaves(trees, numbers.data(), 200, 3, 2);
    const auto theirs = booster.scores(matrix).value();
    for (std::size_t i = 0; i < 400; ++i) EXPECT_NEAR(ours[i], theirs[i], 1e-5);
  }
}

TEST(TreesTest, TreesThatLeadNowhereAreRefused) {
  detail::Trees good;
  good.start = {0, 3};
  good.output = {0};
  good.left = {1, 0, 0};
  good.feature = {1, 0, 0};
  good.value = {0.5F, 1.0F, 2.0F};
  good.missing_left = {1, 0, 0};
  const auto check = [](const detail::Trees& trees) {
    data::Model model;
    detail::set_trees(model, trees);
    return detail::trees_of(model, 2, 1);
  };
  ASSERT_TRUE(check(good).ok()) << check(good).error().text();
  const std::vector<double> rows = {0, 0.4, 0, 0.5, 0, kNaN};
  EXPECT_THAT(detail::sum_leaves(check(good).value(), rows.data(), 3, 2, 1), ElementsAre(1.0, 2.0, 1.0));

  const auto broken = [&](auto&& change) {
    detail::Trees trees = good;
    change(trees);
    const auto got = check(trees);
    return got.ok() ? Code::kOk : got.error().code;
  };
  EXPECT_EQ(broken([](auto& t) { t.left[0] = 2; }), Code::kDamaged);         // the right child is beyond the end
  EXPECT_EQ(broken([](auto& t) { t.left[1] = 1; }), Code::kDamaged);         // a loop
  EXPECT_EQ(broken([](auto& t) { t.left[0] = -1; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.feature[0] = 2; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.feature[0] = -1; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.output[0] = 1; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.value[2] = NAN; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.start = {0, 4}; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.start = {1, 3}; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.start = {}; }), Code::kDamaged);
  EXPECT_EQ(broken([](auto& t) { t.value.pop_back(); }), Code::kDamaged);
}

// A value in the very middle goes left, as in CART; rows without weight do not count; the rows themselves stay where they were.
TEST(TreesTest, ThresholdsMoveToTheMiddle) {
  detail::Trees tree;
  tree.start = {0, 3};
  tree.output = {0};
  tree.left = {1, 0, 0};
  tree.feature = {0, 0, 0};
  tree.value = {4.0F, 1.0F, 2.0F};
  tree.missing_left = {0, 0, 0};
  const std::vector<float> values = {1, 3, 4, 7, static_cast<float>(kNaN)};
  const std::vector<double> weights = {1, 1, 0, 1, 1}, tests = {5.0, 5.0000005, 3, 7};
  tree.centre_thresholds(0, values, 1, weights.data());
  EXPECT_THAT(detail::sum_leaves(tree, tests.data(), 4, 1, 1), ElementsAre(1, 2, 1, 2));
  tree.centre_thresholds(0, values, 1, nullptr);
  EXPECT_EQ(tree.value[0], std::nextafter(5.5F, 9.0F));   // row 4 went left of 5 before: the gap is now from 4 to 7
}

TEST(TreesTest, LeavesWithSharesAddThemToAllScores) {
  detail::Trees trees;
  trees.start = {0, 3};
  trees.output = {0};
  trees.left = {1, 0, 0};
  trees.feature = {0, 0, 0};
  trees.value = {0.5F, 0.0F, 0.0F};
  trees.missing_left = {0, 0, 0};
  trees.number_leaves(3);
  trees.shares = {0.5F, 0.5F, 0.0F, 0.0F, 0.25F, 0.75F};
  detail::Trees two;
  two.append(trees);
  two.append(trees);
  data::Model model;
  detail::set_trees(model, two);
  const auto read = detail::trees_of(model, 1, 3);
  ASSERT_TRUE(read.ok()) << read.error().text();
  const std::vector<double> rows = {0, 1};
  EXPECT_THAT(detail::sum_leaves(*read, rows.data(), 2, 1, 3), ElementsAre(1.0, 1.0, 0.0, 0.0, 0.5, 1.5));
  two.feature[1] = 4;   // there are leaves 0 to 3
  detail::set_trees(model, two);
  EXPECT_EQ(detail::trees_of(model, 1, 3).error().code, Code::kDamaged);
}

// Three clouds far apart: every tree of a forest must put each into leaves of its own, whatever numbers it drew for the classes.
TEST(TreeTest, AForestTellsManyClassesApartWithOneTreeForAll) {
  const auto train = testing::class_blobs({.rows = 150, .groups = 5, .spread = 0.1});
  Bench bench("random_forest", {param("n_estimators", 20), param("bootstrap", false)});
  const auto fitted = bench.fit(train);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  EXPECT_EQ(fitted->model.tensors.find("tree_output")->count(), 20);
  const auto out = bench.predict(fitted->model, train).value();
  EXPECT_EQ(testing::texts(out.table(), "prediction"), testing::texts(*train, "y"));
  for (const char* name : {"a", "e"}) {
    const auto shares = testing::reals(out.table(), std::string("probability:") + name);
    for (std::size_t i = 0; i < 150; ++i) EXPECT_NEAR(shares[i], static_cast<char>('a' + i % 5) == name[0] ? 1.0 : 0.0, 1e-6);
  }
}

}  // namespace
}  // namespace headrace::learn
