// SPDX-License-Identifier: Apache-2.0
// Pipeline files of strangers: whatever is written, the answer is a plan or an error.
#include <gtest/gtest.h>

#include "graph/random_graph.h"
#include "graph/toy.h"
#include "headrace/base/text.h"
#include "headrace/graph/term.h"

namespace headrace::graph {
namespace {

// Small limits: a mutation that asks for a million replicas is refused, not served.
void follow(const std::string& yaml) {
  const Result<config::Value> document = config::parse_yaml(yaml, "hostile.yaml");
  if (!document.ok()) return;
  Result<Graph> graph = parse_graph(*document);
  if (!graph.ok()) {
    EXPECT_NE(graph.error().code, Code::kBug) << yaml;
    return;
  }
  term_of(*graph);
  if (!validate(*graph, toy::catalogue()).empty()) return;
  Result<Expanded> expanded = expand(std::move(graph).value(), 2000);
  if (!expanded.ok()) return;
  to_svg(*expanded);
  to_terminal(*expanded);
  LowerOptions options;
  options.tasks_max = 20'000;
  const Result<Plan> plan = lower(std::move(expanded).value(), toy::catalogue(), options);
  EXPECT_TRUE(!plan.ok() || plan->paths.empty() || !select(*plan, plan->paths.size() - 1).nodes.empty());
}

std::string mutated(std::string text, Random& random) {
  static const std::vector<std::string> kWords = {"grid",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  ": ",
                                                  ", ",
                                                  "null",
                                                  "-1",
                                                  "1e308",
                                                  "99999999999999999999",
                                                  "all",
                                                  "union",
                                                  "product",
                                                  "sequential",
                                                  "s",
                                                  "n1",
                                                  "evaluate: {folds: 3}",
                                                  "term: \"s >> n1\"",
                                                  "\n",
                                                  "  ",
                                                  "&x",
                                                  "*x",
                                                  "!!int",
                                                  "'",
                                                  "\"",
                                                  "#2",
                                                  ".nan"};
  const std::uint64_t times = 1 + random.below(4);
  for (std::uint64_t i = 0; i < times && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    const std::string& word = kWords[random.below(kWords.size())];
    switch (random.below(5)) {
      case 0: text.erase(at, 1 + random.below(8)); break;
      case 1: text.insert(at, word); break;
      case 2: text.replace(at, std::min<std::size_t>(word.size(), text.size() - at), word); break;
      case 3: text[at] = static_cast<char>(random.below(256)); break;
      default: text.insert(at, text.substr(random.below(text.size()), random.below(40))); break;
    }
  }
  return text;
}

TEST(HostileTest, MutatedFilesAreAnsweredWithAPlanOrAnError) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed, 70);
    follow(mutated(graph_to_yaml(toy::random_graph(random, {.folds = seed % 2 == 0})), random));
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(HostileTest, MutatedTermsAreAnsweredWithATermOrAnError) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed, 71);
    const Result<Term> term = parse_term(mutated(toy::random_term(random, 6).text(), random), {});
    if (term.ok()) {
      const Result<Graph> graph = build(*term);
      EXPECT_TRUE(graph.ok() || graph.error().code != Code::kBug);
    }
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(HostileTest, DeepAndWideInputIsBounded) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += cat("  n", i, ": {op: scale, from: ", i == 0 ? std::string("s") : cat("n", i - 1), "}\n");
  follow(cat("nodes:\n  s: {op: source}\n", deep));
  std::string ring;
  for (int i = 0; i < 5000; ++i) ring += cat("  n", i, ": {op: scale, from: n", (i + 1) % 5000, "}\n");
  const std::vector<std::string> errors = toy::errors(cat("nodes:\n", ring));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_LT(errors[0].size(), 300u);   // a long cycle is shown in part
  follow(
      "nodes: {s: {op: source}, p: {op: pca, from: s, replicas: 100000, components: {grid: {from: 1, to: 100000, steps: 100000}}, a: "
      "{grid: {from: 1, to: 100000, steps: 100000}}}}");
}

}  // namespace
}  // namespace headrace::graph
