// SPDX-License-Identifier: Apache-2.0
#include "graph/paths.h"

#include <algorithm>
#include <array>
#include <set>

#include "graph/series.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

// Walking every path of a layered graph would cost paths times edges: all paths together may look at this many edges.
constexpr std::size_t kVisitsMax = 10'000'000;
constexpr std::size_t kLabelNodesMax = 64;

bool is_source(const ExpandedNode& node) { return node.inputs.empty(); }

// A source is worth naming when there are several, or when it is read piece by piece.
class Labels {
 public:
  Labels(const Expanded& expanded, const Firings& firings) : expanded_(expanded), firings_(firings) {
    std::size_t sources = 0;
    for (const ExpandedNode& node : expanded.nodes) {
      if (!is_source(node)) continue;
      ++sources;
      pieces_ = pieces_ || node.files.size() > 1;
    }
    name_sources_ = sources > 1 || pieces_;
  }

  std::string label(const Path& path, const std::vector<int>& fired) const {
    if (path.nodes.empty() || path.nodes.size() > kLabelNodesMax) return cat("... >> ", name(path.sink, path));
    std::vector<int> shown;
    for (const int node : path.nodes) {
      if (name_sources_ || !is_source(expanded_.nodes[static_cast<std::size_t>(node)]) || path.nodes.size() == 1) shown.push_back(node);
    }
    if (shown.empty()) shown = path.nodes;
    std::vector<TermNode> nodes;
    for (const int node : shown) nodes.push_back({name(node, path), expanded_.nodes[static_cast<std::size_t>(node)].name, {}});
    // Which of an input's nodes the path comes through: several where it waited for all.
    std::set<std::array<int, 3>> edges;
    for (const int firing : fired) collect_edges(firing, shown, edges);
    int reader = -1, input = -1;
    for (const auto& [to, at, from] : edges) {
      if (to != reader || at != input) nodes[static_cast<std::size_t>(to)].inputs.emplace_back();
      nodes[static_cast<std::size_t>(to)].inputs.back().push_back(from);
      reader = to;
      input = at;
    }
    return write_term(std::move(nodes));
  }

 private:
  // Edges of one firing as places in `shown`: reader, input, node read.
  void collect_edges(int firing, const std::vector<int>& shown, std::set<std::array<int, 3>>& edges) const {
    const Fired& at = firings_.all[static_cast<std::size_t>(firing)];
    const auto place = [&](int node) {
      const auto found = std::lower_bound(shown.begin(), shown.end(), node);
      return found != shown.end() && *found == node ? static_cast<int>(found - shown.begin()) : -1;
    };
    const int to = at.stack ? -1 : place(at.node);
    if (to < 0) return;
    const InputList& inputs = expanded_.nodes[static_cast<std::size_t>(at.node)].inputs;
    const bool each =
        expanded_.graph.nodes[static_cast<std::size_t>(expanded_.nodes[static_cast<std::size_t>(at.node)].origin)].annotations.firing ==
        Firing::kEach;
    const std::span<const int> read = firings_.inputs_of(firing);
    for (std::size_t i = 0; i < read.size(); ++i) {
      const Fired& source = firings_.all[static_cast<std::size_t>(read[i])];
      const int node = source.stack ? firings_.all[static_cast<std::size_t>(firings_.inputs_of(read[i])[0])].node : source.node;
      const int from = place(node);
      if (from < 0) continue;
      int input = static_cast<int>(i);
      // A node that waits for all has one object per alternative: find the input each came through.
      for (std::size_t k = 0; !each && k < inputs.size(); ++k) {
        if (std::find(inputs[k].begin(), inputs[k].end(), node) != inputs[k].end()) input = static_cast<int>(k);
      }
      edges.insert({to, input, from});
    }
  }

  std::string name(int node, const Path& path) const {
    const std::string& name = expanded_.nodes[static_cast<std::size_t>(node)].name;
    if (!pieces_ || path.firings.size() != 1) return name;
    const std::string piece = piece_text(expanded_, firings_, node, firings_.all[static_cast<std::size_t>(path.firings[0])].lineage);
    if (piece.empty()) return name;
    return name.back() == ']' ? cat(std::string_view(name).substr(0, name.size() - 1), ",", piece, "]") : cat(name, "[", piece, "]");
  }

