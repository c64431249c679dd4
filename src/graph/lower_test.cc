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


LowerOptions in(Mode mode) {
  LowerOptions options;
  options.mode = mode;
  options.list_files = [](const std::string& pattern) -> Result<std::vector<std::string>> {
    const std::string stem = pattern.substr(0, pattern.find('*'));
    return std::vector<std::string>{cat(stem, "b"), cat(stem, "a")};
  };
  return options;
}

// What a task reads, by name: "fit c <- scale a, scale b".
std::vector<std::string> tasks_of_node(const Plan& plan, const std::string& name) {
  std::vector<std::string> out;
  const auto label = [&](std::int32_t task) {
    const Task& at = plan.tasks[static_cast<std::size_t>(task)];
    return cat(phase_name(at.phase), " ", plan.expanded.nodes[static_cast<std::size_t>(at.node)].name);
  };
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const Task& task = plan.tasks[i];
    if (plan.expanded.nodes[static_cast<std::size_t>(task.node)].name != name) continue;
    std::string line = cat(phase_name(task.phase), task.piece >= 0 ? cat("/", task.piece) : "", " <-");
    if (task.model.task >= 0) line += cat(" (", label(task.model.task), ")");
    for (const Ref input : task.inputs) line += cat(" ", label(input.task), input.slot == 1 ? ".1" : "");
    out.push_back(line);
  }
  return out;
}

const std::string kTwo = "s: {op: source}, a: {op: scale, from: s, a: {grid: [1, 2]}}, b: {op: busy, from: s}, ";

std::string graph_with(const std::string& nodes, const std::string& rest = "") { return cat("{nodes: {", nodes, "}", rest, "}"); }

TEST(LowerTest, UnionFiresOncePerObjectInTheOrderOfTheEdges) {
  const Plan plan = toy::plan(graph_with(kTwo + "c: {op: one, from: [b, a], combine: union}"), in(Mode::kTransform));
  EXPECT_THAT(tasks_of_node(plan, "c"),
              ElementsAre("transform <- transform b", "transform <- transform a[a=1]", "transform <- transform a[a=2]"));
}

TEST(LowerTest, JoinMeetsByOriginLastInputFastest) {
  const Plan plan = toy::plan(graph_with(kTwo + "d: {op: filter, from: a}, c: {op: scale, from: [a, b, d]}"), in(Mode::kTransform));
  EXPECT_THAT(tasks_of_node(plan, "c"), ElementsAre("transform <- transform a[a=1] transform b transform d",
                                                    "transform <- transform a[a=2] transform b transform d"));
  const Plan free =
      toy::plan(graph_with(kTwo + "e: {op: filter, from: b, kind: {grid: [x, y]}}, c: {op: scale, from: [a, e]}"), in(Mode::kTransform));
  EXPECT_THAT(tasks_of_node(free, "c"),
              ElementsAre("transform <- transform a[a=1] transform e[kind=x]", "transform <- transform a[a=1] transform e[kind=y]",
                          "transform <- transform a[a=2] transform e[kind=x]", "transform <- transform a[a=2] transform e[kind=y]"));
}

TEST(LowerTest, ProductTakesEveryCombination) {
  const Plan plan =
      toy::plan(graph_with(kTwo + "d: {op: filter, from: a}, c: {op: scale, from: [a, d], combine: product}, e: {op: scale, from: [c, c]}"),
                in(Mode::kTransform));
  EXPECT_EQ(tasks_of_node(plan, "c").size(), 4u);
  EXPECT_EQ(tasks_of_node(plan, "e").size(), 4u);   // its two inputs meet by their combination
}

