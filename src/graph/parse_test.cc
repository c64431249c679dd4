// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "graph/random_graph.h"
#include "graph/toy.h"
#include "headrace/base/text.h"
#include "headrace/graph/term.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

Graph parsed(const std::string& yaml) {
  const Result<config::Value> document = config::parse_yaml(yaml, "test.yaml");
  EXPECT_TRUE(document.ok()) << yaml;
  if (!document.ok()) return {};
  Result<Graph> graph = parse_graph(*document);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().text());
  return graph.ok() ? std::move(graph).value() : Graph{};
}

TEST(ParseTest, ReadsTheEverydayForm) {
  const Graph graph = parsed(R"(
pipeline: digits
seed: 7
nodes:
  digits: { op: reader, path: digits.csv }
  pca:    { op: pca, from: digits, components: { grid: [5, 15] } }
  both:   { op: scale, from: [digits, pca] }
  either: { op: scale, from: [[digits, pca], both], annotate: { retries: 2 }, timeout: 1.5, params: { a: 3 } }
evaluate: { folds: { kind: hold_out, share: 0.5 }, metric: [accuracy, f1], pick: all, at: digits, confidence: 0.9 }
)");
  EXPECT_EQ(graph.name, "digits");
  EXPECT_EQ(graph.seed, 7u);
  ASSERT_EQ(graph.nodes.size(), 4u);
  EXPECT_EQ(graph.nodes[1].inputs, std::vector<Input>{Input{{"digits"}}});
  EXPECT_EQ(graph.nodes[2].inputs, (std::vector<Input>{Input{{"digits"}}, Input{{"pca"}}}));
  EXPECT_EQ(graph.nodes[3].inputs, (std::vector<Input>{Input{{"digits", "pca"}}, Input{{"both"}}}));
  EXPECT_EQ(graph.nodes[3].annotations.retries, 2);
  EXPECT_EQ(graph.nodes[3].annotations.timeout_s, 1.5);
  EXPECT_EQ(*graph.nodes[3].params.find("a"), config::Value(3));
  EXPECT_EQ(graph.nodes[1].where.line, 6);
  ASSERT_TRUE(graph.evaluate);
  EXPECT_EQ(graph.evaluate->splitter, "hold_out");
  EXPECT_EQ(graph.evaluate->splitter_params.find("share")->real(), 0.5);
  EXPECT_THAT(graph.evaluate->metrics, ElementsAre("accuracy", "f1"));
  EXPECT_FALSE(graph.evaluate->pick_best);
  EXPECT_THAT(graph.evaluate->at, ElementsAre("digits"));
  EXPECT_EQ(graph.evaluate->confidence, 0.9);
}

TEST(ParseTest, ANumberOfFoldsIsKFold) {
  const Graph graph = parsed("{nodes: {s: {op: source}}, evaluate: {folds: 4}}");
  EXPECT_EQ(graph.evaluate->splitter, "k_fold");
  EXPECT_EQ(*graph.evaluate->splitter_params.find("n"), config::Value(4));
}

TEST(ParseTest, ReadsEveryAnnotation) {
  const Graph graph = parsed(R"(
nodes:
  n:
    op: scale
    combine: product
    firing: all
    state: aggregate
    shard: { parts: 3, by: customer }
    replicas: 2
    resources: { cpu: 0.5, memory: 2 GB, gpu: 1 }
    gang: 4
    retries: 3
    timeout: 10
    priority: -1
    cache: never
    on_error: skip
    prune: { metric: f1, keep: 0.25 }
)");
  const Annotations& notes = graph.nodes[0].annotations;
  EXPECT_EQ(notes.combine, Combine::kProduct);
  EXPECT_EQ(notes.firing, Firing::kAll);
  EXPECT_EQ(notes.state, State::kAggregate);
  EXPECT_EQ(notes.shard, (Shard{3, config::Value("customer")}));
  EXPECT_EQ(notes.replicas, 2);
  EXPECT_EQ(notes.resources, (Resources{0.5, 2'000'000'000, 1}));
  EXPECT_EQ(notes.gang, 4);
  EXPECT_EQ(notes.retries, 3);
  EXPECT_EQ(notes.timeout_s, 10);
  EXPECT_EQ(notes.priority, -1);
  EXPECT_EQ(notes.cache, Cache::kNever);
  EXPECT_EQ(notes.on_error, OnError::kSkip);
  EXPECT_EQ(notes.prune, (Prune{"f1", 0.25}));
  EXPECT_EQ(parsed(graph_to_yaml(graph)), graph);
}

TEST(ParseTest, EveryAnnotationIsInItsTableWithADoc) {
  EXPECT_TRUE(config::check_options(annotation_options()).ok() && config::check_options(evaluate_options()).ok());
}

TEST(ParseTest, ATermWiresTheNodes) {
  const Graph graph = parsed(R"yaml(
nodes: { data: {op: source}, pca: {op: pca}, forest: {op: forest}, logistic: {op: logistic, C: {grid: [1, 2]}} }
term: "data >> pca >> (logistic | 3 * forest) >> pick(accuracy)"
)yaml");
  EXPECT_EQ(graph.find("logistic")->inputs, std::vector<Input>{Input{{"pca"}}});
  EXPECT_EQ(graph.find("forest")->annotations.replicas, 3);
  ASSERT_TRUE(graph.evaluate);
  EXPECT_THAT(graph.evaluate->metrics, ElementsAre("accuracy"));
  EXPECT_EQ(term_of(graph), "data >> pca >> (logistic{C: [1, 2]} | 3 * forest) >> pick(accuracy)");
}

TEST(ParseTest, ParametersThatBearTheNameOfAKeyAreKeptApart) {
  const Graph graph = parsed("{nodes: {s: {op: source}, b: {op: busy, from: s, params: {cache: warm}, annotate: {cache: never}}}}");
  EXPECT_EQ(graph.nodes[1].params.find("cache")->string(), "warm");
  EXPECT_EQ(graph.nodes[1].annotations.cache, Cache::kNever);
  EXPECT_EQ(parsed(graph_to_yaml(graph)), graph);
}

TEST(ParseTest, RandomGraphsReadBackEqual) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed, 40);
    Graph graph = toy::random_graph(random, {.folds = seed % 2 == 0});
    ASSERT_EQ(parsed(graph_to_yaml(graph)), graph) << "seed " << seed << "\n" << graph_to_yaml(graph);
    if (!validate(graph, toy::catalogue()).empty()) continue;
    Graph again = parsed(graph_to_yaml(graph));
    ASSERT_EQ(again, graph) << "seed " << seed << "\n" << graph_to_yaml(graph);
    ASSERT_TRUE(validate(again, toy::catalogue()).empty());
    ASSERT_EQ(again, graph) << "validating twice changes nothing; seed " << seed;
  }
}

