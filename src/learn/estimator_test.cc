// SPDX-License-Identifier: Apache-2.0
#include "learn/estimator.h"

#include <cmath>
#include <limits>

#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/test_tables.h"

namespace headrace::learn {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using testing::Bench;
using testing::param;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TablePtr mixed() {
  TablePtr table = testing::features({{1, 10}, {2, kNaN}, {3, 30}});
  table = testing::with_texts(table, "city", {"b", "a", "b"});
  return testing::with_texts(table, "y", {"no", "yes", "no"}, data::Role::kTarget);
}

TEST(EstimatorTest, EveryRowHasATableOfOptionsThatHolds) {
  for (const exec::Registration& registration : headrace_pack_rows().operators()) {
    const Status status = config::check_options(registration.spec.options);
    EXPECT_TRUE(status.ok()) << registration.spec.name << ": " << status.error().text();
    EXPECT_FALSE(registration.spec.doc.empty()) << registration.spec.name;
  }
}

TEST(EstimatorTest, TorchErrorsStopHere) {
  class Broken final : public Transformer {
    Result<Features> map(const exec::Context&, const data::Model*, const Frame& frame) const override {
      return Features{at::mm(frame.x, at::ones({17, 2}, at::kDouble)), {}};
    }
  } broken;
  broken.set_row(std::make_shared<const graph::OperatorSpec>(graph::OperatorSpec{.name = "broken"}));
  const std::vector<data::Object> inputs = {data::Object(testing::features({{1}}))};
  const auto got = broken.transform(exec::Context(), nullptr, inputs);
  EXPECT_EQ(got.error().code, Code::kTaskFailed);
  EXPECT_THAT(got.error().message, HasSubstr("torch"));
}

TEST(EstimatorTest, ScalersActOnNumbersAndHandOthersOn) {
  const TablePtr table = mixed();
  const TablePtr out = Bench("standard_scaler").fit_transform(table);
  EXPECT_THAT(testing::names(*out), ElementsAre("x0", "x1", "city", "y"));
  EXPECT_THAT(testing::reals(*out, "x0"), Pointwise(DoubleNear(1e-12), {-std::sqrt(1.5), 0.0, std::sqrt(1.5)}));
  EXPECT_TRUE(std::isnan(testing::reals(*out, "x1")[1]));
  EXPECT_EQ(testing::texts(*out, "city")[1], "a");
  EXPECT_EQ(testing::reals(*table, "x0")[0], 1.0);   // the input is as it was
}

TEST(EstimatorTest, ColumnsNamesWhatToActOn) {
  const TablePtr out = Bench("max_abs_scaler", {param("columns", config::List{"x0"})}).fit_transform(mixed());
  EXPECT_THAT(testing::reals(*out, "x0"), Pointwise(DoubleNear(1e-15), {1.0 / 3, 2.0 / 3, 1.0}));
  EXPECT_EQ(testing::reals(*out, "x1")[2], 30.0);
  EXPECT_EQ(Bench("max_abs_scaler", {param("columns", config::List{"city"})}).fit(mixed()).error().code, Code::kEdgeType);
  EXPECT_EQ(Bench("max_abs_scaler", {param("columns", config::List{"y"})}).fit(mixed()).error().code, Code::kBadValue);
  EXPECT_EQ(Bench("max_abs_scaler", {param("columns", config::List{"nowhere"})}).fit(mixed()).error().code, Code::kMissingColumn);
}

TEST(EstimatorTest, AnotherWidthThanInTheFitIsRefused) {
  Bench bench("rbf_sampler");
  const auto fitted = bench.fit(testing::features({{1, 2}, {3, 4}}));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  EXPECT_EQ(bench.transform(&fitted->model, testing::features({{1}})).error().code, Code::kShape);
}

TEST(EstimatorTest, AForeignModelIsRefusedNotRead) {
  Bench bench("rbf_sampler");
  data::Model model;
  model.op = "rbf_sampler";
  EXPECT_EQ(bench.transform(&model, testing::features({{1}})).error().code, Code::kDamaged);
}

TEST(EstimatorTest, SeedsDecideRandomFeatures) {
  const TablePtr table = testing::features({{1, 2}, {3, 4}});
  const auto run = [&](std::uint64_t seed) { return testing::reals(*Bench("rbf_sampler", {}, seed).fit_transform(table), "rbf0"); };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(ImputerTest, FillsNumbersAndMarksGaps) {
  const TablePtr out = Bench("imputer", {param("strategy", "median"), param("indicator", true)}).fit_transform(mixed());
  EXPECT_THAT(testing::reals(*out, "x1"), ElementsAre(10, 20, 30));
  EXPECT_THAT(testing::reals(*out, "missing:x1"), ElementsAre(0, 1, 0));
  EXPECT_THAT(testing::names(*out), ElementsAre("x0", "x1", "city", "y", "missing:x1"));
}

TEST(ImputerTest, MeanOfTheFitFillsOtherRows) {
  Bench bench("imputer");
  const auto fitted = bench.fit(mixed());
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.transform(&fitted->model, testing::with_texts(testing::features({{kNaN, 1}}), "city", {"c"}));
  ASSERT_TRUE(out.ok()) << out.error().text();
  EXPECT_THAT(testing::reals(out->table(), "x0"), ElementsAre(2));
}

TEST(ImputerTest, AFillingOfTheWrongKindIsRefused) {
  EXPECT_EQ(Bench("imputer", {param("strategy", "constant"), param("fill_value", "none")}).fit(mixed()).error().code, Code::kBadValue);
}

TEST(EncoderTest, OneHotStandsWhereItsSourceStood) {
  const TablePtr out = Bench("one_hot_encoder").fit_transform(mixed());
  EXPECT_THAT(testing::names(*out), ElementsAre("x0", "x1", "city_a", "city_b", "y"));
  EXPECT_THAT(testing::reals(*out, "city_b"), ElementsAre(1, 0, 1));
}

TEST(EncoderTest, UnknownValuesAreAnErrorOrZeros) {
  const TablePtr other = testing::with_texts(testing::features({{1, 2}}), "city", {"z"});
  for (const char* how : {"error", "ignore"}) {
    Bench bench("one_hot_encoder", {param("handle_unknown", how)});
    const auto fitted = bench.fit(mixed());
    ASSERT_TRUE(fitted.ok()) << fitted.error().text();
    const auto out = bench.transform(&fitted->model, other);
    if (std::string(how) == "error") {
      EXPECT_EQ(out.error().code, Code::kBadData);
      EXPECT_THAT(out.error().message, HasSubstr("'city', row 1, value z"));
    } else {
      EXPECT_EQ(testing::reals(out->table(), "city_a")[0] + testing::reals(out->table(), "city_b")[0], 0);
    }
  }
}

TEST(EncoderTest, FirstOrBinaryCategoriesCanBeDropped) {
  EXPECT_THAT(testing::names(*Bench("one_hot_encoder", {param("drop", "if_binary")}).fit_transform(mixed())),
              ElementsAre("x0", "x1", "city_b", "y"));
  const TablePtr numbers = testing::features({{3}, {10}, {2}});
  const TablePtr out = Bench("one_hot_encoder", {param("drop", "first"), param("columns", config::List{"x0"})}).fit_transform(numbers);
  EXPECT_THAT(testing::names(*out), ElementsAre("x0_3", "x0_10"));
}

TEST(EncoderTest, OrdinalsFollowSortedOrder) {
  const TablePtr out = Bench("ordinal_encoder").fit_transform(mixed());
  EXPECT_THAT(testing::reals(*out, "city"), ElementsAre(1, 0, 1));
  EXPECT_THAT(testing::names(*out), ElementsAre("x0", "x1", "city", "y"));
}

TEST(EncoderTest, MissingValuesAreACategoryOfTheirOwn) {
  const TablePtr table = testing::features({{1}, {kNaN}, {2}});
  const TablePtr one_hot = Bench("one_hot_encoder", {param("columns", config::List{"x0"})}).fit_transform(table);
  EXPECT_THAT(testing::names(*one_hot), ElementsAre("x0_1", "x0_2", "x0_missing"));
  EXPECT_THAT(testing::reals(*one_hot, "x0_missing"), ElementsAre(0, 1, 0));
  const TablePtr ordinal = Bench("ordinal_encoder", {param("columns", config::List{"x0"})}).fit_transform(table);
  EXPECT_TRUE(std::isnan(testing::reals(*ordinal, "x0")[1]));
}

TEST(FeatureUnionTest, SetsFeaturesSideBySide) {
  Bench bench("feature_union", {param("weights", config::List{1.0, 2.0})});
  const std::vector<data::Object> inputs = {data::Object(testing::features({{1}, {2}})), data::Object(testing::features({{3}, {4}}))};
  const auto out = bench.op->transform(bench.context, nullptr, inputs);
  ASSERT_TRUE(out.ok()) << out.error().text();
  EXPECT_THAT(testing::reals(out->table(), "x0_1"), ElementsAre(6, 8));
}

}  // namespace
}  // namespace headrace::learn
