// SPDX-License-Identifier: Apache-2.0
#include "headrace/graph/term.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "graph/random_graph.h"
#include "graph/series.h"
#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;

const Term a = node("a", "scale"), b = node("b", "pca"), c = node("c", "wash"), s = node("s", "source");

std::vector<std::string> wiring(const Term& term) {
  const Result<Graph> graph = build(term);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().text());
  std::vector<std::string> out;
  for (const Node& node : graph.ok() ? graph->nodes : std::vector<Node>{}) {
    std::vector<std::string> inputs;
    for (const Input& input : node.inputs) inputs.push_back(join(input.from, "|"));
    out.push_back(cat(node.name, inputs.empty() ? "" : "<-", join(inputs, "&")));
  }
  return out;
}

TEST(TermTest, PrintsWithTheBracketsItNeeds) {
  EXPECT_EQ((s >> (a | (b & c)) >> a).text(), "s >> (a | b & c) >> a");
  EXPECT_EQ(((a | b) & c).text(), "(a | b) & c");
  EXPECT_EQ(((a >> b) | c).text(), "(a >> b) | c");
  EXPECT_EQ((3 * a >> 2 * (a >> b)).text(), "3 * a >> 2 * (a >> b)");
  EXPECT_EQ((b.grid("components", {5, 15}) >> pick("f1")).text(), "b{components: [5, 15]} >> pick(f1)");
}

TEST(TermTest, BuildsEdgesUnionsAndJoins) {
  EXPECT_THAT(wiring(s >> a >> b), ElementsAre("s", "a<-s", "b<-a"));
  EXPECT_THAT(wiring(s >> (a | b) >> c), ElementsAre("s", "a<-s", "b<-s", "c<-a|b"));
  EXPECT_THAT(wiring(s >> (a & b) >> c), ElementsAre("s", "a<-s", "b<-s", "c<-a&b"));
  EXPECT_THAT(wiring(s >> ((a | b) & c) >> a), ElementsAre("s", "a<-s", "b<-s", "c<-s", "a#2<-a|b&c"));
  EXPECT_THAT(wiring(s >> ((a & b) | c) >> a), ElementsAre("s", "a<-s", "b<-s", "join<-a&b", "c<-s", "a#2<-join|c"));
  EXPECT_THAT(wiring(s >> (a & b)), ElementsAre("s", "a<-s", "b<-s", "join<-a&b"));
  EXPECT_THAT(wiring(s >> 2 * (a >> b)), ElementsAre("s", "a<-s", "b<-a", "a#2<-s", "b#2<-a#2"));
}

TEST(TermTest, ReplicasOfANodeAreAnAnnotation) {
  const Graph graph = build(s >> 2 * (3 * a)).value();
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[1].annotations.replicas, 6);
  EXPECT_THAT(wiring(s >> (2 * a | a)), ElementsAre("s", "a<-s", "a#3<-s"));   // a#2 is the second replica
}

TEST(TermTest, GridsNameTheirNode) {
  const Graph graph = build((s >> b).grid("b.components", {1, 2})).value();
  EXPECT_EQ(config::to_json(*graph.nodes[1].params.find("components")), R"({"grid": [1, 2]})");
  EXPECT_EQ(build((s >> b).grid("components", {1})).error().code, Code::kBadTerm);
  EXPECT_EQ(build((s >> b).grid("x.components", {1})).error().code, Code::kBadTerm);
  EXPECT_EQ(build((s >> b).grid("x.components", {1}) >> a).error().code, Code::kBadTerm);
  EXPECT_EQ(build((s >> b).grid("x.components", {1}).grid("b.components", {1}) >> a).error().code, Code::kBadTerm);
}

TEST(TermTest, AnnotationsAreKept) {
  Annotations notes;
  notes.retries = 2;
  EXPECT_EQ(build(s >> a.annotate(notes)).value().nodes[1].annotations.retries, 2);
}

TEST(TermTest, PickBecomesEvaluate) {
  const Graph graph = build(s >> (a | b) >> pick("f1")).value();
  ASSERT_TRUE(graph.evaluate);
  EXPECT_TRUE(graph.evaluate->pick_best);
  EXPECT_THAT(graph.evaluate->metrics, ElementsAre("f1"));
  EXPECT_EQ(build(pick("f1")).error().code, Code::kBadTerm);
  EXPECT_EQ(build(s >> pick("f1") >> a).error().code, Code::kBadTerm);
  EXPECT_EQ(build(s >> (a | pick("f1"))).error().code, Code::kBadTerm);
}

TEST(TermTest, WhatCannotBeBuiltIsRefused) {
  EXPECT_EQ(build(s >> node("a", "pca") >> node("a", "wash")).error().code, Code::kNameClash);
  EXPECT_EQ(build(s >> node("a.b", "pca")).error().code, Code::kBadTerm);
  EXPECT_EQ(build(s >> 0 * a).error().code, Code::kBadTerm);
  EXPECT_EQ(build(s >> 100000 * (100000 * a)).error().code, Code::kBadTerm);
  EXPECT_EQ(build(s >> 100000 * ((100 * (a >> b)) >> c)).error().code, Code::kTooLarge);
}

