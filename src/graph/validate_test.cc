// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// One bad graph each: every error it must give, in the order of the file; `!` starts what must be in the last one.
struct Refused {
  std::string yaml;
  std::vector<const char*> starts;
  const char* advice = "";
};

void expect_refused(const std::vector<Refused>& cases) {
  for (const Refused& refused : cases) {
    const std::vector<std::string> errors = toy::errors(refused.yaml);
    EXPECT_EQ(errors.size(), refused.starts.size()) << refused.yaml << "\n" << join(errors, "\n");
    for (std::size_t i = 0; i < std::min(errors.size(), refused.starts.size()); ++i)
      EXPECT_THAT(errors[i], StartsWith(refused.starts[i])) << refused.yaml;
    EXPECT_THAT(errors.empty() ? std::string() : errors.back(), HasSubstr(refused.advice)) << refused.yaml;
  }
}

std::string with(const std::string& node, const std::string& rest = "") { return "nodes:\n  s: {op: source}\n  " + node + "\n" + rest; }

TEST(ValidateTest, OperatorsAndParameters) {
  expect_refused({
      {with("p: {op: pac, from: s}"), {"3:11 UnknownOperator node p: no operator is called 'pac'"}, "did you mean 'pca'?"},
      {with("p: {op: k_fold, from: s}"), {"3:11 Unsupported"}, "folds: {kind: k_fold}"},
      {with("p: {op: pick, from: s}"), {"3:11 UnknownOperator"}, "evaluate: {pick: best}"},
      {with("p: {op: pca, from: s, component: 3}"),
       {"3:25 UnknownKey node p (pca) has no parameter 'component'"},
       "did you mean 'components'?"},
      {with("p: {op: pca, from: s, components: 0}"), {"3:37 BadValue"}},
      {with("p: {op: pca, from: s, components: 0, C: -1, sizes: x, b: 2}"),
       {"3:37 BadValue", "3:43 BadValue", "3:54 BadValue", "3:57 UnknownKey"}},
      {with("r: {op: reader}"), {"3:3 MissingKey node r (reader) needs parameter 'path'"}},
      {with("b: {op: busy, from: s, cache: warm}"), {"3:33 BadValue"}},
      {with("b: {op: busy, from: s, cache: always}"),
       {"3:26 NameClash node b: 'cache' is an annotation and an option of busy"},
       "annotate: {cache: ..} or params: {cache: ..}"},
  });
}

TEST(ValidateTest, Grids) {
  expect_refused({
      {with("p: {op: pca, from: s, components: {grid: []}}"), {"3:44 BadGrid node p (pca): components: the grid is empty"}},
      {with("p: {op: pca, from: s, components: {grid: 3}}"), {"3:44 BadGrid"}},
      {with("p: {op: pca, from: s, components: {grid: [3, 0, 2, 3, x]}}"), {"3:48 BadGrid", "3:54 BadGrid", "3:57 BadGrid"}},
      {with("p: {op: pca, from: s, components: {gird: [3]}}"), {"3:38 BadGrid node p (pca): components: a grid has no key 'gird'"}},
      {with("p: {op: pca, from: s, components: {grid: [3], step: 2}}"), {"3:49 BadGrid"}},
      {with("p: {op: pca, from: s, C: {grid: {from: 0, to: 1, steps: 3, scale: log}}}"), {"3:35 BadGrid"}, "scale: linear"},
      {with("p: {op: pca, from: s, C: {grid: {from: 1, to: 2, stops: 3}}}"), {"3:52 BadGrid"}, "did you mean 'steps'?"},
      {with("p: {op: pca, from: s, kind: {grid: {from: 1, to: 2, steps: 3}}}"), {"3:38 BadGrid"}},
      {with("p: {op: pca, from: s, a: {grid: {from: 1, to: 2, steps: 4}}}"), {"3:35 BadGrid", "3:35 BadGrid"}},
  });
}

