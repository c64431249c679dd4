// SPDX-License-Identifier: Apache-2.0
#include "learn/frame.h"

#include <cstdint>
#include <cmath>
#include <limits>

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/test_tables.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Result<Frame> frame(const std::vector<TablePtr>& tables, bool refuses_missing = true) {
  std::vector<data::Object> inputs;
  for (const TablePtr& table : tables) inputs.emplace_back(table);
  return frame_of(inputs, {.refuses_missing = refuses_missing});
}

TEST(FrameTest, FeaturesAreRowMajorAndAligned) {
  const auto got = frame({testing::features({{1, 2}, {3, 4}, {5, 6}})});
  ASSERT_TRUE(got.ok()) << got.error().text();
  EXPECT_EQ(got->rows(), 3);
  EXPECT_EQ(got->width(), 2);
  EXPECT_TRUE(got->x.is_contiguous());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got->x.const_data_ptr()) % 64, 0u);
  EXPECT_TRUE(got->x.equal(at::tensor({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}).view({3, 2})));
  EXPECT_THAT(got->names, ElementsAre("x0", "x1"));
}

TEST(FrameTest, WritingIntoAFrameLeavesTheTableAsItWas) {
  const TablePtr table = testing::features({{1, 2}, {3, 4}});
  auto first = frame({table});
  first->x.zero_();
  EXPECT_EQ(frame({table})->x.sum().item<double>(), 10.0);
}

TEST(FrameTest, TablesSideBySideKeepTheTargetOfTheFirst) {
  const TablePtr left = testing::with_texts(testing::features({{1}, {2}}), "y", {"a", "b"}, data::Role::kTarget);
  const TablePtr right = testing::with_texts(testing::features({{3}, {4}}), "y", {"c", "d"}, data::Role::kTarget);
  const auto got = frame({left, right});
  ASSERT_TRUE(got.ok()) << got.error().text();
  EXPECT_THAT(got->names, ElementsAre("x0", "x0_1"));
  EXPECT_EQ(got->x[1][1].item<double>(), 4.0);
  EXPECT_THAT(labels_of(*got->table)->classes, ElementsAre("a", "b"));
}

TEST(FrameTest, TuplesAreFlattened) {
  const TablePtr left = testing::features({{1}, {2}}), right = testing::features({{3}, {4}});
  const std::vector<data::Object> inputs = {data::Object::tuple({data::Object(left), data::Object(right)})};
  EXPECT_EQ(frame_of(inputs, {})->width(), 2);
}

TEST(FrameTest, RowCountsMustAgree) {
  EXPECT_EQ(frame({testing::features({{1}, {2}}), testing::features({{1}})}).error().code, Code::kShape);
}

TEST(FrameTest, TextIsRefusedWithAdvice) {
  const auto got = frame({testing::with_texts(testing::features({{1}, {2}}), "city", {"x", "y"})});
  EXPECT_EQ(got.error().code, Code::kEdgeType);
  EXPECT_THAT(got.error().text(), HasSubstr("city"));
}

TEST(FrameTest, MissingValuesAreRefusedWithColumnAndRow) {
  const TablePtr table = testing::features({{1, 2}, {3, kNaN}});
  const auto got = frame({table});
  EXPECT_EQ(got.error().code, Code::kNotFinite);
  EXPECT_THAT(got.error().message, HasSubstr("'x1', row 2"));
  EXPECT_TRUE(frame({table}, false).ok());
}

TEST(FrameTest, InfinityIsAlwaysRefused) {
  EXPECT_EQ(frame({testing::features({{1}, {HUGE_VAL}})}, false).error().code, Code::kNotFinite);
}

TEST(FrameTest, NumericClassesSortAsNumbers) {
  const TablePtr table = testing::with_reals(testing::features({{1}, {2}, {3}}), "y", {10, 9, 10}, data::Role::kTarget);
  const auto labels = labels_of(*table);
  ASSERT_TRUE(labels.ok()) << labels.error().text();
  EXPECT_THAT(labels->classes, ElementsAre("9", "10"));
  EXPECT_TRUE(labels->numeric);
  EXPECT_TRUE(labels->codes.equal(at::tensor({1, 0, 1}, at::kLong)));
}

