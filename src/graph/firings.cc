// SPDX-License-Identifier: Apache-2.0
#include "graph/firings.h"

#include <algorithm>
#include <map>

#include "graph/meet.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

class Firer {
 public:
  Firer(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs, std::size_t limit)
      : expanded_(expanded), specs_(specs), limit_(limit) {
    out_.of_node.resize(expanded.nodes.size());
    out_.stacks_of.resize(expanded.nodes.size());
  }

  Result<Firings> run() {
    const std::vector<ExpandedNode>& nodes = expanded_.nodes;
    std::size_t edges = 0;
    for (const ExpandedNode& node : nodes) edges += node.alternative <= 0 ? node.inputs.all().size() : 0;
    out_.inputs.reserve(edges);
    out_.all.reserve(nodes.size());
    // Alternatives of one node lie side by side and see the same tuples.
    for (std::size_t first = 0; first < nodes.size();) {
      std::size_t end = first + 1;
      while (end < nodes.size() && nodes[end].origin == nodes[first].origin) ++end;
      HEADRACE_TRY(fire_origin(static_cast<int>(first), static_cast<int>(end)));
      first = end;
    }
    return std::move(out_);
  }

 private:
  const Node& origin_node(int node) const {
    return expanded_.graph.nodes[static_cast<std::size_t>(expanded_.nodes[static_cast<std::size_t>(node)].origin)];
  }

  Status fire_origin(int first, int end) {
    const ExpandedNode& sample = expanded_.nodes[static_cast<std::size_t>(first)];
    const OperatorSpec& spec = *specs_[static_cast<std::size_t>(sample.origin)];
    const Node& node = origin_node(first);
    Tuples tuples;
    if (sample.inputs.empty()) {
      for (int sibling = first; sibling < end; ++sibling) HEADRACE_TRY(fire_source(sibling));
      return {};
    }
    if (node.annotations.firing == Firing::kAll) {
      HEADRACE_ASSIGN(tuples, wait_for_all(first));
    } else {
      HEADRACE_ASSIGN(tuples, meet(first, node));
    }
    if (spec.inputs_max >= 0 && tuples.width > static_cast<std::size_t>(spec.inputs_max) && node.annotations.firing == Firing::kAll) {
      return Error(Code::kEdgeType,
                   cat("node ", node.name, " (", spec.name, ") takes at most ", spec.inputs_max, " inputs, but ", tuples.width,
                       " alternatives arrive there"),
                   "leave out 'firing: all', or use an operator that takes several inputs", node.where);
    }
    return fire_tuples(first, end, tuples, fits_over_pieces(node, spec));
  }

  Status fire_source(int node) {
    const ExpandedNode& expanded = expanded_.nodes[static_cast<std::size_t>(node)];
    const int pieces = expanded.files.size() > 1 ? static_cast<int>(expanded.files.size()) : 1;
    HEADRACE_TRY(check_limit(static_cast<std::size_t>(pieces)));
    const int choice = pieces > 1 ? out_.lineages.choice({Choice::Kind::kPiece, {expanded.origin}}) : -1;
    Firings::Range& range = out_.of_node[static_cast<std::size_t>(node)];
    range.begin = static_cast<int>(out_.all.size());
    for (int piece = 0; piece < pieces; ++piece) {
      const int lineage = pieces > 1 ? out_.lineages.with(0, {choice, piece}) : 0;
      out_.all.push_back({node, own(node, lineage), static_cast<std::uint32_t>(out_.inputs.size()), 0, false});
    }
    range.end = static_cast<int>(out_.all.size());
    return {};
  }

  // Adds the node's own alternative to a lineage.
  int own(int node, int lineage) {
    const ExpandedNode& expanded = expanded_.nodes[static_cast<std::size_t>(node)];
    if (expanded.alternative < 0) return lineage;
    return out_.lineages.with(lineage, {out_.lineages.choice({Choice::Kind::kAlternative, {expanded.origin}}), expanded.alternative});
  }

  Arrivals arrivals_of(int node) {
    const InputList& inputs = expanded_.nodes[static_cast<std::size_t>(node)].inputs;
    Arrivals out;
    out.single.resize(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::span<const int> from = inputs[i];
      const Firings::Range range = out_.of_node[static_cast<std::size_t>(from[0])];
      if (from.size() == 1 && range.end - range.begin == 1) {
        out.single[i] = {range.begin, out_.all[static_cast<std::size_t>(range.begin)].lineage};
        continue;
      }
      std::vector<Arrival> list = united(from);
      if (list.size() == 1) {
        out.single[i] = list[0];
      } else {
        out.wide.emplace_back(i, std::move(list));
      }
    }
    return out;
  }

  // All firings of the nodes that feed one input, in order; where several nodes of the graph do, each notes which it came from.
  std::vector<Arrival> united(std::span<const int> from) {
    std::vector<int> origins;
    for (const int node : from) origins.push_back(expanded_.nodes[static_cast<std::size_t>(node)].origin);
    std::sort(origins.begin(), origins.end());
    origins.erase(std::unique(origins.begin(), origins.end()), origins.end());
    const int choice = origins.size() > 1 ? out_.lineages.choice({Choice::Kind::kUnited, origins}) : -1;
    std::vector<Arrival> out;
    for (const int node : from) {
      const auto number =
          std::lower_bound(origins.begin(), origins.end(), expanded_.nodes[static_cast<std::size_t>(node)].origin) - origins.begin();
      const Firings::Range range = out_.of_node[static_cast<std::size_t>(node)];
      for (int firing = range.begin; firing < range.end; ++firing) {
        const int lineage = out_.all[static_cast<std::size_t>(firing)].lineage;
        out.push_back({firing, choice < 0 ? lineage : out_.lineages.with(lineage, {choice, static_cast<int>(number)})});
      }
    }
    return out;
  }

