// SPDX-License-Identifier: Apache-2.0
#include "learn/metric.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/judgement.h"
#include "learn/test_tables.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three classes; counts [truth, predicted]: a 2 1 0, b 0 1 1, c 1 0 2. Worked by hand:
// precision a 2/3, b 1/2, c 2/3; recall a 2/3, b 1/2, c 2/3; F1 the same.
const std::vector<std::int64_t> kTruth = {0, 0, 0, 1, 1, 2, 2, 2};
const std::vector<std::int64_t> kPredicted = {0, 0, 1, 1, 2, 2, 2, 0};
ClassJudgement three() { return {.truth = kTruth, .predicted = kPredicted, .classes = {"a", "b", "c"}}; }

TEST(MetricTest, CountsOfThreeClasses) {
  EXPECT_DOUBLE_EQ(class_metric("accuracy", three()).value(), 5.0 / 8);
  EXPECT_DOUBLE_EQ(class_metric("f1_micro", three()).value(), 5.0 / 8);
  EXPECT_DOUBLE_EQ(class_metric("balanced_accuracy", three()).value(), (2.0 / 3 + 0.5 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(class_metric("f1_macro", three()).value(), (2.0 / 3 + 0.5 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(class_metric("f1_weighted", three()).value(), (3 * 2.0 / 3 + 2 * 0.5 + 3 * 2.0 / 3) / 8);
  EXPECT_DOUBLE_EQ(class_metric("precision_macro", three()).value(), (2.0 / 3 + 0.5 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(class_metric("recall_macro", three()).value(), (2.0 / 3 + 0.5 + 2.0 / 3) / 3);
  // (5 * 8 - (3*3 + 2*2 + 3*3)) / (64 - 22) = 18 / 42.
  EXPECT_DOUBLE_EQ(class_metric("mcc", three()).value(), 18.0 / 42);
  EXPECT_THAT(confusion(three()), ElementsAre(2, 1, 0, 0, 1, 1, 1, 0, 2));
}

TEST(MetricTest, MacroMeansSkipClassesThatNeverOccur) {
  const std::vector<std::int64_t> truth = {0, 0, 2}, predicted = {0, 2, 2};
  const ClassJudgement judgement{.truth = truth, .predicted = predicted, .classes = {"a", "b", "c"}};
  EXPECT_DOUBLE_EQ(class_metric("f1_macro", judgement).value(), (2.0 / 3 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(class_metric("balanced_accuracy", judgement).value(), 0.75);
}

TEST(MetricTest, BinaryMetricsJudgeTheSecondClass) {
  const std::vector<std::int64_t> truth = {0, 0, 1, 1, 1}, predicted = {0, 1, 1, 1, 0};
  const ClassJudgement judgement{.truth = truth, .predicted = predicted, .classes = {"no", "yes"}};
  EXPECT_DOUBLE_EQ(class_metric("precision", judgement).value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(class_metric("recall", judgement).value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(class_metric("f1", judgement).value(), 2.0 / 3);
  const auto refused = class_metric("f1", three());
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_THAT(refused.error().advice, HasSubstr("f1_macro"));
}

TEST(MetricTest, MccOfAConstantPredictionIsZero) {
  const std::vector<std::int64_t> truth = {0, 1, 1}, predicted = {1, 1, 1};
  EXPECT_DOUBLE_EQ(class_metric("mcc", {.truth = truth, .predicted = predicted, .classes = {"a", "b"}}).value(), 0.0);
}

TEST(MetricTest, RocAucCountsTiesHalf) {
  const std::vector<std::int64_t> truth = {0, 1, 0, 1}, predicted = {0, 0, 0, 1};
  const std::vector<double> decisions = {0.1, 0.4, 0.4, 0.8};
  // Pairs (positive, negative): 0.4 > 0.1 wins, 0.4 = 0.4 half, 0.8 wins twice.
  EXPECT_DOUBLE_EQ(class_metric("roc_auc", {.truth = truth, .predicted = predicted, .decisions = decisions, .classes = {"a", "b"}}).value(),
                   3.5 / 4);
}

TEST(MetricTest, RocAucOfMoreClassesIsTheMeanOfEachAgainstTheRest) {
  const std::vector<std::int64_t> truth = {0, 1, 2}, predicted = {0, 1, 2};
  const std::vector<double> probabilities = {0.5, 0.3, 0.2, 0.6, 0.3, 0.1, 0.1, 0.2, 0.7};
  // a: 0.5 against 0.6, 0.1 -> 1/2; b: 0.3 against 0.3, 0.2 -> 3/4; c: 0.7 against 0.2, 0.1 -> 1.
  EXPECT_DOUBLE_EQ(
      class_metric("roc_auc", {.truth = truth, .predicted = predicted, .probabilities = probabilities, .classes = {"a", "b", "c"}}).value(),
      (0.5 + 0.75 + 1) / 3);
}

TEST(MetricTest, RocAucNeedsBothSides) {
  const std::vector<std::int64_t> truth = {1, 1}, predicted = {1, 1};
  const std::vector<double> decisions = {0.1, 0.2};
  const auto refused = class_metric("roc_auc", {.truth = truth, .predicted = predicted, .decisions = decisions, .classes = {"a", "b"}});
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("none of: a"));
}

TEST(MetricTest, LogLossClipsCertainty) {
  const std::vector<std::int64_t> truth = {0, 1}, predicted = {0, 0};
  const std::vector<double> probabilities = {0.8, 0.2, 1.0, 0.0};
  const double got =
      class_metric("log_loss", {.truth = truth, .predicted = predicted, .probabilities = probabilities, .classes = {"a", "b"}}).value();
  EXPECT_DOUBLE_EQ(got, (-std::log(0.8) - std::log(std::numeric_limits<double>::epsilon())) / 2);
}

TEST(MetricTest, MetricsThatLackProbabilitiesSayWhich) {
  for (const char* name : {"log_loss", "roc_auc"}) {
    const auto refused = class_metric(name, three());
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
    EXPECT_THAT(refused.error().message, HasSubstr(name));
  }
}

TEST(MetricTest, UnknownNamesOfferTheNearest) {
  EXPECT_EQ(class_metric("acuracy", three()).error().code, Code::kBadValue);
  EXPECT_THAT(class_metric("acuracy", three()).error().advice, HasSubstr("accuracy"));
  EXPECT_EQ(class_metric("r2", three()).error().code, Code::kBadValue);
}

TEST(MetricTest, RegressionByHand) {
  const std::vector<double> truth = {3, -0.5, 2, 7}, predicted = {2.5, 0.0, 2, 8};
  const ValueJudgement judgement{.truth = truth, .predicted = predicted};
  // Errors 0.5, -0.5, 0, -1; mean of the truth 2.875, squares about it 29.1875.
  EXPECT_DOUBLE_EQ(value_metric("mae", judgement).value(), 0.5);
  EXPECT_DOUBLE_EQ(value_metric("mse", judgement).value(), 0.375);
  EXPECT_DOUBLE_EQ(value_metric("rmse", judgement).value(), std::sqrt(0.375));
  EXPECT_DOUBLE_EQ(value_metric("median_absolute_error", judgement).value(), 0.5);
  EXPECT_DOUBLE_EQ(value_metric("r2", judgement).value(), 1 - 1.5 / 29.1875);
  EXPECT_DOUBLE_EQ(value_metric("explained_variance", judgement).value(), 1 - (1.5 - 4 * 0.0625) / 29.1875);
}

TEST(MetricTest, R2OfAConstantTruth) {
  const std::vector<double> truth = {2, 2}, hit = {2, 2}, miss = {2, 3}, one = {1};
  EXPECT_EQ(value_metric("r2", {.truth = truth, .predicted = hit}).value(), 1);
  EXPECT_EQ(value_metric("r2", {.truth = truth, .predicted = miss}).value(), 0);
  EXPECT_EQ(value_metric("r2", {.truth = one, .predicted = one}).error().code, Code::kUnsupported);
}

TEST(MetricTest, MetricsKeepTheOrderAskedFor) {
  const std::vector<std::string> names = {"mcc", "accuracy"};
  const auto metrics = class_metrics(names, three());
  ASSERT_TRUE(metrics.ok());
  EXPECT_EQ(metrics->rows, 8);
  EXPECT_EQ(metrics->values[0].first, "mcc");
  EXPECT_EQ(metrics->values[1].first, "accuracy");
  EXPECT_EQ(class_metrics({}, three())->values[0].first, "accuracy");
}

TEST(MetricTest, EveryRowIsRegistered) {
  std::vector<std::string> names;
  for (const auto& row : headrace_pack_rows().metrics()) names.push_back(row.spec.name);
  for (const auto& row : detail::class_metric_table()) EXPECT_THAT(names, ::testing::Contains(row.name));
  for (const auto& row : detail::value_metric_table()) EXPECT_THAT(names, ::testing::Contains(row.name));
}

// A class of the test rows that the model never saw counts, with probability 0.
TEST(JudgementTest, UnseenClassesCount) {
  const TablePtr table = testing::with_reals(testing::features({{1}, {2}, {3}, {4}}), "y", {1, 2, 3, 2}, data::Role::kTarget);
  Decision decision;
  decision.classes = {"1", "3"};
  decision.codes = to_aten(data::Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{0, 1, 1, 0}));
  decision.probabilities = to_aten(data::Tensor::of<double>({4, 2}, std::vector<double>{0.9, 0.1, 0.2, 0.8, 0.4, 0.6, 0.7, 0.3}));
  const std::vector<std::string> names = {"accuracy", "log_loss"};
  const auto metrics = judge_against(*table, decision, names);
  ASSERT_TRUE(metrics.ok()) << metrics.error().text();
  EXPECT_THAT(metrics->classes, ElementsAre("1", "2", "3"));
  EXPECT_DOUBLE_EQ(*metrics->find("accuracy"), 0.5);
  EXPECT_THAT(metrics->confusion, ElementsAre(1, 0, 0, 1, 0, 1, 0, 0, 1));
  EXPECT_DOUBLE_EQ(*metrics->find("log_loss"), (-std::log(0.9) - std::log(0.6) - 2 * std::log(std::numeric_limits<double>::epsilon())) / 4);
}

}  // namespace
}  // namespace headrace::learn
