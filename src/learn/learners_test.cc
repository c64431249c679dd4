// SPDX-License-Identifier: Apache-2.0
// What every learner must keep: same bits twice and for any thread count that it honours, single rows as in a batch, constant
// features, one class only, models from outside, and being stopped.
#include <cmath>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/data/object.h"
#include "learn/test_blobs.h"

namespace headrace::learn {
namespace {

using testing::Bench;
using testing::Blobs;
using testing::param;
using testing::TablePtr;

enum class Wants { kClasses, kValues, kUnitFeatures, kClassesForMap, kNothing };

struct Case {
  const char* op;
  config::Map params;
  Wants wants = Wants::kClasses;
  bool same_for_threads = true;    // false: its products may be summed in another order on more threads
  bool stops = true;               // long enough to look at the stop token
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.op; }

std::vector<Case> cases() {
  const auto few_trees = param("n_estimators", 12);
  return {
      {"k_nearest_neighbors", {param("weights", "distance")}, Wants::kClasses, true, false},
      {"k_nearest_neighbors", {param("metric", "manhattan")}, Wants::kClasses, true, false},
      {"k_nearest_neighbors_regressor", {}, Wants::kValues, true, false},
      {"gaussian_nb", {}, Wants::kClasses, true, false},
      {"multinomial_nb", {}, Wants::kUnitFeatures, true, false},
      {"bernoulli_nb", {}, Wants::kClasses, true, false},
      {"decision_tree", {}, Wants::kClasses},
      {"decision_tree", {param("method", "hist"), param("max_features", 0.5)}, Wants::kClasses},
      {"decision_tree_regressor", {}, Wants::kValues},
      {"random_forest", {few_trees}, Wants::kClasses},
      {"random_forest", {few_trees, param("method", "hist")}, Wants::kClasses},
      {"random_forest_regressor", {few_trees}, Wants::kValues},
      {"gradient_boosting", {few_trees}, Wants::kClasses},
      {"gradient_boosting", {few_trees, param("method", "exact"), param("subsample", 0.7), param("max_features", 0.5)}, Wants::kClasses},
      {"gradient_boosting_regressor", {few_trees}, Wants::kValues},
      {"linear_discriminant", {}, Wants::kClasses, false, false},
      {"svm", {}, Wants::kClasses, true, false},
      {"svr", {}, Wants::kValues, true, false},
      {"mlp_classifier", {param("max_iter", 20)}, Wants::kClasses, false},
      {"mlp_classifier", {param("max_iter", 20), param("early_stopping", true), param("solver", "sgd")}, Wants::kClasses, false},
      {"mlp_regressor", {param("max_iter", 20), param("solver", "lbfgs")}, Wants::kValues, false},
      {"bernoulli_rbm", {param("components", 8)}, Wants::kUnitFeatures, false},
      {"nca", {param("max_iter", 10)}, Wants::kClassesForMap, false},
      {"k_means", {param("n_clusters", 3), param("n_init", 3)}, Wants::kNothing, false},
  };
}

TablePtr data_for(const Case& c, Blobs blobs) {
  if (c.wants == Wants::kValues) return testing::value_blobs(blobs);
  if (c.wants != Wants::kUnitFeatures) return testing::class_blobs(blobs);
  auto rows = testing::blob_rows(blobs);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (double& value : rows[i]) value = 1.0 / (1.0 + std::exp(-value));
    names.emplace_back(1, static_cast<char>('a' + i % static_cast<std::size_t>(blobs.groups)));
  }
  return testing::with_texts(testing::features(rows), "y", names, data::Role::kTarget);
}

bool is_transformer(const Case& c) { return c.wants == Wants::kClassesForMap || std::string_view(c.op) == "bernoulli_rbm"; }

// What the fitted model makes of a table.
Result<data::Object> apply(Bench& bench, const Case& c, const data::Model& model, const TablePtr& table) {
  return is_transformer(c) ? bench.transform(&model, table) : bench.predict(model, table);
}

std::string bytes_of(const data::Object& object) { return data::encode(object).value(); }

class LearnersTest : public ::testing::TestWithParam<Case> {
 protected:
  Bench bench() const { return Bench(GetParam().op, GetParam().params); }
};
class ThreadedLearnersTest : public LearnersTest {};
class ClassLearnersTest : public LearnersTest {};
class LongLearnersTest : public LearnersTest {};

TEST_P(LearnersTest, GivesTheSameBitsTwice) {
  const TablePtr table = data_for(GetParam(), {});
  std::string first;
  for (int run = 0; run < 2; ++run) {
    Bench bench = this->bench();
    const auto fitted = bench.fit(table);
    ASSERT_TRUE(fitted.ok()) << fitted.error().text();
    const std::string bytes = bytes_of(fitted->model) + bytes_of(apply(bench, GetParam(), fitted->model, table).value());
    if (run == 0) first = bytes;
    EXPECT_TRUE(first == bytes);
  }
}

TEST_P(ThreadedLearnersTest, GivesTheSameBitsOnTwoThreads) {
  const TablePtr table = data_for(GetParam(), {.rows = 600, .width = 6});
  std::string first;
  for (int threads = 1; threads <= 2; ++threads) {
    Bench bench = this->bench();
    bench.context.threads = threads;
    const auto fitted = bench.fit(table);
    ASSERT_TRUE(fitted.ok()) << fitted.error().text();
    const std::string bytes = bytes_of(fitted->model) + bytes_of(apply(bench, GetParam(), fitted->model, table).value());
    if (threads == 1) first = bytes;
    EXPECT_TRUE(first == bytes);
  }
}

TEST_P(LearnersTest, TreatsARowAloneAsInABatch) {
  const TablePtr table = data_for(GetParam(), {});
  Bench bench = this->bench();
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto all = apply(bench, GetParam(), fitted->model, table).value();
  for (const std::int64_t row : {0, 17, 119}) {
    const auto one = apply(bench, GetParam(), fitted->model, table->slice(row, 1)).value();
    ASSERT_EQ(one.table().rows(), 1);
    for (int column = 0; column < static_cast<int>(one.table().columns().size()); ++column) {
      const auto& type = one.table().columns()[static_cast<std::size_t>(column)].type;
      if (type == data::ColumnType::kReal) {
        EXPECT_NEAR(one.table().reals(column).value()[0], all.table().reals(column).value()[static_cast<std::size_t>(row)], 1e-9);
      } else {
        EXPECT_EQ(one.table().texts(column).value()[0], all.table().texts(column).value()[static_cast<std::size_t>(row)]);
      }
    }
  }
}

TEST_P(LearnersTest, CopesWithAConstantFeature) {
  const TablePtr table = data_for(GetParam(), {.constant = true});
  Bench bench = this->bench();
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = apply(bench, GetParam(), fitted->model, table);
  ASSERT_TRUE(out.ok()) << out.error().text();
  for (int column = 0; column < static_cast<int>(out->table().columns().size()); ++column) {
    if (out->table().columns()[static_cast<std::size_t>(column)].type != data::ColumnType::kReal) continue;
    const std::vector<double> values = out->table().reals(column).value();
    for (const double value : values) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(LearnersTest, CopesWithNothingButConstantFeatures) {
  const std::vector<std::vector<double>> rows(30, {0.5, 0.5});
  TablePtr table = testing::features(rows);
  if (GetParam().wants == Wants::kValues) {
    std::vector<double> values(30);
    for (std::size_t i = 0; i < 30; ++i) values[i] = static_cast<double>(i);
    table = testing::with_reals(table, "y", values, data::Role::kTarget);
  } else {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 30; ++i) names.emplace_back(i % 3 == 0 ? "a" : "b");
    table = testing::with_texts(table, "y", names, data::Role::kTarget);
  }
  Bench bench = this->bench();
  const auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = apply(bench, GetParam(), fitted->model, table);
  ASSERT_TRUE(out.ok()) << out.error().text();
  for (int column = 0; column < static_cast<int>(out->table().columns().size()); ++column) {
    if (out->table().columns()[static_cast<std::size_t>(column)].type != data::ColumnType::kReal) continue;
    const std::vector<double> values = out->table().reals(column).value();
    for (const double value : values) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(ClassLearnersTest, RefusesATargetOfOneClass) {
  EXPECT_EQ(bench().fit(data_for(GetParam(), {.groups = 1})).error().code, Code::kBadData);
}

TEST_P(LearnersTest, RefusesAModelWithoutItsParts) {
  const TablePtr table = data_for(GetParam(), {});
  Bench bench = this->bench();
  auto fitted = bench.fit(table);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  data::Model model = fitted->model;
  model.tensors = {};
  EXPECT_EQ(apply(bench, GetParam(), model, table).error().code, Code::kDamaged);
}

TEST_P(LongLearnersTest, StopsWhenAsked) {
  std::stop_source source;
  Bench bench = this->bench();
  bench.context.stop = source.get_token();
  source.request_stop();
  EXPECT_EQ(bench.fit(data_for(GetParam(), {})).error().code, Code::kCancelled);
}

std::vector<Case> cases_where(bool (*fits)(const Case&)) {
  std::vector<Case> kept;
  std::vector<Case> all = cases();
  for (Case& c : all) {
    if (fits(c)) kept.push_back(std::move(c));
  }
  return kept;
}
std::string name_of(const ::testing::TestParamInfo<Case>& info) { return std::string(info.param.op) + "_" + std::to_string(info.index); }

INSTANTIATE_TEST_SUITE_P(All, LearnersTest, ::testing::ValuesIn(cases()), name_of);
INSTANTIATE_TEST_SUITE_P(All, ThreadedLearnersTest, ::testing::ValuesIn(cases_where([](const Case& c) { return c.same_for_threads; })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, LongLearnersTest, ::testing::ValuesIn(cases_where([](const Case& c) { return c.stops; })), name_of);
INSTANTIATE_TEST_SUITE_P(All, ClassLearnersTest, ::testing::ValuesIn(cases_where([](const Case& c) {
                           return c.wants != Wants::kValues && c.wants != Wants::kNothing && std::string_view(c.op) != "bernoulli_rbm";
                         })),
                         name_of);

}  // namespace
}  // namespace headrace::learn