  Result<Tuples> meet(int node, const Node& origin) {
    const Arrivals arrivals = arrivals_of(node);
    const bool combine = origin.annotations.combine == Combine::kProduct;
    std::optional<Tuples> tuples = combine ? product(out_.lineages, arrivals, limit_) : join(out_.lineages, arrivals, limit_);
    if (!tuples) return too_large(origin);
    if (tuples->lineages.empty()) {
      return Error(Code::kMissingInput,
                   cat("the inputs of node ", origin.name, " never meet: no objects on them descend from the same alternatives"),
                   "use 'combine: product' to take every combination", origin.where);
    }
    if (combine && tuples->width > 1 && tuples->lineages.size() > 1) {
      const int choice = out_.lineages.choice({Choice::Kind::kTuple, {expanded_.nodes[static_cast<std::size_t>(node)].origin}});
      for (std::size_t t = 0; t < tuples->lineages.size(); ++t)
        tuples->lineages[t] = out_.lineages.with(tuples->lineages[t], {choice, static_cast<int>(t)});
    }
    return std::move(*tuples);
  }

  // One tuple of everything that arrives. Firings of one input that differ in their pieces only are stacked.
  Result<Tuples> wait_for_all(int node) {
    const InputList& inputs = expanded_.nodes[static_cast<std::size_t>(node)].inputs;
    Tuples out;
    out.lineages = {0};
    Firings::Range& stacks = out_.stacks_of[static_cast<std::size_t>(node)];
    stacks.begin = static_cast<int>(out_.all.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      for (const std::vector<int>& pieces : by_pieces(united(inputs[i]))) {
        if (pieces.size() == 1) {
          out.firings.push_back(pieces[0]);
          continue;
        }
        out.firings.push_back(static_cast<int>(out_.all.size()));
        out_.all.push_back({node, 0, static_cast<std::uint32_t>(out_.inputs.size()), static_cast<std::uint32_t>(pieces.size()), true});
        out_.inputs.insert(out_.inputs.end(), pieces.begin(), pieces.end());
      }
    }
    stacks.end = static_cast<int>(out_.all.size());
    HEADRACE_TRY(check_limit(0));
    out.width = out.firings.size();
    return out;
  }

  // Arrivals grouped by what their lineages say apart from pieces, in order of first appearance.
  std::vector<std::vector<int>> by_pieces(const std::vector<Arrival>& arrivals) {
    std::map<int, std::size_t> index;
    std::vector<std::vector<int>> out;
    for (const Arrival& arrival : arrivals) {
      const auto [place, fresh] = index.try_emplace(out_.lineages.without_pieces(arrival.lineage), out.size());
      if (fresh) out.emplace_back();
      out[place->second].push_back(arrival.firing);
    }
    return out;
  }

  Status fire_tuples(int first, int end, const Tuples& tuples, bool group) {
    HEADRACE_TRY(check_limit(tuples.lineages.size() * static_cast<std::size_t>(end - first)));
    const std::size_t start = out_.inputs.size();
    out_.inputs.insert(out_.inputs.end(), tuples.firings.begin(), tuples.firings.end());
    for (int node = first; node < end; ++node) {
      Firings::Range& range = out_.of_node[static_cast<std::size_t>(node)];
      range.begin = static_cast<int>(out_.all.size());
      std::vector<Arrival> own_firings;
      for (std::size_t t = 0; t < tuples.lineages.size(); ++t) {
        const int lineage = own(node, tuples.lineages[t]);
        if (group) own_firings.push_back({static_cast<int>(out_.all.size()), lineage});
        out_.all.push_back(
            {node, lineage, static_cast<std::uint32_t>(start + t * tuples.width), static_cast<std::uint32_t>(tuples.width), false});
      }
      range.end = static_cast<int>(out_.all.size());
      if (group) out_.groups.emplace(node, by_pieces(own_firings));
    }
    return {};
  }

  Status check_limit(std::size_t more) const {
    if (out_.all.size() + more <= limit_) return {};
    return Error(Code::kTooLarge, cat("the plan would have more than ", limit_, " firings"),
                 "give the grids fewer values, or join where alternatives multiply");
  }

  Error too_large(const Node& node) const {
    return Error(Code::kTooLarge, cat("node ", node.name, " would fire more than ", limit_, " times"),
                 "give the grids before it fewer values", node.where);
  }

  const Expanded& expanded_;
  const std::vector<const OperatorSpec*>& specs_;
  std::size_t limit_;
  Firings out_;
};

}  // namespace

std::span<const int> Firings::inputs_of(int firing) const {
  const Fired& at = all[static_cast<std::size_t>(firing)];
  return std::span<const int>(inputs).subspan(at.first, at.count);
}

State state_of(const Node& node, const OperatorSpec& spec) {
  return node.annotations.state.value_or(spec.fits ? State::kOnce : State::kNone);
}

bool fits_over_pieces(const Node& node, const OperatorSpec& spec) {
  const State state = state_of(node, spec);
  return state == State::kSequential || state == State::kAggregate;
}

Result<Firings> fire(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs, std::size_t limit) {
  return Firer(expanded, specs, limit).run();
}

}  // namespace headrace::graph
