// SPDX-License-Identifier: Apache-2.0
// Property tests: random graphs and terms run as lowered, against what they mean. A failure prints the seed and the graph.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "graph/oracle.h"
#include "graph/random_graph.h"
#include "graph/term_body.h"
#include "graph/toy.h"
#include "graph/toy_run.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using toy::Tables;

constexpr std::size_t kFiringsMax = 60;
constexpr std::size_t kResultsMax = 40;
constexpr int kFiles = 3;

LowerOptions options_for(Mode mode) {
  LowerOptions options;
  options.mode = mode;
  options.list_files = [](const std::string& pattern) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (int piece = kFiles; piece-- > 0;) out.push_back(std::string(pattern).replace(pattern.find('*'), 1, std::to_string(piece)));
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

// The results of a term on one source, by the definition and as lowered.
std::vector<Tables> lowered(const Term& term, std::map<ObjectId, toy::Thing>& known, std::vector<ObjectId>* ids = nullptr) {
  Result<Graph> graph = build(term);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().text());
  if (!graph.ok()) return {};
  for (const Error& error : validate(*graph, toy::catalogue())) ADD_FAILURE() << error.text();
  const Plan plan = toy::plan(std::move(graph).value(), options_for(Mode::kTransform));
  const toy::Run run = toy::run(plan, &known);
  std::vector<Tables> out;
  for (const Path& path : plan.paths) {
    for (const Ref output : path.outputs) out.push_back(run.at(output).tables);
  }
  for (std::size_t i = 0; ids != nullptr && i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].phase != Phase::kJoin) ids->push_back(plan.tasks[i].id);   // tuples are no work
  }
  return out;
}

std::vector<Tables> sorted(std::vector<Tables> tables) {
  std::sort(tables.begin(), tables.end());
  return tables;
}

const Term kSource = node("data", "source");

TEST(MeaningTest, TermsGiveWhatTheyMean) {
  int compared = 0;
  for (std::uint64_t seed = 0; compared < 4000; ++seed) {
    Random random(seed, 10);
    const Term term = kSource >> toy::random_term(random, 1 + static_cast<int>(random.below(6)));
    const std::optional<std::vector<Tables>> meant = toy::value_of(term, kResultsMax);
    if (!meant) continue;
    ++compared;
    std::map<ObjectId, toy::Thing> known;
    EXPECT_EQ(lowered(term, known), *meant);
    // The written form means the same.
    std::vector<Node> nodes = {kSource.body().node};
    for (const std::string op : {"scale", "pca", "wash", "busy"}) {
      for (const char letter : {'a', 'b', 'c'}) nodes.push_back(node(cat(op, letter), op).body().node);
    }
    const Result<Term> read = parse_term(term.text(), nodes);
    ASSERT_TRUE(read.ok()) << term.text() << "\n" << read.error().text();
    EXPECT_EQ(toy::value_of(*read, kResultsMax), meant);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << "\n" << term.text();
  }
}

// Both sides of a law give the same results, up to order, from the same tasks; the left side shares what it can.
void expect_law(const Term& left, const Term& right, const char* law) {
  std::map<ObjectId, toy::Thing> known;
  std::vector<ObjectId> left_ids, right_ids;
  const std::vector<Tables> a = lowered(left, known, &left_ids), b = lowered(right, known, &right_ids);
  EXPECT_EQ(sorted(a), sorted(b)) << law << "\n" << left.text() << "\n" << right.text();
  EXPECT_EQ(std::set<ObjectId>(left_ids.begin(), left_ids.end()), std::set<ObjectId>(right_ids.begin(), right_ids.end())) << law << "\n" << left.text() << "\n" << right.text();
  EXPECT_LE(left_ids.size(), right_ids.size()) << law;
}

TEST(MeaningTest, LawsHold) {
  int compared = 0;
  for (std::uint64_t seed = 0; compared < 1000; ++seed) {
    Random random(seed, 20);
    const Term a = toy::random_term(random, 1 + static_cast<int>(random.below(3))), b = toy::random_term(random, 1 + static_cast<int>(random.below(3)));
    const Term c = toy::random_term(random, 1 + static_cast<int>(random.below(3)));
    if (!toy::value_of(kSource >> (((a | b) & c) >> c), kResultsMax) || !toy::value_of(kSource >> (a & b & c), kResultsMax)) continue;
    ++compared;
    expect_law(kSource >> ((a >> b) >> c), kSource >> (a >> (b >> c)), "sequence is associative");
    expect_law(kSource >> ((a | b) | c), kSource >> (a | (b | c)), "alternatives are associative");
    expect_law(kSource >> (a | b), kSource >> (b | a), "alternatives commute up to order");
    expect_law(kSource >> ((a & b) & c), kSource >> (a & (b & c)), "join is associative");
    expect_law(kSource >> (a >> (b | c)), kSource >> ((a >> b) | (a >> c)), "a sequence distributes over alternatives after it");
    expect_law(kSource >> ((a | b) >> c), kSource >> ((a >> c) | (b >> c)), "a sequence distributes over alternatives before it");
    expect_law(kSource >> (3 * a), kSource >> (a | a | a), "replication is repeated alternatives");
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(MeaningTest, AGridIsOneAlternativePerValue) {
  const Term a = node("a", "pca"), after = node("b", "scale");
  const auto with = [&](int value) { return node("a", "pca", config::Map{config::Entry{"a", value, {}}}); };
  expect_law(kSource >> a.grid("a", {1, 2, 3}) >> after, kSource >> (with(1) | with(2) | with(3)) >> after, "a grid is alternatives");
}

}  // namespace
}  // namespace headrace::graph
