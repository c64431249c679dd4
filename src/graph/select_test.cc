// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

#include "graph/random_graph.h"
#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;

LowerOptions options_for(Mode mode) {
  LowerOptions options;
  options.mode = mode;
  options.list_files = [](const std::string& pattern) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (int piece = 0; piece < 3; ++piece)
      out.push_back(cat(pattern.substr(0, pattern.find('*')), piece, pattern.substr(pattern.find('*') + 1)));
    return out;
  };
  return options;
}

std::vector<ObjectId> output_ids(const Plan& plan, const Path& path) {
  std::vector<ObjectId> out;
  for (const Ref output : path.outputs) out.push_back(plan.tasks[static_cast<std::size_t>(output.task)].output(output.slot));
  return out;
}

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) out.push_back(node.name);
  return out;
}

const std::string kDigits = R"(
pipeline: digits
seed: 7
nodes:
  digits:   { op: source }
  pca:      { op: pca, from: digits, components: { grid: [5, 15, 30, 45, 64] } }
  logistic: { op: logistic, from: pca, C: { grid: [1.0e-4, 0.046416, 21.544, 1.0e4] } }
evaluate: { folds: 5 }
)";

TEST(SelectTest, APathOfAGridKeepsPlainNames) {
  const Plan plan = toy::plan(kDigits);
  const Graph chosen = select(plan, 9);
  EXPECT_THAT(names(chosen), ElementsAre("digits", "pca", "logistic"));
  EXPECT_EQ(*chosen.find("pca")->params.find("components"), config::Value(64));
  EXPECT_EQ(*chosen.find("logistic")->params.find("C"), config::Value(0.046416));
  EXPECT_FALSE(chosen.evaluate);
  EXPECT_EQ(chosen.seed, 7u);
}

TEST(SelectTest, AReplicaKeepsItsSeed) {
  const Plan plan = toy::plan("{nodes: {s: {op: source}, f: {op: forest, from: s, replicas: 3}}}");
  const Graph chosen = select(plan, 2);
  EXPECT_THAT(names(chosen), ElementsAre("s", "f#3"));
  const Plan again = toy::plan(chosen);
  EXPECT_EQ(output_ids(again, again.paths[0]), output_ids(plan, plan.paths[2]));
}

TEST(SelectTest, ANodeThatFiredForSeveralAlternativesBecomesSeveral) {
  const Plan plan =
      toy::plan(R"({nodes: {s: {op: source}, n: {op: noise, from: s, a: {grid: [1, 2]}}, all: {op: scale, from: n, firing: all}}})");
  const Graph chosen = select(plan, 0);
  EXPECT_THAT(names(chosen), ElementsAre("s", "n", "n#2", "all"));
  EXPECT_EQ(chosen.find("n#2")->seed_name, "n");
  const Plan again = toy::plan(chosen);
  EXPECT_EQ(output_ids(again, again.paths[0]), output_ids(plan, plan.paths[0]));
}

TEST(SelectTest, APieceBecomesItsFile) {
  const Plan plan = toy::plan("{nodes: {r: {op: reader, path: 'part-*.csv'}, p: {op: pca, from: r}}}", options_for(Mode::kFit));
  ASSERT_EQ(plan.paths.size(), 3u);
  EXPECT_EQ(plan.paths[1].label, "r[file=part-1.csv] >> p");
  EXPECT_EQ(select(plan, 1).find("r")->params.find("path")->string(), "part-1.csv");
}

TEST(SelectTest, StackedPiecesStayOneSource) {
  const Plan plan = toy::plan(
      "{nodes: {r: {op: reader, path: 'part-*.csv'}, k: {op: kernel, from: r, state: sequential}, c: {op: bayes, from: k, state: "
      "aggregate}}}",
      options_for(Mode::kFit));
  ASSERT_EQ(plan.paths.size(), 1u);
  EXPECT_EQ(select(plan, 0).find("r")->params.find("path")->string(), "part-*.csv");
}

