// SPDX-License-Identifier: Apache-2.0
#include "learn/folds.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "learn/test_tables.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using testing::Bench;
using testing::param;

testing::TablePtr rows(std::int64_t count) {
  return testing::features(std::vector<std::vector<double>>(static_cast<std::size_t>(count), std::vector<double>{0.0}));
}

std::vector<std::int64_t> side(const data::TensorSet& folds, std::string_view name) {
  const auto span = folds.find(name)->span<std::int64_t>();
  return {span.begin(), span.end()};
}

data::TensorSet split(Bench bench, const testing::TablePtr& table) { return bench.op->split(bench.context, *table).value(); }
Code refused(Bench bench, const testing::TablePtr& table) { return bench.op->split(bench.context, *table).error().code; }

// Every row is on exactly one side of each fold, and held out exactly once over all.
void expect_partition(const data::TensorSet& folds, std::int64_t count) {
  std::multiset<std::int64_t> held;
  for (std::size_t i = 0; i < folds.entries().size() / 2; ++i) {
    const auto train = side(folds, cat("train", i)), test = side(folds, cat("test", i));
    std::set<std::int64_t> both(train.begin(), train.end());
    both.insert(test.begin(), test.end());
    EXPECT_EQ(static_cast<std::int64_t>(both.size()), count);
    EXPECT_EQ(train.size() + test.size(), both.size());
    EXPECT_TRUE(std::is_sorted(train.begin(), train.end()));
    held.insert(test.begin(), test.end());
  }
  EXPECT_EQ(static_cast<std::int64_t>(held.size()), count);
  EXPECT_EQ(std::set<std::int64_t>(held.begin(), held.end()).size(), held.size());
}

TEST(FoldsTest, KFoldGivesTheFirstFoldsOneRowMore) {
  const auto folds = split(Bench("k_fold", {param("n", 3)}), rows(7));
  EXPECT_THAT(side(folds, "test0"), ElementsAre(0, 1, 2));
  EXPECT_THAT(side(folds, "test1"), ElementsAre(3, 4));
  EXPECT_THAT(side(folds, "test2"), ElementsAre(5, 6));
  EXPECT_THAT(side(folds, "train1"), ElementsAre(0, 1, 2, 5, 6));
  EXPECT_EQ(refused(Bench("k_fold", {param("n", 8)}), rows(7)), Code::kShape);
}

TEST(FoldsTest, ShufflingFollowsTheSeed) {
  const auto fold = [](std::uint64_t seed) { return split(Bench("k_fold", {param("shuffle", true)}, seed), rows(50)); };
  expect_partition(fold(1), 50);
  EXPECT_EQ(side(fold(1), "test0"), side(fold(1), "test0"));
  EXPECT_NE(side(fold(1), "test0"), side(fold(2), "test0"));
}

TEST(FoldsTest, StratifiedFoldsKeepSharesOfClasses) {
  std::vector<std::string> labels;
  for (int i = 0; i < 60; ++i) labels.push_back(i % 3 == 0 ? "rare" : "often");
  const auto table = testing::with_texts(rows(60), "y", labels, data::Role::kTarget);
  for (const bool shuffle : {false, true}) {
    const auto folds = split(Bench("stratified_k_fold", {param("n", 4), param("shuffle", shuffle)}), table);
    expect_partition(folds, 60);
    for (int i = 0; i < 4; ++i) {
      const auto test = side(folds, cat("test", i));
      EXPECT_EQ(test.size(), 15u);
      EXPECT_EQ(std::count_if(test.begin(), test.end(), [](std::int64_t row) { return row % 3 == 0; }), 5);
    }
  }
}

TEST(FoldsTest, MoreFoldsThanRowsOfTheLargestClassAreRefused) {
  const auto table = testing::with_texts(rows(4), "y", {"a", "a", "b", "b"}, data::Role::kTarget);
  EXPECT_EQ(refused(Bench("stratified_k_fold", {param("n", 3)}), table), Code::kShape);
  EXPECT_EQ(refused(Bench("stratified_k_fold"), rows(9)), Code::kMissingColumn);
}

TEST(FoldsTest, GroupsStayTogetherAndLargestGoFirst) {
  // Sizes a 3, b 2, c 2, d 1: a -> fold 0; c (last of the equals) and b -> fold 1; d -> fold 0 at 3 against 4.
  const auto table = testing::with_texts(rows(8), "g", {"a", "b", "a", "c", "b", "c", "d", "a"}, data::Role::kGroup);
  const auto folds = split(Bench("group_k_fold", {param("n", 2)}), table);
  EXPECT_THAT(side(folds, "test0"), ElementsAre(0, 2, 6, 7));
  EXPECT_THAT(side(folds, "test1"), ElementsAre(1, 3, 4, 5));
  EXPECT_EQ(refused(Bench("group_k_fold", {param("n", 5)}), table), Code::kShape);
}

TEST(FoldsTest, TimeSeriesTrainsOnThePast) {
  const auto folds = split(Bench("time_series_split", {param("n", 3), param("gap", 1), param("train_rows_max", 4)}), rows(12));
  EXPECT_THAT(side(folds, "train0"), ElementsAre(0, 1));
  EXPECT_THAT(side(folds, "test0"), ElementsAre(3, 4, 5));
  EXPECT_THAT(side(folds, "train2"), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(side(folds, "test2"), ElementsAre(9, 10, 11));
  EXPECT_EQ(refused(Bench("time_series_split", {param("n", 3), param("test_rows", 4)}), rows(12)), Code::kShape);
}

TEST(FoldsTest, SharesAreRoundedAsScikitLearnDoes) {
  const auto folds = split(Bench("shuffle_split", {param("n", 2), param("test_share", 0.25), param("train_share", 0.5)}), rows(10));
  EXPECT_EQ(side(folds, "test0").size(), 3u);
  EXPECT_EQ(side(folds, "train0").size(), 5u);
  EXPECT_NE(side(folds, "test0"), side(folds, "test1"));
  EXPECT_EQ(refused(Bench("shuffle_split", {param("test_share", 0.8), param("train_share", 0.5)}), rows(10)), Code::kShape);
}

TEST(FoldsTest, HoldOutWithoutShuffleTakesTheLastRows) {
  const auto folds = split(Bench("hold_out", {param("shuffle", false)}), rows(8));
  EXPECT_THAT(side(folds, "test0"), ElementsAre(6, 7));
  EXPECT_THAT(side(folds, "train0"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(folds.entries().size(), 2u);
}

TEST(FoldsTest, StratifiedShuffleKeepsShares) {
  std::vector<std::string> labels;
  for (int i = 0; i < 40; ++i) labels.push_back(i < 10 ? "rare" : "often");
  const auto folds = split(Bench("stratified_shuffle_split", {param("n", 3), param("test_share", 0.2)}),
                           testing::with_texts(rows(40), "y", labels, data::Role::kTarget));
  for (int i = 0; i < 3; ++i) {
    const auto test = side(folds, cat("test", i)), train = side(folds, cat("train", i));
    EXPECT_EQ(test.size(), 8u);
    EXPECT_EQ(train.size(), 32u);
    EXPECT_EQ(std::count_if(test.begin(), test.end(), [](std::int64_t row) { return row < 10; }), 2);
  }
}

TEST(FoldsTest, LeaveOneOutHoldsOutEachRow) {
  const auto folds = split(Bench("leave_one_out"), rows(5));
  expect_partition(folds, 5);
  EXPECT_THAT(side(folds, "test3"), ElementsAre(3));
}

}  // namespace
}  // namespace headrace::learn
