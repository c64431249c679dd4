// SPDX-License-Identifier: Apache-2.0
// Lowering: counts, orders, ids.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Counts = std::map<std::string, int>;

const std::string kDigits = R"(
pipeline: digits
seed: 7
nodes:
  digits:   { op: source }
  pca:      { op: pca, from: digits, components: { grid: [5, 15, 30, 45, 64] } }
  logistic: { op: logistic, from: pca, C: { grid: [1.0e-4, 0.046416, 21.544, 1.0e4] } }
evaluate: { folds: { kind: k_fold, n: 5, shuffle: false }, metric: accuracy, pick: best }
)";

TEST(LowerTest, DigitsFitsEachPointOncePerFold) {
  const Plan plan = toy::plan(kDigits);
  EXPECT_EQ(plan.expanded.nodes.size(), 10u);   // 9 and the source
  EXPECT_EQ(plan.paths.size(), 20u);
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 1}, {"split", 1}, {"take", 10}, {"fit", 125}, {"transform", 25}, {"score", 100}}));
  int logistic_fits = 0;
  for (const Task& task : plan.tasks) {
    const ExpandedNode& node = plan.expanded.nodes[static_cast<std::size_t>(task.node)];
    if (task.phase == Phase::kFit) {
      logistic_fits += node.name.starts_with("logistic");
      EXPECT_EQ(task.wants_output, node.name.starts_with("pca"));
    }
  }
  EXPECT_EQ(logistic_fits, 100);
}

TEST(LowerTest, DigitsPathsSayWhatWasChosen) {
  const Plan plan = toy::plan(kDigits);
  EXPECT_EQ(plan.paths[0].label, "pca[components=5] >> logistic[C=0.0001]");
  EXPECT_EQ(plan.paths[1].label, "pca[components=15] >> logistic[C=0.0001]");
  EXPECT_EQ(plan.paths[5].label, "pca[components=5] >> logistic[C=0.046416]");
  EXPECT_EQ(plan.paths[19].label, "pca[components=64] >> logistic[C=10000]");
  ASSERT_EQ(plan.paths[5].params.size(), 2u);
  EXPECT_EQ(plan.paths[5].params[0].first, "pca.components");
  EXPECT_EQ(plan.paths[5].params[0].second, config::Value(5));
  EXPECT_EQ(plan.paths[5].params[1].first, "logistic.C");
  EXPECT_EQ(plan.paths[5].params[1].second, config::Value(0.046416));
  EXPECT_EQ(plan.paths[5].scores.size(), 5u);
  EXPECT_EQ(plan.paths[5].outputs.size(), 5u);
  EXPECT_EQ(plan.metrics, std::vector<std::string>{"accuracy"});
}

}  // namespace
}  // namespace headrace::graph