TEST(TermTest, LongChainsNeedNoStack) {
  Term chain = s;
  for (int i = 0; i < 200'000; ++i) chain = chain >> a;
  EXPECT_EQ(build(chain).value().nodes.size(), 200'001u);
  EXPECT_EQ(build(chain.grid("s.a", {1, 2})).value().nodes.size(), 200'001u);
}

TEST(TermTest, ReadsTheWrittenForm) {
  const std::vector<Node> nodes = build(s >> a >> b >> c).value().nodes;
  const auto read = [&](const std::string& text) {
    const Result<Term> term = parse_term(text, nodes);
    EXPECT_TRUE(term.ok()) << text << " " << (term.ok() ? "" : term.error().text());
    return term.ok() ? term->text() : "";
  };
  EXPECT_EQ(read("s>>a|b&c"), "s >> (a | b & c)");
  EXPECT_EQ(read(" s >> ( 2*(a>>b) | 3 * 2 * c ) "), "s >> (2 * (a >> b) | 3 * 2 * c)");
  EXPECT_EQ(read("s >> b{components: [5, 15], C: 2} >> pick(roc_auc)"), "s >> b{components: [5, 15]} >> pick(roc_auc)");
  EXPECT_EQ(read("s >> (a >> b){b.components: [1, 2]}"), "s >> a >> b{components: [1, 2]}");
  EXPECT_EQ(read("s >> b{kind: [\"x}\", 'y']}"), "s >> b{kind: [\"x}\", \"y\"]}");
  EXPECT_EQ(read("s >> b{C: {grid: {from: 1, to: 2, steps: 3}}}"), "s >> b{C: {\"grid\": {\"from\": 1, \"to\": 2, \"steps\": 3}}}");
  const Term other = parse_term("s >> scaler", nodes).value();   // an operator by its own name
  EXPECT_EQ(build(other).value().nodes[1].op, "scaler");
}

TEST(TermTest, BadTextsAreRefusedWithAPlace) {
  const std::string deep(600, '(');
  for (const std::string& text : {std::string(""),
                                  std::string("a >>"),
                                  std::string("a | | b"),
                                  std::string("(a"),
                                  std::string("a)"),
                                  std::string("a b"),
                                  std::string("3 a"),
                                  std::string("3 *"),
                                  std::string("99999999999 * a"),
                                  std::string("a{"),
                                  std::string("a{x}"),
                                  std::string("a{x: [1}"),
                                  std::string("(a >> b){x: [1]}"),
                                  std::string("(a | b){c: 1}"),
                                  std::string("pick()"),
                                  std::string("pick(f1"),
                                  std::string("a; b"),
                                  std::string("a >> 'b'"),
                                  std::string("{x: 1}"),
                                  deep,
                                  std::string("a >> \xff")}) {
    const Result<Term> term = parse_term(text, {}, Position{"f.yaml", 3, 7});
    ASSERT_FALSE(term.ok()) << text;
    EXPECT_EQ(term.error().code, Code::kBadTerm) << text;
    EXPECT_EQ(term.error().where.line, 3);
  }
}

// A graph as sorted lines, so that two that differ only in the order of nodes compare equal.
std::vector<std::string> lines_of(const Graph& graph) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) {
    Graph one;
    one.nodes = {node};
    out.push_back(graph_to_yaml(one));
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(TermTest, SeriesParallelGraphsReadBackEqual) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed, 50);
    const Graph graph = build(s >> toy::random_term(random, 1 + static_cast<int>(random.below(9)))).value();
    const std::string text = term_of(graph);
    ASSERT_EQ(text.find(';'), std::string::npos) << text;
    const Result<Term> term = parse_term(text, graph.nodes);
    ASSERT_TRUE(term.ok()) << text << "\n" << term.error().text();
    ASSERT_EQ(lines_of(build(*term).value()), lines_of(graph)) << "seed " << seed << " " << text;
  }
}

TEST(TermTest, OtherGraphsPrintWithSharedNames) {
  const Graph graph = toy::graph(
      "{nodes: {s: {op: source}, a: {op: scale, from: s}, b: {op: pca, from: s}, c: {op: wash, from: a}, d: {op: wash, from: [a, b]}}}");
  EXPECT_EQ(term_of(graph), "s; s >> a; s >> b; a >> c; (a & b) >> d");
  const Graph raw = toy::graph("{nodes: {s: {op: source}, p: {op: pca, from: s}, c: {op: logistic, from: [p, s]}}}");
  EXPECT_EQ(term_of(raw), "s; s >> p; (p & s) >> c");
}

}  // namespace
}  // namespace headrace::graph
