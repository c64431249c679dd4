// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>

#include "graph/layout.h"
#include "graph/toy.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kGrid = R"(
pipeline: "a <grid>"
nodes:
  s: { op: source }
  p: { op: pca, from: s, components: { grid: [5, 15] } }
  c: { op: logistic, from: [p, s] }
)";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(DrawTest, LevelsAreTheLongestWay) { EXPECT_THAT(levels(toy::plan(kGrid).expanded), ElementsAre(0, 1, 1, 2)); }

TEST(DrawTest, DotNamesNodesAndEdges) {
  const std::string dot = to_dot(toy::plan(kGrid).expanded);
  EXPECT_THAT(dot, HasSubstr("digraph \"a <grid>\" {"));
  EXPECT_THAT(dot, HasSubstr("n1 [label=\"p[components=5]\", tooltip=\"pca\"];"));
  EXPECT_EQ(count(dot, " -> "), 5u);
}

TEST(DrawTest, SvgShowsEveryNodeEdgeAndMark) {
  const Plan plan = toy::plan(kGrid);
  const std::string svg =
      to_svg(plan.expanded, std::vector<NodeMark>{{"done", "1.2 s"}, {"failed", "3 ms"}, {"remembered", ""}, {"<odd>", "x & y"}});
  EXPECT_THAT(svg, HasSubstr("<title>a &lt;grid&gt;</title>"));
  EXPECT_EQ(count(svg, "class=\"hr-box\""), 4u);
  EXPECT_EQ(count(svg, "class=\"hr-edge\""), 5u);
  EXPECT_THAT(svg, HasSubstr("hr-bar hr-failed"));
  EXPECT_THAT(svg, HasSubstr("x &amp; y"));
  EXPECT_THAT(svg, Not(HasSubstr("<odd>")));
  EXPECT_EQ(count(svg, "<svg"), count(svg, "</svg>"));
  EXPECT_EQ(count(svg, "<g>"), count(svg, "</g>"));
}

TEST(DrawTest, LargeGraphsAreDrawnByNode) {
  std::string values;
  for (int i = 1; i <= 700; ++i) values += cat(i > 1 ? ", " : "", i);
  const Plan plan = toy::plan(cat("{nodes: {s: {op: source}, p: {op: pca, from: s, components: {grid: [", values, "]}}}}"));
  const std::string svg = to_svg(plan.expanded);
  EXPECT_EQ(count(svg, "class=\"hr-box\""), 2u);
  EXPECT_THAT(svg, HasSubstr("p \u00d7700"));
  EXPECT_THAT(to_terminal(plan.expanded), HasSubstr("\u2026 and 688 more"));
}

TEST(DrawTest, TerminalShowsLevels) {
  EXPECT_EQ(to_terminal(toy::plan(kGrid).expanded),
            "0 \u2500 s  source\n"
            "1 \u252c p[components=5]  pca  \u25c2 s\n"
            "  \u2514 p[components=15]  pca  \u25c2 s\n"
            "2 \u2500 c  logistic  \u25c2 p \u00d72 & s\n");
}

TEST(DrawTest, AnEmptyGraphHasDrawings) {
  const Expanded empty;
  EXPECT_THAT(to_svg(empty), HasSubstr("</svg>"));
  EXPECT_EQ(to_terminal(empty), "");
}

TEST(DrawTest, BoxesNeverOverlap) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, 60);
    const int nodes = 1 + static_cast<int>(random.below(40));
    std::vector<Box> boxes;
    std::vector<std::pair<int, int>> edges;
    for (int i = 0; i < nodes; ++i) {
      boxes.push_back({20.0 + static_cast<double>(random.below(100)), 20.0 + static_cast<double>(random.below(30)), 0, 0});
      for (int k = 0; k < i; ++k) {
        if (random.below(8) == 0) edges.emplace_back(k, i);
      }
    }
    const Layout layout = lay_out(boxes, edges);
    for (int i = 0; i < nodes; ++i) {
      const Box& a = layout.boxes[static_cast<std::size_t>(i)];
      EXPECT_GE(a.x, 0);
      EXPECT_GE(a.y, -1e-6);
      EXPECT_LE(a.x + a.width, layout.width + 1e-6);
      EXPECT_LE(a.y + a.height, layout.height + 1e-6);
      for (int k = 0; k < i; ++k) {
        const Box& b = layout.boxes[static_cast<std::size_t>(k)];
        const bool apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y + 1e-6 || b.y + b.height <= a.y + 1e-6;
        EXPECT_TRUE(apart) << "seed " << seed << " boxes " << i << " and " << k;
      }
    }
    ASSERT_EQ(layout.edges.size(), edges.size());
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const Box& from = layout.boxes[static_cast<std::size_t>(edges[e].first)];
      const Box& to = layout.boxes[static_cast<std::size_t>(edges[e].second)];
      EXPECT_DOUBLE_EQ(layout.edges[e].front().first, from.x + from.width);
      EXPECT_DOUBLE_EQ(layout.edges[e].back().first, to.x);
    }
  }
}

TEST(DrawTest, CrossingsAreRemovedWhereTheyCanBe) {
  // Four chains whose second nodes were written in the opposite order.
  std::vector<Box> boxes(8, Box{10, 10, 0, 0});
  const Layout layout = lay_out(boxes, {{0, 7}, {1, 6}, {2, 5}, {3, 4}});
  for (int i = 0; i < 3; ++i) {
    const double left = layout.boxes[static_cast<std::size_t>(i)].y - layout.boxes[static_cast<std::size_t>(i + 1)].y;
    const double right = layout.boxes[static_cast<std::size_t>(7 - i)].y - layout.boxes[static_cast<std::size_t>(6 - i)].y;
    EXPECT_GT(left * right, 0);
  }
}

TEST(DrawTest, AsJson) {
  const config::Value value = to_value(toy::plan(kGrid));
  EXPECT_EQ(value.find("nodes")->list().size(), 4u);
  EXPECT_EQ(value.find("edges")->list().size(), 5u);
  EXPECT_EQ(value.find("paths")->list().size(), 2u);
  EXPECT_EQ(value.find("term")->string(), "s; s >> p{components: [5, 15]}; (p & s) >> c");
  EXPECT_EQ(config::to_json(*value.find("paths")->list()[1].find("params")), R"({"p.components": 15})");
}

}  // namespace
}  // namespace headrace::graph