TEST(ValidateTest, RangesAreSpelledOut) {
  const Graph graph =
      toy::graph(with("p: {op: pca, from: s, C: {grid: {from: 1.0e-4, to: 1.0e4, steps: 5, scale: log}}, a: {grid: {from: 5, to: 25, "
                      "steps: 5}}, sizes: {grid: [[64], [64, 32]]}}"));
  const config::Value& params = graph.nodes[1].params;
  EXPECT_EQ(config::to_json(*params.find("C")->find("grid")), config::to_json(config::List{1e-4, 1e-2, 1.0, 100.0, 1e4}));
  EXPECT_EQ(config::to_json(*params.find("a")->find("grid")), "[5, 10, 15, 20, 25]");
  const Result<Expanded> expanded = expand(graph);
  ASSERT_TRUE(expanded.ok());
  EXPECT_EQ(expanded->nodes.size(), 1u + 5 * 5 * 2);
  EXPECT_EQ(expanded->nodes[1].name, "p[a=5,C=0.0001,sizes=[64]]");
  EXPECT_EQ(expanded->nodes[2].name, "p[a=5,C=0.0001,sizes=[64, 32]]");   // the last option varies fastest
}

TEST(ValidateTest, OperatorsInsideParameters) {
  expect_refused({
      {with("v: {op: voter, from: s, members: [forest, {op: logistik, C: 2}]}"),
       {"3:50 UnknownOperator node v (voter): no operator is called 'logistik'"},
       "did you mean 'logistic'?"},
      {with("v: {op: voter, from: s, members: [{op: logistic, c: 2, a: x}, forest]}"),
       {"3:52 UnknownKey node v (voter), member logistic has no parameter 'c'", "3:61 BadValue"}},
      {with("v: {op: voter, from: s, members: [forest, ridge, pca]}"),
       {"3:45 Unsupported node v (voter): a member must be a classifier", "3:52 Unsupported"},
       "bayes, forest, logistic, voter"},
      {with("v: {op: voter, from: s, members: [{C: 2}]}"), {"3:37 BadValue"}, "{op: NAME, PARAM: VALUE}"},
      {with("v: {op: voter, from: s, members: []}"), {"3:36 BadValue node v (voter): members is empty"}},
      {with("v: {op: voter, from: s, judge: {op: forest, C: {grid: [1, 2]}}}"), {"3:50 BadValue"}},
      {with("v: {op: voter, from: s, judge: {op: voter, members: [{op: voter, judge: fores}]}}"),
       {"3:75 UnknownOperator node v (voter), member voter, member voter: no operator is called 'fores'"}},
      {with("v: {op: voter, from: s, members: {grid: [[forest], [bayes, forrest]]}}"), {"3:62 UnknownOperator"}, "'forest'"},
  });
  EXPECT_THAT(toy::errors(with("v: {op: voter, from: s, members: [forest, {op: logistic, C: 2}], judge: {grid: [bayes, {op: forest}]}}")),
              IsEmpty());
  EXPECT_EQ(config::to_json(*toy::graph(with("v: {op: voter, from: s, members: forest}")).nodes[1].params.find("members")), "[\"forest\"]");
}

TEST(ValidateTest, Names) {
  Graph graph;
  graph.nodes = {Node{"a", "source"}, Node{"a", "source"}, Node{"b.c", "source"}};
  const std::vector<Error> errors = validate(graph, toy::catalogue());
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].code, Code::kNameClash);
  EXPECT_EQ(errors[1].code, Code::kBadValue);
  expect_refused({{"nodes:\n  a: {op: source, replicas: 2}\n  a#2: {op: source}\n", {"3:3 NameClash"}}});
  EXPECT_THAT(toy::errors("nodes:\n  a: {op: source, replicas: 2}\n  a#3: {op: source}\n"), IsEmpty());
}