TEST(ParseTest, IsolatedNodesSurvive) {
  const Graph graph = parsed("{nodes: {a: {op: source}, b: {op: source}, c: {op: pca, from: a}}}");
  EXPECT_EQ(parsed(graph_to_yaml(graph)), graph);
  const Plan plan = toy::plan(graph_to_yaml(graph));
  EXPECT_EQ(toy::labels(plan), (std::vector<std::string>{"b", "a >> c"}));
}

// One bad file each: what it must be refused with, and where.
struct Refused {
  const char* yaml;
  const char* start;
};

TEST(ParseTest, BadFilesAreRefusedWithAPlace) {
  const std::vector<Refused> cases = {
      {"{nodse: {}}", "1:2 UnknownKey a pipeline file has no key 'nodse'; did you mean 'nodes'?"},
      {"pipeline: x\n", "1:1 MissingKey"},
      {"nodes: {}\n", "1:8 MissingKey the pipeline has no node"},
      {"nodes:\n  a.b: {op: source}\n", "2:3 BadValue 'a.b' is no name for a node"},
      {"nodes:\n  a: {from: b}\n", "2:3 MissingKey node a has no 'op'"},
      {"nodes:\n  a: {op: source}\n  a: {op: source}\n", "3:3 Syntax"},
      {"nodes:\n  a: {op: source, from: {x: 1}}\n", "2:25 BadValue"},
      {"nodes:\n  a: {op: source, from: [[]]}\n", "2:26 BadValue an input in 'from' is an empty list"},
      {"nodes:\n  a: {op: scale, retries: many}\n", "2:27 BadValue"},
      {"nodes:\n  a: {op: scale, retries: {grid: [1, 2]}}\n", "2:18 BadGrid node a: annotation 'retries' takes no grid"},
      {"nodes:\n  a: {op: scale, annotate: {retires: 1}}\n",
       "2:29 UnknownKey node a: annotate has no option 'retires'; did you mean 'retries'?"},
      {"nodes:\n  a: {op: scale, retries: 1, annotate: {retries: 2}}\n", "2:41 NameClash"},
      {"nodes:\n  a: {op: scale, shard: {part: 2}}\n", "2:26 UnknownKey"},
      {"nodes:\n  a: {op: scale, resources: {memory: 2 GX}}\n", "2:38 BadValue"},
      {"nodes:\n  a: {op: scale, prune: {keep: 0}}\n", "2:32 BadValue"},
      {"nodes: {a: {op: source}}\nevaluate: {fold: 3}\n", "2:12 UnknownKey evaluate has no option 'fold'; did you mean 'folds'?"},
      {"nodes: {a: {op: source}}\nevaluate: {folds: many}\n", "2:19 BadValue"},
      {"nodes: {a: {op: source}}\nseed: x\n", "2:7 BadValue"},
      {"nodes: {a: {op: source}}\nversion: 9\n", "2:10 Version"},
      {"nodes: {a: {op: source}, b: {op: scale, from: a}}\nterm: a >> b\n", "1:26 BadTerm node b has a 'from'"},
      {"nodes: {a: {op: source}, b: {op: scale}}\nterm: a\n", "1:26 BadTerm node b is not in the 'term'"},
      {"nodes: {a: {op: source}, b: {op: scale}}\nterm: a >> >> b\n", "2:7 BadTerm"},
      {"nodes: {a: {op: source}}\nterm: a >> pick(f1)\nevaluate: {metric: accuracy}\n", "2:7 BadValue"},
      {"- a\n", "1:1 BadValue"},
  };
  for (const Refused& refused : cases) {
    const std::vector<std::string> errors = toy::errors(refused.yaml);
    ASSERT_EQ(errors.size(), 1u) << refused.yaml;
    EXPECT_THAT(errors[0], StartsWith(refused.start)) << refused.yaml;
  }
}

}  // namespace
}  // namespace headrace::graph