TEST(LowerTest, AlternativesThatMeetAgainGiveTwoResultsNotFour) {
  const Plan plan =
      toy::plan(graph_with("s: {op: source}, a: {op: scale, from: s}, b: {op: busy, from: s}, c: {op: pca, from: [[a, b]]}, d: {op: wash, "
                           "from: [[b, a]]}, e: {op: logistic, from: [c, d]}"));
  EXPECT_THAT(tasks_of_node(plan, "e"), ElementsAre("fit <- fit c.1 fit d.1", "fit <- fit c.1 fit d.1"));
  EXPECT_EQ(toy::labels(plan).size(), 2u);
}

TEST(LowerTest, FiringAllWaitsForTheWholeEdge) {
  const Plan plan = toy::plan(
      graph_with("r: {op: reader, path: 'p-*'}, a: {op: scale, from: r, a: {grid: [1, 2]}}, v: {op: scale, from: a, firing: all}"),
      in(Mode::kTransform));
  EXPECT_THAT(tasks_of_node(plan, "v"), ElementsAre("stack <- transform a[a=1] transform a[a=1]",
                                                    "stack <- transform a[a=2] transform a[a=2]", "transform <- stack v stack v"));
  EXPECT_EQ(plan.paths.size(), 1u);
  EXPECT_TRUE(plan.paths[0].params.empty());   // both values took part: none was chosen
}

TEST(LowerTest, TooManyAlternativesForAnOperatorAreRefused) {
  Graph graph = toy::graph(graph_with(kTwo + "v: {op: one, from: a, firing: all}"));
  const Result<Plan> plan = lower(std::move(expand(graph).value()), toy::catalogue(), {});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, Code::kEdgeType);
  EXPECT_GT(plan.error().where.line, 0);
}

TEST(LowerTest, SequentialStateIsOneChainThenEachPieceIsTransformed) {
  const Plan plan = toy::plan(
      graph_with("r: {op: reader, path: 'p-*'}, k: {op: kernel, from: r, state: sequential}, c: {op: bayes, from: k, state: sequential}"),
      in(Mode::kFit));
  EXPECT_EQ(plan.expanded.nodes[0].files, (std::vector<std::string>{"p-a", "p-b"}));
  EXPECT_THAT(tasks_of_node(plan, "k"), ElementsAre("update/0 <- read r", "update/1 <- (update k) read r", "transform <- (update k) read r",
                                                    "transform <- (update k) read r"));
  EXPECT_THAT(tasks_of_node(plan, "c"), ElementsAre("update/0 <- transform k", "update/1 <- (update c) transform k"));
  EXPECT_EQ(plan.paths.size(), 1u);
  ASSERT_EQ(plan.paths[0].outputs.size(), 1u);
  EXPECT_EQ(plan.tasks[static_cast<std::size_t>(plan.paths[0].outputs[0].task)].piece, 1);   // the last model
  EXPECT_EQ(params_of(plan, plan.tasks[1]).find("path")->string(), "p-b");
}

TEST(LowerTest, AggregateStateFitsOnAllPiecesTogether) {
  const Plan plan = toy::plan(graph_with("r: {op: reader, path: 'p-*'}, p: {op: pca, from: r, state: aggregate}, f: {op: scale, from: p}"),
                              in(Mode::kFit));
  EXPECT_THAT(tasks_of_node(plan, "p"),
              ElementsAre("stack <- read r read r", "fit <- stack p", "transform <- (fit p) read r", "transform <- (fit p) read r"));
  const Plan once =
      toy::plan(graph_with("r: {op: reader, path: 'p-*'}, p: {op: pca, from: r, state: once}, f: {op: scale, from: p}"), in(Mode::kFit));
  EXPECT_THAT(tasks_of_node(once, "p"), ElementsAre("fit <- read r", "fit <- read r"));
}