TEST(SelectTest, TenDiamondsAreSelectedAndScoredInLinearWork) {
  std::string yaml = "nodes:\n  s: {op: source}\n";
  std::string last = "s";
  for (int i = 0; i < 10; ++i) {
    yaml += cat("  l", i, ": {op: pca, from: ", last, "}\n  r", i, ": {op: wash, from: ", last, "}\n");
    yaml += cat("  j", i, ": {op: ", i == 9 ? "logistic" : "scale", ", from: [l", i, ", r", i, "]}\n");
    last = cat("j", i);
  }
  yaml += "evaluate: {folds: 3}\n";
  const Plan plan = toy::plan(yaml);
  ASSERT_EQ(plan.paths.size(), 1u);
  EXPECT_EQ(plan.paths[0].scores.size(), 3u);
  EXPECT_EQ(toy::counts(plan), (std::map<std::string, int>{
                                   {"read", 1}, {"split", 1}, {"take", 6}, {"fit", 63}, {"transform", 3 * (20 + 9 * 2)}, {"score", 3}}));
  const Graph chosen = select(plan, 0);
  EXPECT_EQ(chosen.nodes.size(), 31u);
  EXPECT_EQ(tasks_of(plan, 0).size(), plan.tasks.size());
  EXPECT_EQ(plan.paths[0].nodes.size(), 31u);
}

// Selecting a path of a plan with folds and lowering it on all rows makes what the whole graph makes of it on all rows.
TEST(SelectTest, RandomPathsGiveTheirIdsAgain) {
  int compared = 0;
  for (std::uint64_t seed = 0; compared < 1000; ++seed) {
    Random random(seed, 30);
    Graph graph = toy::random_graph(random, {.folds = seed % 2 == 0});
    const std::string written = graph_to_yaml(graph);
    if (!validate(graph, toy::catalogue()).empty()) continue;
    Graph whole_graph = graph;
    whole_graph.evaluate.reset();
    for (Node& node : whole_graph.nodes) node.annotations.prune.reset();
    LowerOptions options = options_for(static_cast<Mode>(seed / 2 % 4));
    options.tasks_max = 1500;
    const Result<Plan> plan = lower(std::move(expand(graph).value()), toy::catalogue(), options);
    const Result<Plan> whole = lower(std::move(expand(whole_graph).value()), toy::catalogue(), options);
    if (!plan.ok() || plan->paths.size() > 100) continue;
    ++compared;
    ASSERT_TRUE(whole.ok()) << whole.error().text();
    ASSERT_EQ(plan->paths.size(), whole->paths.size());
    const bool over_pieces = written.find("-*.csv") != std::string::npos &&
                             (written.find("sequential") != std::string::npos || written.find("aggregate") != std::string::npos);
    for (std::size_t p = 0; p < plan->paths.size(); p += 1 + plan->paths.size() / 5) {
      Graph chosen = select(*plan, p);
      const std::string chosen_text = graph_to_yaml(chosen);
      for (const Error& error : validate(chosen, toy::catalogue())) ADD_FAILURE() << error.text();
      options.tasks_max = LowerOptions().tasks_max;
      const Result<Plan> again = lower(std::move(expand(chosen).value()), toy::catalogue(), options);
      ASSERT_TRUE(again.ok()) << again.error().text() << "\n" << chosen_text;
      const std::vector<ObjectId> expected = output_ids(*whole, whole->paths[p]);
      bool found = false;
      for (const Path& path : again->paths) found = found || output_ids(*again, path) == expected;
      // A product takes pieces apart that a model was fitted over: no graph without it says the same.
      const bool apart = over_pieces && written.find("product") != std::string::npos;
      EXPECT_TRUE(found || apart) << whole->paths[p].label << "\n" << chosen_text;
      EXPECT_TRUE(again->paths.size() == 1 || over_pieces) << again->paths.size() << " paths\n" << chosen_text;
    }
    ASSERT_FALSE(HasFailure()) << "seed " << seed << "\n" << written;
  }
}

}  // namespace
}  // namespace headrace::graph
