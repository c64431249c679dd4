// SPDX-License-Identifier: Apache-2.0
// Property tests: random graphs run as lowered, against what they mean. A failure prints the seed and the graph.
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/oracle.h"
#include "graph/random_graph.h"
#include "graph/toy.h"
#include "graph/toy_run.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

constexpr std::size_t kFiringsMax = 60;
constexpr int kFiles = 3;

LowerOptions options_for(Mode mode) {
  LowerOptions options;
  options.mode = mode;
  options.list_files = [](const std::string& pattern) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (int piece = kFiles; piece-- > 0;)
      out.push_back(cat(pattern.substr(0, pattern.find('*')), piece, pattern.substr(pattern.find('*') + 1)));
    return out;   // in the wrong order: lowering sorts
  };
  return options;
}

// Compares one graph in one mode; false when it was too large to compare.
bool compare(const Graph& graph, Mode mode, std::map<ObjectId, toy::Thing>& known) {
  const std::optional<toy::Meaning> meaning = toy::meaning_of(graph, mode, kFiles, kFiringsMax);
  if (!meaning) return false;
  Result<Expanded> expanded = expand(graph);
  EXPECT_TRUE(expanded.ok());
  const Result<Plan> plan = lower(std::move(expanded).value(), toy::catalogue(), options_for(mode));
  if (!plan.ok()) {
    ADD_FAILURE() << plan.error().text();
    return true;
  }
  const toy::Run run = toy::run(*plan, &known);
  EXPECT_EQ(plan->paths.size(), meaning->paths.size());
  for (std::size_t p = 0; p < std::min(plan->paths.size(), meaning->paths.size()); ++p) {
    const Path& path = plan->paths[p];
    const toy::Expected& expected = meaning->paths[p];
    EXPECT_EQ(path.outputs.size(), expected.outputs.size()) << "path " << p << " " << path.label;
    for (std::size_t i = 0; i < std::min(path.outputs.size(), expected.outputs.size()); ++i) {
      EXPECT_EQ(run.at(path.outputs[i]).show(), expected.outputs[i].show()) << "path " << p << " " << path.label << " output " << i;
    }
    std::vector<std::string> scores;
    for (const std::int32_t score : path.scores) scores.push_back(run.slot0[static_cast<std::size_t>(score)].text);
    EXPECT_EQ(scores, expected.scores) << "path " << p << " " << path.label;
  }
  const std::map<std::string, int> counts = toy::counts(*plan);
  EXPECT_EQ(counts.contains("fit") ? counts.at("fit") : 0, meaning->fits);
  EXPECT_EQ(counts.contains("score") ? counts.at("score") : 0, meaning->scores);
  return true;
}

// Runs `count` random graphs that validate, in all modes.
void compare_random(int count, const toy::Shape& shape, std::uint64_t stream) {
  int compared = 0;
  for (std::uint64_t seed = 0; compared < count; ++seed) {
    ASSERT_LT(seed, 40u * static_cast<std::uint64_t>(count)) << "too few random graphs are valid";
    Random random(seed, stream);
    Graph graph = toy::random_graph(random, shape);
    const std::string written = graph_to_yaml(graph);
    if (!validate(graph, toy::catalogue()).empty()) continue;
    std::map<ObjectId, toy::Thing> known;
    const auto mode = static_cast<Mode>(seed % 4);
    if (!compare(graph, mode, known)) continue;
    ++compared;
    if (seed % 10 == 0) {
      for (const Mode other : {Mode::kFit, Mode::kTransform, Mode::kPredict, Mode::kScore}) compare(graph, other, known);
    }
    if (testing::Test::HasFailure()) {
      FAIL() << "seed " << seed << " stream " << stream << " mode " << mode_name(mode) << "\n" << written;
    }
  }
}

TEST(MeaningTest, GraphsGiveWhatTheyMean) { compare_random(6000, {.folds = false, .annotations = true}, 1); }
TEST(MeaningTest, PlainGraphsGiveWhatTheyMean) { compare_random(2000, {.folds = false, .annotations = false, .nodes_max = 12}, 2); }
TEST(MeaningTest, FoldsGiveWhatTheyMean) { compare_random(4000, {.folds = true, .annotations = true}, 3); }

}  // namespace
}  // namespace headrace::graph