TEST(LowerTest, ShardsAreCutRunApartAndReunited) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, a: {op: scale, from: s, shard: 2}"), in(Mode::kTransform));
  EXPECT_THAT(tasks_of_node(plan, "a"), ElementsAre("take/0 <- read s", "transform/0 <- take a", "take/1 <- read s",
                                                    "transform/1 <- take a", "stack/2 <- transform a transform a"));
  const Plan keyed = toy::plan(graph_with("s: {op: source}, a: {op: scale, from: s, shard: {parts: 2, by: id}}"), in(Mode::kTransform));
  EXPECT_EQ(tasks_of_node(keyed, "a").back(), "stack/2 <- transform a transform a read s");
  const Plan filter = toy::plan(graph_with("s: {op: source}, a: {op: filter, from: s, shard: {parts: 2, by: id}}"), in(Mode::kTransform));
  EXPECT_EQ(tasks_of_node(filter, "a").back(), "stack/2 <- transform a transform a");
}

TEST(LowerTest, AFitShardsItsOutputNotItself) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, p: {op: pca, from: s, shard: 2}, c: {op: logistic, from: p}"));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 1}, {"fit", 2}, {"take", 2}, {"transform", 2}, {"stack", 1}}));
  const Plan chain = toy::plan(graph_with("s: {op: source}, b: {op: bayes, from: s, shard: 3, state: sequential}"));
  EXPECT_EQ(toy::counts(chain), (Counts{{"read", 1}, {"take", 3}, {"update", 3}}));
}

TEST(LowerTest, AlternativesOfANodeShareTheirShards) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, a: {op: scale, from: s, a: {grid: [1, 2, 3]}, shard: 2}"), in(Mode::kTransform));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 1}, {"take", 2}, {"transform", 6}, {"stack", 3}}));
}

TEST(LowerTest, ModesOfASinkThatPredicts) {
  const std::string yaml = graph_with("s: {op: source}, p: {op: pca, from: s}, c: {op: logistic, from: p}");
  EXPECT_THAT(tasks_of_node(toy::plan(yaml, in(Mode::kFit)), "c"), ElementsAre("fit <- fit p.1"));
  EXPECT_THAT(tasks_of_node(toy::plan(yaml, in(Mode::kTransform)), "c"), ElementsAre("fit <- fit p.1", "predict <- (fit c) fit p.1"));
  EXPECT_THAT(tasks_of_node(toy::plan(yaml, in(Mode::kPredict)), "c"), ElementsAre("fit <- fit p.1", "predict <- (fit c) fit p.1"));
  const Plan score = toy::plan(yaml, in(Mode::kScore));
  EXPECT_THAT(tasks_of_node(score, "c"), ElementsAre("fit <- fit p.1", "score <- (fit c) fit p.1"));
  EXPECT_EQ(score.metrics, std::vector<std::string>{"accuracy"});
  EXPECT_EQ(score.paths[0].scores.size(), 1u);
}

TEST(LowerTest, ModesOfASinkThatTransforms) {
  const std::string yaml = graph_with("s: {op: source}, p: {op: pca, from: s}");
  const Plan fit = toy::plan(yaml, in(Mode::kFit));
  EXPECT_FALSE(fit.tasks[1].wants_output);
  EXPECT_EQ(fit.paths[0].outputs[0], (Ref{1, 0}));
  for (const Mode mode : {Mode::kTransform, Mode::kPredict, Mode::kScore}) {
    const Plan plan = toy::plan(yaml, in(mode));
    EXPECT_EQ(plan.tasks.size(), 2u);
    EXPECT_TRUE(plan.tasks[1].wants_output);
    EXPECT_EQ(plan.paths[0].outputs[0], (Ref{1, 1}));
  }
}

TEST(LowerTest, AModelInTheMiddlePassesItsPredictionsOn) {
  const Plan plan = toy::plan(graph_with(
      "s: {op: source}, a: {op: logistic, from: s}, b: {op: forest, from: s}, c: {op: logistic, from: [a, b]}", ", evaluate: {folds: 2}"));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 1}, {"split", 1}, {"take", 4}, {"fit", 6}, {"transform", 4}, {"score", 2}}));
  EXPECT_EQ(plan.paths.size(), 1u);
}

