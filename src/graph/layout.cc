// SPDX-License-Identifier: Apache-2.0
#include "graph/layout.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace headrace::graph {
namespace {

constexpr double kColumnGap = 56, kRowGap = 14, kBendHeight = 6;
constexpr int kSweeps = 12, kRelaxations = 12;
constexpr std::size_t kBendsMax = 20'000;

// Boxes and bends of all columns. Indexes below the number of boxes are boxes.
struct Net {
  std::vector<int> column;
  std::vector<double> height;
  std::vector<std::vector<int>> before, after;   // neighbours one column left and right
  std::vector<std::vector<int>> columns;         // in drawing order
  std::vector<std::vector<int>> chains;          // per edge its points, ends included
  std::vector<int> place;                        // in its column

  int add(int at, double tall) {
    column.push_back(at);
    height.push_back(tall);
    before.emplace_back();
    after.emplace_back();
    return static_cast<int>(column.size()) - 1;
  }
  void connect(int left, int right) {
    after[static_cast<std::size_t>(left)].push_back(right);
    before[static_cast<std::size_t>(right)].push_back(left);
  }
  void number() {
    for (const std::vector<int>& column : columns) {
      for (std::size_t i = 0; i < column.size(); ++i) place[static_cast<std::size_t>(column[i])] = static_cast<int>(i);
    }
  }
};

Net make_net(const std::vector<Box>& boxes, const std::vector<std::pair<int, int>>& edges) {
  Net net;
  const std::vector<int> levels = longest_path_levels(boxes.size(), edges);
  for (std::size_t i = 0; i < boxes.size(); ++i) net.add(levels[i], boxes[i].height);
  for (const auto& [from, to] : edges) {
    std::vector<int> chain = {from};
    for (int at = levels[static_cast<std::size_t>(from)] + 1;
         at < levels[static_cast<std::size_t>(to)] && net.column.size() < boxes.size() + kBendsMax; ++at) {
      const int bend = net.add(at, kBendHeight);
      net.connect(chain.back(), bend);
      chain.push_back(bend);
    }
    if (net.column[static_cast<std::size_t>(chain.back())] + 1 == levels[static_cast<std::size_t>(to)]) net.connect(chain.back(), to);
    chain.push_back(to);
    net.chains.push_back(std::move(chain));
  }
  const int columns = levels.empty() ? 0 : *std::max_element(levels.begin(), levels.end()) + 1;
  net.columns.resize(static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < net.column.size(); ++i) net.columns[static_cast<std::size_t>(net.column[i])].push_back(static_cast<int>(i));
  net.place.resize(net.column.size());
  net.number();
  return net;
}

// Crossings between neighbouring columns: inversions among the right ends when edges are sorted by their left ends.
std::uint64_t crossings(const Net& net) {
  std::uint64_t total = 0;
  std::vector<int> ends, tree;
  for (std::size_t c = 0; c + 1 < net.columns.size(); ++c) {
    ends.clear();
    for (const int left : net.columns[c]) {
      const std::size_t start = ends.size();
      for (const int right : net.after[static_cast<std::size_t>(left)]) ends.push_back(net.place[static_cast<std::size_t>(right)]);
      std::sort(ends.begin() + static_cast<std::ptrdiff_t>(start), ends.end());
    }
    tree.assign(net.columns[c + 1].size() + 1, 0);   // counts of ends seen, as a Fenwick tree
    for (std::size_t i = 0; i < ends.size(); ++i) {
      int smaller = 0;
      for (int at = ends[i] + 1; at > 0; at -= at & -at) smaller += tree[static_cast<std::size_t>(at)];
      total += i - static_cast<std::size_t>(smaller);
      for (int at = ends[i] + 1; at < static_cast<int>(tree.size()); at += at & -at) ++tree[static_cast<std::size_t>(at)];
    }
  }
  return total;
}

void sort_column(Net& net, std::vector<int>& column, const std::vector<std::vector<int>>& neighbours) {
  std::vector<std::pair<double, int>> keyed;
  for (const int item : column) {
    const std::vector<int>& near = neighbours[static_cast<std::size_t>(item)];
    double mean = net.place[static_cast<std::size_t>(item)];
    if (!near.empty()) {
      double sum = 0;
      for (const int other : near) sum += net.place[static_cast<std::size_t>(other)];
      mean = sum / static_cast<double>(near.size());
    }
    keyed.emplace_back(mean, item);
  }
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < column.size(); ++i) {
    column[i] = keyed[i].second;
    net.place[static_cast<std::size_t>(column[i])] = static_cast<int>(i);
  }
}