TEST(ValidateTest, Edges) {
  expect_refused({
      {with("p: {op: pca}"), {"3:3 MissingInput node p (pca) has no input"}},
      {with("p: {op: pca, from: [s, scource]}"), {"3:26 MissingInput node p reads 'scource', but no node is called so"}, "known are"},
      {with("scaler: {op: pca, from: s}\n  q: {op: pca, from: [[s, scalr]]}"), {"4:27 MissingInput"}, "did you mean 'scaler'?"},
      {with("r: {op: draw, from: s}"), {"3:23 EdgeType node r (draw) is a source and takes no input"}},
      {with("p: {op: one, from: [s, s]}"), {"3:22 EdgeType node p (one) takes at most 1 inputs, but has 2"}, "combine: union"},
      {with("p: {op: pair, from: s}"), {"3:23 MissingInput node p (pair) needs at least 2 inputs, but has 1"}},
      {with("j: {op: join, from: [s, s]}\n  p: {op: one, from: j}"), {"4:22 EdgeType"}},
      {with("p: {op: scale, from: [[s, s]]}"), {"3:29 NameClash node p unites 's' with itself"}, "replicas"},
      {with("p: {op: scale, from: [s, s], combine: union}"), {"3:28 NameClash"}},
      {with("p: {op: bytes_reader, from: s}"), {"3:31 EdgeType node p (bytes_reader) takes bytes, but s gives table"}},
      {with("j: {op: join, from: [s, s]}\n  p: {op: bytes_reader, from: [j, s]}"), {"4:32 EdgeType", "4:35 EdgeType"}},
      {with("i: {op: identity, from: s}\n  p: {op: bytes_reader, from: i}"), {"4:31 EdgeType"}},
  });
  EXPECT_THAT(toy::errors(with("j: {op: join, from: [s, s]}\n  p: {op: pair, from: j}")), IsEmpty());   // a tuple counts as its parts
  EXPECT_THAT(toy::errors(with("t: {op: draw}\n  p: {op: one, from: [s, t], combine: union}")), IsEmpty());
}

TEST(ValidateTest, ACycleNamesItsNodes) {
  expect_refused({
      {with("a: {op: scale, from: [s, c]}\n  b: {op: scale, from: a}\n  c: {op: scale, from: b}"),
       {"4:24 Cycle the graph has a cycle: b -> c -> a -> b"}},
      {with("a: {op: scale, from: a}"), {"3:24 Cycle the graph has a cycle: a -> a"}},
  });
}

TEST(ValidateTest, Annotations) {
  expect_refused({
      {with("p: {op: scale, from: s, state: once}"), {"3:34 Unsupported node p: scale has no state"}},
      {with("p: {op: pca, from: s, state: sequential}"),
       {"3:32 Unsupported node p: pca cannot be updated piece by piece"},
       "state: aggregate"},
      {with("p: {op: pca, from: s, state: none}"), {"3:32 Unsupported"}},
      {with("p: {op: stacker, from: s, state: aggregate}"), {"3:36 Unsupported"}},
      {with("r: {op: draw, shard: 3}"), {"3:24 Unsupported"}},
      {with("r: {op: draw, combine: union, firing: all}"), {"3:26 Unsupported", "3:41 Unsupported"}},
      {with("p: {op: save, from: s, path: x, shard: 2}"), {"3:42 Unsupported"}},
      {with("c: {op: logistic, from: s, prune: {keep: 0.5}}"),
       {"3:37 Unsupported node c: 'prune' stops alternatives between folds"},
       "evaluate"},
      {with("c: {op: logistic, from: s, prune: {metric: f1}}", "evaluate: {folds: 3, metric: accuracy}"),
       {"3:37 BadValue"},
       "use: accuracy"},
      {with("p: {op: pca, from: s, prune: {keep: 0.5}}\n  c: {op: logistic, from: s}", "evaluate: {folds: 3, metric: accuracy}"),
       {"3:32 Unsupported node p: 'prune' has nothing to rank"}},
  });
  EXPECT_THAT(toy::errors(with("p: {op: pca, from: s, prune: {keep: 0.5}}\n  c: {op: logistic, from: p}", "evaluate: {folds: 3}")),
              IsEmpty());
}