TEST(LowerTest, OneNodePipelinesWorkInAllModes) {
  for (const Mode mode : {Mode::kFit, Mode::kTransform, Mode::kPredict, Mode::kScore}) {
    const Plan plan = toy::plan("{nodes: {s: {op: source}}}", in(mode));
    EXPECT_EQ(plan.tasks.size(), 1u);
    ASSERT_EQ(plan.paths.size(), 1u);
    EXPECT_EQ(plan.paths[0].label, "s");
    EXPECT_EQ(plan.paths[0].outputs, (std::vector<Ref>{Ref{0, 0}}));
    EXPECT_EQ(select(plan, 0).nodes.size(), 1u);
  }
}

TEST(LowerTest, CrossValidationOverADiamondGivesOneScoreAFold) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, a: {op: pca, from: s}, b: {op: wash, from: s}, c: {op: logistic, from: [a, b]}",
                                         ", evaluate: {folds: 3}"));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 1}, {"split", 1}, {"take", 6}, {"fit", 9}, {"transform", 6}, {"score", 3}}));
  EXPECT_EQ(plan.paths[0].scores.size(), 3u);
}

TEST(LowerTest, WhatComesBeforeTheCutRunsOnceOnAllRows) {
  const Plan plan = toy::plan(graph_with(
      "s: {op: source}, clean: {op: filter, from: s}, side: {op: draw}, p: {op: pca, from: [clean, side]}, c: {op: logistic, from: p}",
      ", evaluate: {folds: 3, at: clean}"));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 2}, {"transform", 1 + 3}, {"split", 1}, {"take", 6}, {"fit", 6}, {"score", 3}}));
}

TEST(LowerTest, SeveralSourcesAreCutAlike) {
  const Plan plan =
      toy::plan(graph_with("s: {op: source}, t: {op: source, a: 1}, c: {op: logistic, from: [s, t]}", ", evaluate: {folds: 2}"));
  EXPECT_EQ(toy::counts(plan), (Counts{{"read", 2}, {"split", 2}, {"take", 8}, {"fit", 2}, {"score", 2}}));
  EXPECT_NE(plan.split_seed, 0u);
}

TEST(LowerTest, AHoldOutIsOneFold) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, c: {op: logistic, from: s}", ", evaluate: {folds: {kind: hold_out}}"));
  EXPECT_EQ(plan.folds, 1);
  EXPECT_EQ(plan.paths[0].scores.size(), 1u);
}

TEST(LowerTest, ASinkThatIsNoPredictorIsTransformedUnderFolds) {
  const Plan plan = toy::plan(graph_with("s: {op: source}, p: {op: pca, from: s}, c: {op: logistic, from: s}", ", evaluate: {folds: 2}"));
  ASSERT_EQ(plan.paths.size(), 2u);
  EXPECT_TRUE(plan.paths[0].scores.empty());
  ASSERT_EQ(plan.paths[0].outputs.size(), 2u);
  for (const Ref output : plan.paths[0].outputs) {
    const Task& task = plan.tasks[static_cast<std::size_t>(output.task)];
    EXPECT_EQ(task.phase, Phase::kTransform);
    EXPECT_TRUE(task.test_side);
  }
}

TEST(LowerTest, InteriorOutputsCanBeRead) {
  const Plan plan = toy::plan(kDigits);
  EXPECT_EQ(outputs_of(plan, 0).size(), 1u);        // the source
  EXPECT_EQ(outputs_of(plan, 1).size(), 5u * 2);    // a PCA point: per fold what it was fitted on and the held-out rows
  EXPECT_EQ(models_of(plan, 1).size(), 5u);
  EXPECT_EQ(outputs_of(plan, 6).size(), 25u);       // a classifier that ends paths gives its models
  const Plan joined =
      toy::plan(graph_with("s: {op: source}, a: {op: pca, from: s}, j: {op: join, from: [s, a]}, c: {op: logistic, from: j}"));
  EXPECT_EQ(toy::counts(joined).count("join"), 0u);
  EXPECT_EQ(outputs_of(joined, 2), (std::vector<Ref>{Ref{0, 0}, Ref{1, 1}}));
}