TEST(FrameTest, AMissingTargetColumnComesWithAdvice) {
  const auto labels = labels_of(*testing::features({{1}}));
  EXPECT_EQ(labels.error().code, Code::kMissingColumn);
  EXPECT_THAT(labels.error().advice, HasSubstr("target:"));
}

TEST(FrameTest, NegativeWeightsAreRefused) {
  const TablePtr table = testing::with_reals(testing::features({{1}, {2}}), "w", {1, -1}, data::Role::kWeight);
  EXPECT_EQ(weights_of(*table).error().code, Code::kBadData);
  EXPECT_FALSE(weights_of(*testing::features({{1}}))->defined());
}

TEST(FrameTest, TensorsCrossWithoutACopy) {
  const auto tensor = data::Tensor::of<double>({2, 2}, std::vector<double>{1, 2, 3, 4});
  const at::Tensor view = to_aten(tensor);
  EXPECT_EQ(view.const_data_ptr(), tensor.bytes());
  const data::Tensor back = to_data(view);
  EXPECT_EQ(back.bytes(), tensor.bytes());
  EXPECT_EQ(to_data(view.t()).span<double>()[1], 3.0);
}

TEST(FrameTest, ReplacedFeaturesTakeThePlaceOfTheirSource) {
  const TablePtr table = testing::with_texts(testing::features({{1, 2}, {3, 4}}), "y", {"a", "b"}, data::Role::kTarget);
  const at::Tensor matrix = at::tensor({5.0, 6.0, 7.0, 8.0}).view({2, 2});
  const std::vector<int> replaced = {0}, sources = {0, 0};
  const std::vector<std::string> fresh = {"p", "q"};
  const auto got = replace_features(*table, replaced, matrix, fresh, sources);
  ASSERT_TRUE(got.ok()) << got.error().text();
  EXPECT_THAT(testing::names(**got), ElementsAre("p", "q", "x1", "y"));
  EXPECT_THAT(testing::reals(**got, "q"), ElementsAre(6, 8));
}

TEST(FrameTest, PredictionTablesReadBack) {
  const TablePtr table = testing::with_texts(testing::features({{1}, {2}, {3}}), "y", {"a", "b", "b"}, data::Role::kTarget);
  Decision decision;
  decision.codes = at::tensor({1, 0, 1}, at::kLong);
  decision.classes = {"a", "b"};
  decision.probabilities = at::tensor({0.25, 0.75, 1.0, 0.0, 0.5, 0.5}).view({3, 2});
  decision.decisions = at::tensor({0.5, -1.0, 0.0});
  const auto predictions = prediction_table(*table, decision, false);
  ASSERT_TRUE(predictions.ok()) << predictions.error().text();
  EXPECT_THAT(testing::names(**predictions), ElementsAre("y", "prediction", "probability:a", "probability:b", "decision"));
  EXPECT_TRUE((*predictions)->features().empty());
  const auto back = decision_of(**predictions);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back->classes, decision.classes);
  EXPECT_TRUE(back->codes.equal(decision.codes));
  EXPECT_TRUE(back->probabilities.equal(decision.probabilities));
  EXPECT_TRUE(back->decisions.equal(decision.decisions));
}

TEST(FrameTest, PredictionsInTheMiddleOfAGraphAreFeatures) {
  const TablePtr table = testing::features({{1}, {2}});
  Decision decision;
  decision.values = at::tensor({0.5, 1.5});
  const auto features = prediction_table(*table, decision, true);
  ASSERT_TRUE(features.ok()) << features.error().text();
  EXPECT_EQ((*features)->features().size(), 1u);
  EXPECT_THAT(testing::reals(**features, "prediction"), ElementsAre(0.5, 1.5));
}

TEST(FrameTest, TheFirstOfTheLargestWins) {
  EXPECT_TRUE(largest(at::tensor({0.5, 0.5, 0.1, 0.2}).view({2, 2})).equal(at::tensor({0, 1}, at::kLong)));
}

}  // namespace
}  // namespace headrace::learn
