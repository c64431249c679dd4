// SPDX-License-Identifier: Apache-2.0
#include "learn/ensemble.h"

#include <cmath>
#include <thread>

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/test_tables.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Bench;
using testing::param;

// Two clouds on a line with some overlap, 30 rows.
TablePtr clouds() {
  std::vector<std::vector<double>> rows;
  std::vector<std::string> labels;
  for (int i = 0; i < 30; ++i) {
    const bool right = i % 2 == 1;
    rows.push_back({(right ? 1.0 : -1.0) + std::sin(7.0 * i), std::cos(3.0 * i)});
    labels.push_back(right ? "right" : "left");
  }
  return testing::with_texts(testing::features(rows), "y", labels, data::Role::kTarget);
}

config::Value members(std::vector<config::Value> list) { return config::Value(config::List(list.begin(), list.end())); }
config::Value neighbors(std::int64_t count) {
  return config::Value(config::Map{param("op", "k_nearest_neighbors"), param("n_neighbors", count)});
}

// Predictions of another node: names, and the probability of "b".
TablePtr predictions(std::vector<std::string> names, std::vector<double> shares) {
  TablePtr table = testing::with_texts(testing::features({{0}, {0}, {0}}), "y", {"a", "b", "b"}, data::Role::kTarget);
  table = testing::with_texts(table, "prediction", std::move(names), data::Role::kPrediction);
  std::vector<double> others;
  for (const double share : shares) others.push_back(1 - share);
  table = testing::with_reals(table, "probability:a", others, data::Role::kPrediction);
  return testing::with_reals(table, "probability:b", shares, data::Role::kPrediction);
}

Result<data::Object> vote(Bench& bench, std::vector<TablePtr> tables) {
  std::vector<data::Object> inputs(tables.begin(), tables.end());
  HEADRACE_ASSIGN(const exec::Fitted fitted, bench.op->fit(bench.context, inputs, false));
  return bench.op->predict(bench.context, &fitted.model, inputs);
}

TEST(VotingTest, VotesOverPredictionsOfOtherNodes) {
  const std::vector<TablePtr> tables = {predictions({"a", "b", "a"}, {0.4, 0.6, 0.1}), predictions({"b", "b", "b"}, {0.6, 0.9, 0.55}),
                                        predictions({"a", "a", "b"}, {0.45, 0.4, 0.55})};
  Bench hard("voting");
  const auto majority = vote(hard, tables);
  ASSERT_TRUE(majority.ok()) << majority.error().text();
  EXPECT_THAT(testing::texts(majority->table(), "prediction"), ElementsAre("a", "b", "b"));
  Bench soft("voting", {param("voting", "soft"), param("weights", config::List{1.0, 2.0, 1.0})});
  const auto mean = vote(soft, tables);
  ASSERT_TRUE(mean.ok()) << mean.error().text();
  EXPECT_THAT(testing::texts(mean->table(), "prediction"), ElementsAre("b", "b", "a"));
  EXPECT_NEAR(testing::reals(mean->table(), "probability:b")[0], (0.4 + 2 * 0.6 + 0.45) / 4, 1e-15);
}

TEST(VotingTest, TheFirstClassWinsATie) {
  Bench bench("voting");
  const auto tie = vote(bench, {predictions({"b", "a", "b"}, {1, 0, 1}), predictions({"a", "b", "b"}, {0, 1, 1})});
  ASSERT_TRUE(tie.ok()) << tie.error().text();
  EXPECT_THAT(testing::texts(tie->table(), "prediction"), ElementsAre("a", "a", "b"));
}

TEST(VotingTest, MistakesAreNamed) {
  EXPECT_EQ(Bench("voting", {param("estimators", members({"k_nearest_neighbours"}))}).fit(clouds()).error().code, Code::kUnknownOperator);
  EXPECT_EQ(Bench("voting", {param("estimators", members({"ridge"}))}).fit(clouds()).error().code, Code::kUnsupported);
  EXPECT_EQ(Bench("voting", {param("estimators", members({"standard_scaler"}))}).fit(clouds()).error().code, Code::kUnsupported);
  const auto unknown =
      Bench("voting", {param("estimators", members({config::Map{param("op", "gaussian_nb"), param("alpha", 1)}}))}).fit(clouds());
  EXPECT_EQ(unknown.error().code, Code::kUnknownKey);
  EXPECT_THAT(unknown.error().message, HasSubstr("alpha"));
  const auto member = Bench("voting", {param("estimators", members({neighbors(99)}))}).fit(clouds());
  EXPECT_THAT(member.error().message, HasSubstr("member k_nearest_neighbors"));
}

// One neighbour answers about its own training rows without an error, out of fold it does not: what goes downstream shows which.
TEST(StackingTest, FitHandsOnWhatMembersSayAboutRowsTheyHaveNotSeen) {
  Bench bench("stacking", {param("estimators", members({neighbors(1)})), param("final", neighbors(1))});
  const TablePtr table = clouds();
  const auto fitted = bench.fit(table, true);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto seen = bench.transform(&fitted->model, table);
  ASSERT_TRUE(seen.ok()) << seen.error().text();
  const auto out_of_fold = testing::texts(fitted->output.table(), "prediction");
  EXPECT_EQ(out_of_fold.size(), 30u);
  EXPECT_NE(out_of_fold, testing::texts(*table, "y"));
  EXPECT_NE(out_of_fold, testing::texts(seen->table(), "prediction"));
}

TEST(StackingTest, ModelsHoldOnePartAMemberAndTheFinalOne) {
  Bench bench("stacking", {param("estimators", members({neighbors(3), neighbors(5)})), param("passthrough", true)});
  const auto fitted = bench.fit(clouds());
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  ASSERT_EQ(fitted->model.parts.size(), 3u);
  EXPECT_EQ(fitted->model.parts[2]->op, "logistic_regression");
  EXPECT_EQ(fitted->model.parts[2]->meta.find("features")->integer(), 4);   // two features, one column of each member
  data::Model cut = fitted->model;
  cut.parts.pop_back();
  EXPECT_EQ(bench.predict(cut, clouds()).error().code, Code::kDamaged);
}

TEST(StackingTest, SameSeedSameBitsFromAnyThread) {
  const auto run = [] {
    Bench bench("stacking", {param("estimators", members({neighbors(3), "gaussian_nb"}))});
    const auto fitted = bench.fit(clouds());
    return testing::reals(bench.predict(fitted.value().model, clouds()).value().table(), "probability:right");
  };
  const auto here = run();
  std::vector<double> there;
  std::thread([&] { there = run(); }).join();
  EXPECT_EQ(here, there);
}

// A thread keeps its own count even when another thread sets another one before torch first looks.
TEST(TorchScopeTest, ThreadCountsDoNotLeakBetweenThreads) {
  int inside = 0;
  std::thread([&] {
    const TorchScope one(1, false);
    std::thread([] { const TorchScope two(2, false); }).join();
    inside = at::get_num_threads();
  }).join();
  EXPECT_EQ(inside, 1);
}

}  // namespace
}  // namespace headrace::learn