TEST(LowerTest, IdsFollowWhatIsDoneNotNames) {
  const auto ids = [](const std::string& yaml) {
    std::vector<ObjectId> out;
    for (const Task& task : toy::plan(yaml).tasks) out.push_back(task.id);
    return out;
  };
  const std::string base = "{nodes: {s: {op: source}, p: {op: pca, from: s}, n: {op: noise, from: p}}}";
  EXPECT_EQ(ids(base),
            ids("{pipeline: other, nodes: {s: {op: source, retries: 3}, q: {op: pca, from: s, priority: 2}, n: {op: noise, from: q}}}"));
  EXPECT_NE(ids(base)[2], ids("{nodes: {s: {op: source}, p: {op: pca, from: s}, m: {op: noise, from: p}}}")[2]);   // its name seeds it
  EXPECT_EQ(ids(base)[2], ids("{nodes: {s: {op: source}, p: {op: pca, from: s}, m: {op: noise, from: p, seed_name: n}}}")[2]);
  const std::vector<ObjectId> seeded = ids("{seed: 1, nodes: {s: {op: source}, p: {op: pca, from: s}, n: {op: noise, from: p}}}");
  EXPECT_EQ(seeded[1], ids(base)[1]);
  EXPECT_NE(seeded[2], ids(base)[2]);
  EXPECT_NE(ids("{nodes: {s: {op: source}, p: {op: pca, from: s, a: 1}}}")[1], ids(base)[1]);
  EXPECT_EQ(ids("{nodes: {s: {op: source}, p: {op: pca, from: s, C: 1}}}")[1], ids(base)[1]);   // the default, written out
}

TEST(LowerTest, PathsEnterIdsByContent) {
  const auto id = [](const std::string& path, const std::string& content) {
    LowerOptions options;
    options.file_digest = [&](const std::string&) -> Result<Digest> { return sha256(content); };
    return toy::plan(cat("{nodes: {r: {op: reader, path: ", path, "}}}"), options).tasks[0].id;
  };
  EXPECT_EQ(id("a.csv", "x"), id("b.csv", "x"));
  EXPECT_NE(id("a.csv", "x"), id("a.csv", "y"));
}

TEST(LowerTest, AMissingFileIsAnErrorAtItsNode) {
  LowerOptions options;
  options.file_digest = [](const std::string& path) -> Result<Digest> { return Error(Code::kNotFound, cat("no file ", path)); };
  const Result<Plan> plan =
      lower(std::move(expand(toy::graph("nodes:\n  r: {op: reader, path: a.csv}\n")).value()), toy::catalogue(), options);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().where.text(), "test.yaml:2:25");
  options.list_files = [](const std::string&) -> Result<std::vector<std::string>> { return std::vector<std::string>{}; };
  const Result<Plan> none =
      lower(std::move(expand(toy::graph("nodes:\n  r: {op: reader, path: '*.csv'}\n")).value()), toy::catalogue(), options);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Code::kNotFound);
}

TEST(LowerTest, TheSameGraphGivesTheSamePlan) {
  EXPECT_EQ(toy::plan(kDigits).digest(), toy::plan(kDigits).digest());
  EXPECT_NE(toy::plan(kDigits).digest(), toy::plan(kDigits, in(Mode::kPredict)).digest());
}