void reduce_crossings(Net& net) {
  std::vector<std::vector<int>> best = net.columns;
  std::uint64_t fewest = crossings(net);
  for (int sweep = 0; sweep < kSweeps && fewest > 0; ++sweep) {
    const std::size_t count = net.columns.size();
    for (std::size_t i = 1; i < count; ++i) {
      if (sweep % 2 == 0) {
        sort_column(net, net.columns[i], net.before);
      } else {
        sort_column(net, net.columns[count - 1 - i], net.after);
      }
    }
    const std::uint64_t now = crossings(net);
    if (now < fewest) {
      fewest = now;
      best = net.columns;
    }
  }
  net.columns = std::move(best);
  net.number();
}

// Middles of all items, so that none overlap and each is near its neighbours.
std::vector<double> middles_of(const Net& net) {
  std::vector<double> middle(net.column.size());
  const auto tall = [&](int item) { return net.height[static_cast<std::size_t>(item)]; };
  for (const std::vector<int>& column : net.columns) {
    double y = 0;
    for (const int item : column) {
      middle[static_cast<std::size_t>(item)] = y + tall(item) / 2;
      y += tall(item) + kRowGap;
    }
  }
  for (int round = 0; round < kRelaxations; ++round) {
    for (std::size_t step = 0; step < net.columns.size(); ++step) {
      const std::vector<int>& column = net.columns[round % 2 == 0 ? step : net.columns.size() - 1 - step];
      std::vector<double> wish(column.size());
      for (std::size_t i = 0; i < column.size(); ++i) {
        double sum = 0;
        std::size_t count = 0;
        for (const auto* near : {&net.before[static_cast<std::size_t>(column[i])], &net.after[static_cast<std::size_t>(column[i])]}) {
          for (const int other : *near) sum += middle[static_cast<std::size_t>(other)], ++count;
        }
        wish[i] = count > 0 ? sum / static_cast<double>(count) : middle[static_cast<std::size_t>(column[i])];
      }
      // Push down where boxes would overlap, then share the excess: the column's mean stays where it wished to be.
      std::vector<double> y = wish;
      for (std::size_t i = 1; i < y.size(); ++i) y[i] = std::max(y[i], y[i - 1] + (tall(column[i - 1]) + tall(column[i])) / 2 + kRowGap);
      const double drift = y.empty() ? 0
                                     : (std::accumulate(y.begin(), y.end(), 0.0) - std::accumulate(wish.begin(), wish.end(), 0.0)) /
                                           static_cast<double>(y.size());
      for (std::size_t i = 0; i < y.size(); ++i) middle[static_cast<std::size_t>(column[i])] = y[i] - drift;
    }
  }
  return middle;
}

}  // namespace

std::vector<int> longest_path_levels(std::size_t nodes, const std::vector<std::pair<int, int>>& edges) {
  std::vector<std::vector<int>> inputs(nodes);
  for (const auto& [from, to] : edges) inputs[static_cast<std::size_t>(to)].push_back(from);
  std::vector<int> levels(nodes, 0);
  for (std::size_t i = 0; i < nodes; ++i) {
    for (const int from : inputs[i]) levels[i] = std::max(levels[i], levels[static_cast<std::size_t>(from)] + 1);
  }
  return levels;
}

Layout lay_out(std::vector<Box> boxes, const std::vector<std::pair<int, int>>& edges) {
  Net net = make_net(boxes, edges);
  reduce_crossings(net);
  const std::vector<double> middle = middles_of(net);
  Layout out;
  double top = 0, bottom = 0;
  for (std::size_t i = 0; i < middle.size(); ++i) {
    top = i == 0 ? middle[i] - net.height[i] / 2 : std::min(top, middle[i] - net.height[i] / 2);
    bottom = i == 0 ? middle[i] + net.height[i] / 2 : std::max(bottom, middle[i] + net.height[i] / 2);
  }
  std::vector<double> left(net.columns.size()), wide(net.columns.size(), 0);
  for (std::size_t i = 0; i < boxes.size(); ++i)
    wide[static_cast<std::size_t>(net.column[i])] = std::max(wide[static_cast<std::size_t>(net.column[i])], boxes[i].width);
  for (std::size_t c = 0; c < left.size(); ++c) {
    left[c] = out.width;
    out.width += wide[c] + (c + 1 < left.size() ? kColumnGap : 0);
  }
  out.height = bottom - top;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    boxes[i].x = left[static_cast<std::size_t>(net.column[i])];
    boxes[i].y = middle[i] - boxes[i].height / 2 - top;
  }
  for (const std::vector<int>& chain : net.chains) {
    std::vector<std::pair<double, double>>& points = out.edges.emplace_back();
    for (std::size_t k = 0; k < chain.size(); ++k) {
      const auto item = static_cast<std::size_t>(chain[k]);
      const double y = middle[item] - top, x = left[static_cast<std::size_t>(net.column[item])];
      const bool first = k == 0, last = k + 1 == chain.size();
      if (!first) points.emplace_back(x, y);
      if (!last) points.emplace_back(first ? x + boxes[item].width : x + wide[static_cast<std::size_t>(net.column[item])], y);
    }
  }
  out.boxes = std::move(boxes);
  return out;
}

}  // namespace headrace::graph