  const Expanded& expanded_;
  const Firings& firings_;
  bool pieces_ = false;
  bool name_sources_ = false;
};

// The grid values that the lineage of the path's end has chosen. Alternatives that `firing: all` took together are not choices.
void fill_params(const Expanded& expanded, const Firings& firings, const std::vector<int>& first, Path& path) {
  std::vector<int> chosen;
  for (const LineageEntry& entry : firings.lineages.entries(firings.all[static_cast<std::size_t>(path.firings[0])].lineage)) {
    const Choice& choice = firings.lineages.choice_at(entry.choice);
    if (choice.kind == Choice::Kind::kAlternative) chosen.push_back(first[static_cast<std::size_t>(choice.nodes[0])] + entry.number);
  }
  std::sort(chosen.begin(), chosen.end());   // expanded nodes are in topological order
  for (const int node : chosen) {
    const ExpandedNode& at = expanded.nodes[static_cast<std::size_t>(node)];
    for (const auto& [param, value] : at.chosen)
      path.params.emplace_back(cat(expanded.graph.nodes[static_cast<std::size_t>(at.origin)].name, ".", param), value);
  }
}

}  // namespace

std::string piece_text(const Expanded& expanded, const Firings& firings, int node, int lineage) {
  const ExpandedNode& at = expanded.nodes[static_cast<std::size_t>(node)];
  if (at.files.size() < 2) return {};
  for (const LineageEntry& entry : firings.lineages.entries(lineage)) {
    const Choice& choice = firings.lineages.choice_at(entry.choice);
    if (choice.kind != Choice::Kind::kPiece || choice.nodes[0] != at.origin) continue;
    const std::string& file = at.files[static_cast<std::size_t>(entry.number)];
    return cat("file=", std::string_view(file).substr(file.rfind('/') + 1));
  }
  return {};
}

const std::vector<int>& Walk::behind(const std::vector<std::int32_t>& roots, std::size_t& visits) {
  ++round_;
  found_.clear();
  const auto reach = [&](int firing) {
    if (mark_[static_cast<std::size_t>(firing)] == round_) return;
    mark_[static_cast<std::size_t>(firing)] = round_;
    found_.push_back(firing);
  };
  for (const std::int32_t root : roots) reach(root);
  for (std::size_t next = 0; next < found_.size(); ++next) {
    const std::span<const int> inputs = firings_.inputs_of(found_[next]);
    if (inputs.size() > visits) {
      visits = 0;
      found_.clear();
      break;
    }
    visits -= inputs.size();
    for (const int input : inputs) reach(input);
  }
  return found_;
}

std::vector<int> nodes_of(const Firings& firings, const std::vector<int>& fired) {
  std::vector<int> out;
  for (const int firing : fired) {
    const Fired& at = firings.all[static_cast<std::size_t>(firing)];
    if (!at.stack) out.push_back(at.node);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<Path> find_paths(const Expanded& expanded, const Firings& firings) {
  std::vector<Path> paths;
  std::vector<int> first(expanded.graph.nodes.size(), -1);
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    int& at = first[static_cast<std::size_t>(expanded.nodes[i].origin)];
    if (at < 0) at = static_cast<int>(i);
  }
  const Labels labels(expanded, firings);
  Walk walk(firings);
  std::size_t visits = kVisitsMax;
  for (const int sink : expanded.sinks) {
    std::vector<std::vector<int>> ends;
    if (const auto groups = firings.groups.find(sink); groups != firings.groups.end()) {
      ends = groups->second;
    } else {
      const Firings::Range range = firings.of_node[static_cast<std::size_t>(sink)];
      for (int firing = range.begin; firing < range.end; ++firing) ends.push_back({firing});
    }
    for (std::vector<int>& end : ends) {
      Path& path = paths.emplace_back();
      path.sink = sink;
      path.firings.assign(end.begin(), end.end());
      static const std::vector<int> kNothing;
      const std::vector<int>& fired = visits > 0 ? walk.behind(path.firings, visits) : kNothing;
      path.nodes = nodes_of(firings, fired);
      fill_params(expanded, firings, first, path);
      path.label = labels.label(path, fired);
    }
  }
  return paths;
}

}  // namespace headrace::graph
