// SPDX-License-Identifier: Apache-2.0
// Selection: the part of a plan that one result descends from, as a graph again.
//
// It follows firings, not nodes: a node that fired for several alternatives on the way (`firing: all`, products) becomes as many
// nodes. Pieces are the exception. Firings that were stacked, or that share a model, stay together in a *bundle*, so that a source
// over a glob stays one source. Where a path comes through one piece of a node that was fitted over all pieces, all pieces are kept
// everywhere: a piece alone would no longer meet its model's pieces.
#include <algorithm>
#include <map>
#include <set>

#include "graph/firings.h"
#include "headrace/base/text.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {
namespace {

using Bundle = std::vector<int>;   // firings of one node, ascending

struct LastFirst {
  // What reads comes before what is read: the last member of an input is before the last member of its reader.
  bool operator()(const Bundle& left, const Bundle& right) const {
    return left.back() != right.back() ? left.back() > right.back() : left > right;
  }
};

class Selector {
 public:
  explicit Selector(const Plan& plan) : plan_(plan), firings_(*plan.firings) {}

  Graph run(const Path& path) {
    std::size_t known = 0;
    do {
      known = whole_.size();
      inputs_.clear();
      add(Bundle(path.firings.begin(), path.firings.end()));
      // Grows at its end only: inputs sort after their readers.
      for (auto at = inputs_.begin(); at != inputs_.end(); ++at) at->second = read_by(at->first);
    } while (whole_.size() > known);
    Graph out;
    const Graph& graph = plan_.expanded.graph;
    out.name = graph.name;
    out.seed = graph.seed;
    out.file = graph.file;
    out.version = graph.version;
    for (const auto& [bundle, inputs] : inputs_) stems_.insert(stem(bundle));
    for (auto at = inputs_.rbegin(); at != inputs_.rend(); ++at) out.nodes.push_back(node(at->first, at->second));
    return out;
  }

 private:
  const ExpandedNode& expanded(const Bundle& bundle) const {
    return plan_.expanded.nodes[static_cast<std::size_t>(firings_.all[static_cast<std::size_t>(bundle[0])].node)];
  }

  // A reader that asked for some firings and was given more, which share their model: their sources are kept whole.
  void note_more(const Bundle& asked, const Bundle& given) {
    if (asked.size() == given.size()) return;
    for (const int firing : given) {
      for (const LineageEntry& entry : firings_.lineages.entries(firings_.all[static_cast<std::size_t>(firing)].lineage)) {
        const Choice& choice = firings_.lineages.choice_at(entry.choice);
        if (choice.kind == Choice::Kind::kPiece) whole_.insert(choice.nodes[0]);
      }
    }
  }

  // A lineage without the pieces of sources that are kept whole.
  std::vector<LineageEntry> apart_from_whole(int firing) const {
    std::vector<LineageEntry> out;
    for (const LineageEntry& entry : firings_.lineages.entries(firings_.all[static_cast<std::size_t>(firing)].lineage)) {
      const Choice& choice = firings_.lineages.choice_at(entry.choice);
      if (choice.kind != Choice::Kind::kPiece || !whole_.contains(choice.nodes[0])) out.push_back(entry);
    }
    return out;
  }

  // Adds the firings that differ only in pieces of sources that are kept whole.
  void add_pieces(Bundle& members) const {
    const Firings::Range range = firings_.of_node[static_cast<std::size_t>(firings_.all[static_cast<std::size_t>(members[0])].node)];
    std::vector<std::vector<LineageEntry>> wanted;
    for (const int firing : members) wanted.push_back(apart_from_whole(firing));
    for (int firing = range.begin; firing < range.end; ++firing) {
      if (std::find(wanted.begin(), wanted.end(), apart_from_whole(firing)) != wanted.end()) members.push_back(firing);
    }
  }

  // Firings that share a model bring each other along.
  Bundle add(Bundle members) {
    if (!whole_.empty()) add_pieces(members);
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    const auto groups = firings_.groups.find(firings_.all[static_cast<std::size_t>(members[0])].node);
    if (groups != firings_.groups.end()) {
      Bundle all;
      for (const std::vector<int>& group : groups->second) {
        const bool touched =
            std::any_of(group.begin(), group.end(), [&](int firing) { return std::binary_search(members.begin(), members.end(), firing); });
        if (touched) all.insert(all.end(), group.begin(), group.end());
      }
      std::sort(all.begin(), all.end());
      members = std::move(all);
    }
    inputs_.try_emplace(members);
    return members;
  }

  std::vector<Bundle> read_by(const Bundle& bundle) {
    std::vector<Bundle> out;
    const std::size_t width = firings_.all[static_cast<std::size_t>(bundle[0])].count;
    for (std::size_t i = 0; i < width; ++i) {
      Bundle members;
      for (const int firing : bundle) {
        const int input = firings_.inputs_of(firing)[i];
        if (!firings_.all[static_cast<std::size_t>(input)].stack) {
          members.push_back(input);
          continue;
        }
        const std::span<const int> pieces = firings_.inputs_of(input);
        members.insert(members.end(), pieces.begin(), pieces.end());
      }
      std::sort(members.begin(), members.end());
      members.erase(std::unique(members.begin(), members.end()), members.end());
      out.push_back(add(members));
      note_more(members, out.back());
    }
    return out;
  }

  // The name of the expanded node without its grid point: "pca", "forest#2".
  std::string stem(const Bundle& bundle) const {
    const std::string& name = expanded(bundle).name;
    return name.substr(0, name.find('['));
  }

  std::string unique(const std::string& stem) {
    if (used_.insert(stem).second) return stem;
    const std::string base = stem.substr(0, stem.find('#'));
    for (int copy = 2;; ++copy) {
      std::string name = cat(base, "#", copy);
      if (!stems_.contains(name) && used_.insert(name).second) return name;
    }
  }

  Node node(const Bundle& bundle, const std::vector<Bundle>& inputs) {
    const ExpandedNode& from = expanded(bundle);
    const Node& origin = plan_.expanded.graph.nodes[static_cast<std::size_t>(from.origin)];
    const std::string own = stem(bundle);
    Node out;
    out.name = names_[bundle] = unique(own);
    out.op = origin.op;
    out.params = from.params;
    out.annotations = origin.annotations;
    out.annotations.replicas = 1;
    out.annotations.prune.reset();
    if (out.annotations.combine == Combine::kUnion) out.annotations.combine.reset();
    out.where = origin.where;
    const std::string seed = origin.seed_name.empty() ? own : origin.seed_name + own.substr(origin.name.size());
    if (seed != out.name) out.seed_name = seed;
    for (const Bundle& input : inputs) out.inputs.push_back(Input{{names_.at(input)}});
    if (!from.files.empty() && bundle.size() == 1) {
      const int first = firings_.of_node[static_cast<std::size_t>(firings_.all[static_cast<std::size_t>(bundle[0])].node)].begin;
      out.params.set(from.pattern, from.files[static_cast<std::size_t>(bundle[0] - first)]);
    }
    return out;
  }

  const Plan& plan_;
  const Firings& firings_;
  std::map<Bundle, std::vector<Bundle>, LastFirst> inputs_;
  std::map<Bundle, std::string> names_;
  std::set<std::string> stems_, used_;
  std::set<int> whole_;   // sources, by index in the graph, of which all pieces are kept
};

}  // namespace

Graph select(const Plan& plan, std::size_t path) {
  HEADRACE_CHECK(path < plan.paths.size(), "select names a path of the plan");
  return Selector(plan).run(plan.paths[path]);
}

}  // namespace headrace::graph
