// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/test_blobs.h"

namespace headrace::learn {
namespace {

using ::testing::ElementsAre;
using testing::Bench;
using testing::param;

auto labelled(std::vector<std::vector<double>> rows, std::vector<std::string> names) {
  return testing::with_texts(testing::features(std::move(rows)), "y", std::move(names), data::Role::kTarget);
}

// Class a: mean 1, variance 1; class b: mean 11, variance 1; at 5 the odds are exp(-(4^2 - 6^2) / 2) = e^10 for a.
TEST(NaiveBayesTest, GaussianOddsAreThoseOfTheNormalDensities) {
  Bench bench("gaussian_nb", {param("var_smoothing", 0.0)});
  const auto fitted = bench.fit(labelled({{0}, {2}, {10}, {12}}, {"a", "a", "b", "b"}));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.predict(fitted->model, testing::features({{5}})).value();
  const double a = testing::reals(out.table(), "probability:a")[0], b = testing::reals(out.table(), "probability:b")[0];
  EXPECT_NEAR(std::log(a / b), 10.0, 1e-9);
}

// Smoothed shares of the first word: (2 + 1) / (3 + 2) in a, (0 + 1) / (2 + 2) in b; priors 1/2.
TEST(NaiveBayesTest, MultinomialCountsAreSmoothed) {
  Bench bench("multinomial_nb");
  const auto fitted = bench.fit(labelled({{2, 1}, {0, 2}}, {"a", "b"}));
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  const auto out = bench.predict(fitted->model, testing::features({{1, 0}})).value();
  EXPECT_NEAR(testing::reals(out.table(), "probability:a")[0], 0.6 / (0.6 + 0.25), 1e-12);
}

// A weight of 3 is three equal rows.
TEST(NaiveBayesTest, WeightsCountAsRows) {
  for (const char* op : {"gaussian_nb", "multinomial_nb", "bernoulli_nb"}) {
    const auto once =
        testing::with_reals(labelled({{1, 2}, {3, 1}, {0, 4}, {2, 2}}, {"a", "a", "b", "b"}), "w", {3, 1, 1, 2}, data::Role::kWeight);
    const auto often = labelled({{1, 2}, {1, 2}, {1, 2}, {3, 1}, {0, 4}, {2, 2}, {2, 2}}, {"a", "a", "a", "a", "b", "b", "b"});
    std::vector<double> shares;
    for (const auto& table : {once, often}) {
      Bench bench(op, std::string_view(op) == "bernoulli_nb" ? config::Map{param("binarize", 1.5)} : config::Map{});
      const auto fitted = bench.fit(table);
      ASSERT_TRUE(fitted.ok()) << fitted.error().text();
      // Smoothing of gaussian_nb looks at the variance over rows, which weights leave alone; it is far below the tolerance here.
      shares.push_back(testing::reals(bench.predict(fitted->model, testing::features({{1.5, 2}})).value().table(), "probability:a")[0]);
    }
    EXPECT_NEAR(shares[0], shares[1], 1e-7) << op;
  }
}

TEST(NaiveBayesTest, NegativeCountsAreRefusedByColumn) {
  const auto got = Bench("multinomial_nb").fit(labelled({{1, 2}, {3, -1}}, {"a", "b"}));
  EXPECT_EQ(got.error().code, Code::kBadData);
  EXPECT_THAT(got.error().message, ::testing::HasSubstr("x1"));
}

TEST(NaiveBayesTest, PriorsMustFitTheClasses) {
  const auto table = labelled({{1}, {3}}, {"a", "b"});
  const auto fit = [&](config::List priors) {
    return Bench("gaussian_nb", {param("priors", config::Value(std::move(priors)))}).fit(table);
  };
  EXPECT_EQ(fit({0.5, 0.25, 0.25}).error().code, Code::kBadValue);
  EXPECT_EQ(fit({0.5, 0.6}).error().code, Code::kBadValue);
  EXPECT_EQ(fit({1.5, -0.5}).error().code, Code::kBadValue);
  EXPECT_TRUE(fit({0.25, 0.75}).ok());
}

TEST(NaiveBayesTest, BernoulliWithoutAThresholdWantsZerosAndOnes) {
  const auto fit = [](double value) {
    return Bench("bernoulli_nb", {param("binarize", config::Value())}).fit(labelled({{0}, {value}}, {"a", "b"}));
  };
  EXPECT_TRUE(fit(1.0).ok());
  EXPECT_EQ(fit(0.5).error().code, Code::kBadData);
}

}  // namespace
}  // namespace headrace::learn
