// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where boxes go: a layered drawing from left to right after Sugiyama, Tagawa and Toda (1981).
//
// 1. A box's column is its level: one more than its deepest input. 2. An edge over several columns gets a bend in each of them.
// 3. Boxes and bends of a column are sorted by the mean place of what they connect to, sweeping forth and back; the order with the
// fewest crossings stays. 4. Each moves as near to the middle of its neighbours as the space between boxes allows.

#include <string>
#include <utility>
#include <vector>

namespace headrace::graph {

struct Box {
  double width = 0;
  double height = 0;
  double x = 0;                 ///< left, filled in
  double y = 0;                 ///< top, filled in
};

struct Layout {
  std::vector<Box> boxes;
  /// Per edge the points it runs through, from the right side of its start to the left side of its end.
  std::vector<std::vector<std::pair<double, double>>> edges;
  double width = 0;
  double height = 0;
};

/// `edges` run from lower to higher indexes. Cost: about 20 sweeps over boxes, bends and edges.
Layout lay_out(std::vector<Box> boxes, const std::vector<std::pair<int, int>>& edges);

/// Longest-path levels of a graph whose edges run from lower to higher indexes.
std::vector<int> longest_path_levels(std::size_t nodes, const std::vector<std::pair<int, int>>& edges);

}  // namespace headrace::graph
