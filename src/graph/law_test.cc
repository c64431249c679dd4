// SPDX-License-Identifier: Apache-2.0
// Property tests of the algebra: random terms give what they mean, and both sides of each law give the same results.
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

constexpr std::size_t kResultsMax = 40;

LowerOptions in_transform() {
  LowerOptions options;
  options.mode = Mode::kTransform;
  return options;
}

// The results of a term on one source, by the definition and as lowered.
std::vector<Tables> lowered(const Term& term, std::map<ObjectId, toy::Thing>& known, std::vector<ObjectId>* ids = nullptr) {
  Result<Graph> graph = build(term);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().text());
  if (!graph.ok()) return {};
  for (const Error& error : validate(*graph, toy::catalogue())) ADD_FAILURE() << error.text();
  const Plan plan = toy::plan(std::move(graph).value(), in_transform());
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

TEST(LawTest, TermsGiveWhatTheyMean) {
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
  EXPECT_EQ(std::set<ObjectId>(left_ids.begin(), left_ids.end()), std::set<ObjectId>(right_ids.begin(), right_ids.end()))
      << law << "\n"
      << left.text() << "\n"
      << right.text();
  EXPECT_LE(left_ids.size(), right_ids.size()) << law;
}

TEST(LawTest, LawsHold) {
  int compared = 0;
  for (std::uint64_t seed = 0; compared < 1000; ++seed) {
    Random random(seed, 20);
    const Term a = toy::random_term(random, 1 + static_cast<int>(random.below(3))),
               b = toy::random_term(random, 1 + static_cast<int>(random.below(3)));
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

TEST(LawTest, AGridIsOneAlternativePerValue) {
  const Term a = node("a", "pca"), after = node("b", "scale");
  const auto with = [&](int value) { return node("a", "pca", config::Map{config::Entry{"a", value, {}}}); };
  expect_law(kSource >> a.grid("a", {1, 2, 3}) >> after, kSource >> (with(1) | with(2) | with(3)) >> after, "a grid is alternatives");
}

}  // namespace
}  // namespace headrace::graph
