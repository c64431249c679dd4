// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/mlp_network.h"
#include "learn/test_blobs.h"

namespace headrace::learn {
namespace {

using testing::Bench;
using testing::param;
using detail::Activation;
using detail::MlpBatch;
using detail::MlpNetwork;
using detail::MlpOutput;

at::Tensor drawn(Random& random, std::vector<std::int64_t> shape) {
  at::Tensor out = at::empty(shape, at::kDouble);
  for (std::int64_t i = 0; i < out.numel(); ++i) out.mutable_data_ptr<double>()[i] = random.normal();
  return out;
}

struct Slope {
  Activation activation;
  MlpOutput output;
  bool weighted;
};
class MlpGradientTest : public ::testing::TestWithParam<Slope> {};

// Central differences of step 1e-5 are good to about 1e-9 here.
TEST_P(MlpGradientTest, IsTheDerivativeOfTheLoss) {
  const auto [activation, output, weighted] = GetParam();
  const std::int64_t outputs = output == MlpOutput::kSoftmax ? 3 : 1, rows = 11;
  const MlpNetwork network({4, 6, 5, outputs}, activation, output);
  Random random(2);
  MlpBatch batch{drawn(random, {rows, 4}), drawn(random, {rows, outputs}), weighted ? drawn(random, {rows}).abs() : at::Tensor()};
  if (output == MlpOutput::kLogistic) batch.y = batch.y.gt(0.0).to(at::kDouble);
  if (output == MlpOutput::kSoftmax) batch.y = batch.y.eq(batch.y.amax(1, true)).to(at::kDouble);
  at::Tensor parameters = network.initial(Random(4));
  at::Tensor gradient = at::zeros_like(parameters), ignored = at::zeros_like(parameters);
  network.differentiate(parameters, batch, 0.3, gradient);
  double* values = parameters.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < parameters.numel(); ++i) {
    const double kept = values[i];
    values[i] = kept + 1e-5;
    const double above = network.differentiate(parameters, batch, 0.3, ignored);
    values[i] = kept - 1e-5;
    const double below = network.differentiate(parameters, batch, 0.3, ignored);
    values[i] = kept;
    EXPECT_NEAR(gradient.const_data_ptr<double>()[i], (above - below) / 2e-5, 1e-7) << "parameter " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, MlpGradientTest,
                         ::testing::Values(Slope{Activation::kTanh, MlpOutput::kValue, false},
                                           Slope{Activation::kTanh, MlpOutput::kLogistic, true},
                                           Slope{Activation::kLogistic, MlpOutput::kSoftmax, false},
                                           Slope{Activation::kRelu, MlpOutput::kSoftmax, true},
                                           Slope{Activation::kIdentity, MlpOutput::kValue, true}));

TEST(MlpTest, EachSolverLearnsExclusiveOr) {
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;
  for (int i = 0; i < 80; ++i) {
    const bool a = i % 2 == 1, b = i / 2 % 2 == 1;
    rows.push_back({a ? 1.0 : -1.0, b ? 1.0 : -1.0});
    names.emplace_back(a != b ? "odd" : "even");
  }
  const auto train = testing::with_texts(testing::features(rows), "y", names, data::Role::kTarget);
  for (const char* solver : {"adam", "sgd", "lbfgs"}) {
    Bench bench("mlp_classifier", {param("solver", solver), param("hidden_layer_sizes", config::List{8}), param("activation", "tanh"),
                                   param("learning_rate_init", 0.05), param("max_iter", 500)});
    const auto fitted = bench.fit(train);
    ASSERT_TRUE(fitted.ok()) << fitted.error().text();
    EXPECT_EQ(testing::texts(bench.predict(fitted->model, train).value().table(), "prediction"), names) << solver;
  }
}

TEST(MlpTest, WithoutHiddenLayersItIsALinearModel) {
  Bench bench("mlp_regressor", {param("hidden_layer_sizes", config::List{}), param("solver", "lbfgs"), param("alpha", 0.0),
                                param("tol", 1e-10), param("max_iter", 1000)});
  const auto train = testing::with_reals(testing::features({{0, 1}, {1, 0}, {2, 2}, {3, 1}}), "y", {5, 5, 12, 12}, data::Role::kTarget);
  const auto fitted = bench.fit(train);
  ASSERT_TRUE(fitted.ok()) << fitted.error().text();
  // Least squares of 2 x0 + ... : residuals are orthogonal to the features and sum to 0.
  const auto out = testing::reals(bench.predict(fitted->model, train).value().table(), "prediction");
  const std::vector<double> truth = {5, 5, 12, 12}, x0 = {0, 1, 2, 3};
  double sum = 0, along = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    sum += truth[i] - out[i];
    along += (truth[i] - out[i]) * x0[i];
  }
  EXPECT_NEAR(sum, 0.0, 1e-4);
  EXPECT_NEAR(along, 0.0, 1e-4);
}

TEST(MlpTest, ADivergingTrainingIsAnError) {
  Bench bench("mlp_regressor", {param("solver", "sgd"), param("learning_rate_init", 1e6), param("activation", "identity")});
  EXPECT_EQ(bench.fit(testing::value_blobs({})).error().code, Code::kNotConverged);
}

TEST(MlpTest, EarlyStoppingNeedsRowsToHoldOut) {
  Bench bench("mlp_regressor", {param("early_stopping", true)});
  EXPECT_EQ(bench.fit(testing::value_blobs({.rows = 4})).error().code, Code::kBadData);
}

TEST(MlpTest, AStopDuringTheEpochsEndsTheFit) {
  for (const char* solver : {"adam", "lbfgs"}) {
    std::stop_source source;
    Bench bench("mlp_classifier", {param("solver", solver), param("tol", 0.0)});
    bench.context.stop = source.get_token();
    bench.context.progress = [&](double) { source.request_stop(); };
    EXPECT_EQ(bench.fit(testing::class_blobs({.spread = 4.0})).error().code, Code::kCancelled) << solver;
  }
}

TEST(MlpTest, AnAbsurdNetworkIsRefusedBeforeItIsMade) {
  Bench bench("mlp_classifier", {param("hidden_layer_sizes", config::List{65536, 65536})});
  EXPECT_EQ(bench.fit(testing::class_blobs({})).error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace headrace::learn