TEST(LowerTest, PoorAlternativesCanBeStoppedAfterEachFold) {
  std::string yaml = kDigits;
  yaml.replace(yaml.find("from: pca,"), 10, "from: pca, prune: {keep: 0.5},");
  const Plan plan = toy::plan(yaml);
  EXPECT_EQ(toy::counts(plan)["prune"], 4);   // not after the last fold
  ASSERT_EQ(plan.prunings.size(), 1u);
  EXPECT_EQ(plan.prunings[0].paths.size(), 20u);
  EXPECT_EQ(plan.prunings[0].rule.metric, "accuracy");
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const Task& task = plan.tasks[i];
    if (task.phase == Phase::kPrune) {
      EXPECT_EQ(task.inputs.size(), 20u);
      EXPECT_EQ(task.model.task >= 0, task.fold > 0);
    } else if (task.phase == Phase::kFit || task.phase == Phase::kTransform || task.phase == Phase::kScore) {
      EXPECT_EQ(task.after, task.fold == 0 ? std::vector<std::int32_t>{}
                                           : std::vector<std::int32_t>{plan.prunings[0].tasks[static_cast<std::size_t>(task.fold - 1)]});
    }
  }
  // Pruning decides what runs, not what it gives.
  const Plan all = toy::plan(kDigits);
  std::set<ObjectId> ids;
  for (const Task& task : plan.tasks) ids.insert(task.id);
  for (const Task& task : all.tasks) EXPECT_TRUE(ids.contains(task.id));
}

TEST(LowerTest, PruningHoldsBackOnlyWhatServesItsPathsAlone) {
  const Plan plan = toy::plan(graph_with(
      "s: {op: source}, p: {op: pca, from: s}, c: {op: logistic, from: p, C: {grid: [1, 2]}, prune: {keep: 0.5}}, d: {op: forest, from: p}",
      ", evaluate: {folds: 2}"));
  for (const Task& task : plan.tasks) {
    const std::string& name = plan.expanded.nodes[static_cast<std::size_t>(task.node)].name;
    EXPECT_EQ(!task.after.empty(), task.fold == 1 && name.starts_with("c[") && task.phase != Phase::kPrune)
        << name << phase_name(task.phase);
  }
}

TEST(LowerTest, TasksAreNamedToPeople) {
  const Plan plan = toy::plan(kDigits);
  const std::int32_t score = plan.paths[5].scores[2];
  EXPECT_EQ(task_text(plan, score), "score logistic[C=0.046416] after pca[components=5], fold 3 of 5");
  const Plan pieces = toy::plan(graph_with("r: {op: reader, path: 'in/p-*'}, a: {op: scale, from: r}"), in(Mode::kTransform));
  EXPECT_EQ(task_text(pieces, 0), "read r file=p-a");
  EXPECT_EQ(task_text(pieces, 2), "transform a after file=p-a");
}

TEST(LowerTest, TooLargePlansAreRefused) {
  const Graph graph = toy::graph(kDigits);
  EXPECT_EQ(expand(graph, 5).error().code, Code::kTooLarge);
  LowerOptions options;
  options.tasks_max = 100;
  EXPECT_EQ(lower(std::move(expand(graph).value()), toy::catalogue(), options).error().code, Code::kTooLarge);
}

TEST(LowerTest, AllToAllLayersAreLinear) {
  Graph graph;
  graph.nodes.push_back(Node{"s", "source"});
  constexpr int kLayers = 6, kWide = 60;
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int i = 0; i < kWide; ++i) {
      Node node{cat("n", layer, "_", i), "scale"};
      if (layer == 0) node.inputs = {Input{{"s"}}};
      for (int k = 0; layer > 0 && k < kWide; ++k) node.inputs.push_back(Input{{cat("n", layer - 1, "_", k)}});
      graph.nodes.push_back(std::move(node));
    }
  }
  EXPECT_TRUE(validate(graph, toy::catalogue()).empty());
  const Plan plan = toy::plan(graph);
  EXPECT_EQ(plan.tasks.size(), 1u + kLayers * kWide);
  EXPECT_EQ(plan.expanded.edges(), kWide + (kLayers - 1u) * kWide * kWide);
  EXPECT_EQ(nodes_of(plan, 0).size(), 2u + (kLayers - 1) * kWide);
}

}  // namespace
}  // namespace headrace::graph