TEST(ValidateTest, Resources) {
  const std::string yaml = with("p: {op: pca, from: s, resources: {cpu: 8, memory: 64 GB, gpu: 1}}");
  EXPECT_THAT(toy::errors(yaml), IsEmpty());
  EXPECT_THAT(toy::errors(yaml, {.cpu = 8, .memory_bytes = 64'000'000'000, .gpu = 1}), IsEmpty());
  const std::vector<std::string> errors = toy::errors(yaml, {.cpu = 2, .memory_bytes = 8'000'000'000});
  EXPECT_THAT(errors, ElementsAre(StartsWith("3:36 Infeasible node p: asks for 8 cores, but no worker has more than 2"),
                                  StartsWith("3:36 Infeasible node p: asks for 64.0 GB memory"),
                                  StartsWith("3:36 Infeasible node p: asks for 1 GPUs")));
}

TEST(ValidateTest, Evaluate) {
  const auto judged = [](const std::string& evaluate, const std::string& node = "c: {op: logistic, from: s}") {
    return with(node, "evaluate: " + evaluate);
  };
  expect_refused({
      {judged("{folds: {kind: k_flod}}"), {"4:26 UnknownOperator evaluate: no splitter is called 'k_flod'"}, "did you mean 'k_fold'?"},
      {judged("{folds: {kind: pca}}"), {"4:26 Unsupported"}},
      {judged("{folds: {kind: k_fold, m: 3}}"), {"4:34 UnknownKey"}, "known are: n, shuffle"},
      {judged("{folds: 1}"), {"4:19 BadValue"}},
      {judged("{metric: acuracy}"), {"4:20 BadValue evaluate: no metric is called 'acuracy'"}, "did you mean 'accuracy'?"},
      {judged("{metric: [accuracy, r2]}"),
       {"4:31 BadValue evaluate: metric 'r2' judges a regressor, but c (logistic) is a classifier"},
       "accuracy, f1"},
      {judged("{metric: accuracy}", "c: {op: ridge, from: s}"), {"4:20 BadValue"}, "r2"},
      {judged("{metric: [f1, f1]}"), {"4:25 BadValue"}},
      {judged("{metric: f1}", "c: {op: scale, from: s}"),
       {"4:20 BadValue evaluate: metric 'f1' judges a classifier, but no path ends in one"}},
      {judged("{}", "c: {op: ridge, from: s}\n  d: {op: logistic, from: s}"), {"5:11 BadValue evaluate: some paths end in a classifier"}},
      {judged("{at: x}"), {"4:16 MissingInput evaluate: 'at' names 'x'"}},
      {judged("{at: [p, s]}", "p: {op: pca, from: s}\n  c: {op: logistic, from: p}"), {"5:17 BadValue"}, "rows are cut once"},
      {judged("{at: c}"), {"4:11 Unsupported", "4:16 BadValue node c does not descend"}},
      {"nodes:\n  s: {op: source}\nevaluate: {}\n", {"3:11 Unsupported evaluate: nothing descends"}},
      {judged("{}", "c: {op: save, from: s, path: x}"), {"3:3 Unsupported node c (save) would write once per fold"}},
      {judged("{at: j}", "j: {op: join, from: [s, s]}\n  c: {op: logistic, from: j}"), {"5:16 EdgeType"}},
  });
}

TEST(ValidateTest, DefaultMetricsFollowTheFamily) {
  EXPECT_THAT(toy::graph(with("c: {op: logistic, from: s}", "evaluate: {}")).evaluate->metrics, ElementsAre("accuracy"));
  EXPECT_THAT(toy::graph(with("c: {op: ridge, from: s}", "evaluate: {}")).evaluate->metrics, ElementsAre("r2"));
  EXPECT_THAT(toy::graph(with("c: {op: scale, from: s}", "evaluate: {}")).evaluate->metrics, IsEmpty());
}

TEST(ValidateTest, AllErrorsComeInTheOrderOfTheFile) {
  const std::vector<std::string> errors = toy::errors(
      "nodes:\n  s: {op: sorce}\n  p: {op: pca, from: t, C: x}\n  c: {op: logistic, from: p, replica: 2}\nevaluate: {metric: acc}\n");
  EXPECT_THAT(errors, ElementsAre(StartsWith("2:11 UnknownOperator"), StartsWith("3:22 MissingInput"), StartsWith("3:28 BadValue"),
                                  StartsWith("4:30 UnknownKey"), StartsWith("5:20 BadValue")));
}

TEST(ValidateTest, BindsDefaults) {
  const Graph graph = toy::graph(with("p: {op: pca, from: s}"));
  EXPECT_EQ(config::to_json(graph.nodes[1].params), R"({"a": 0, "C": 1.0, "sizes": [], "kind": "x", "components": 2})");
}

}  // namespace
}  // namespace headrace::graph
