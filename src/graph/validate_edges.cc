// SPDX-License-Identifier: Apache-2.0
// Checks of the wiring: every input names a node, there is no way back, counts and kinds fit the reader.
#include <algorithm>
#include <set>

#include "graph/validate.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

// data::Kind as bits, and the number of objects an input brings: a tuple counts as its parts.
struct Carried {
  unsigned kinds = 0;
  int parts = 1;
  bool known = true;
};

constexpr unsigned bit(data::Kind kind) { return 1u << static_cast<unsigned>(kind); }

std::string kind_words(unsigned kinds) {
  constexpr const char* kNames[] = {"nothing", "table", "tensors", "model", "metrics", "bytes", "tuple"};
  std::string out;
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if (kinds & (1u << i)) out += cat(out.empty() ? "" : " or ", kNames[i]);
  }
  return out;
}

void check_names(Checking& checking, const Node& node, std::span<const int> from) {
  std::size_t at = 0;
  std::vector<std::string> names;
  for (const Input& input : node.inputs) {
    std::set<std::string_view> united;
    if (input.from.empty()) checking.add(Code::kMissingInput, cat("node ", node.name, " has an input that names no node"), {}, node.where);
    for (const std::string& name : input.from) {
      if (from[at] < 0) {
        if (names.empty()) {
          for (const Node& other : checking.graph.nodes) names.push_back(other.name);
        }
        checking.add(Code::kMissingInput, cat("node ", node.name, " reads '", name, "', but no node is called so"),
                     nearest_advice(name, names), place_from(node, at));
      }
      if (input.from.size() > 1 && !united.insert(name).second) {
        checking.add(Code::kNameClash, cat("node ", node.name, " unites '", name, "' with itself"),
                     "use 'replicas' on that node to run it several times", place_from(node, at));
      }
      ++at;
    }
  }
}

// `combine: union` over several inputs makes them one; the same name twice would then be united with itself.
void check_union(Checking& checking, const Node& node) {
  if (node.annotations.combine != Combine::kUnion || node.inputs.size() < 2) return;
  std::set<std::string_view> united;
  std::size_t at = 0;
  for (const Input& input : node.inputs) {
    std::set<std::string_view> own;
    for (const std::string& name : input.from) {
      if (united.contains(name))
        checking.add(Code::kNameClash, cat("node ", node.name, " unites '", name, "' with itself"),
                     "use 'replicas' on that node to run it several times", place_from(node, at));
      own.insert(name);
      ++at;
    }
    united.merge(own);
  }
}

void check_cycle(Checking& checking) {
  const std::vector<int>& cycle = checking.wiring.cycle;
  if (cycle.empty()) return;
  constexpr std::size_t kShown = 12;
  std::string way;
  for (std::size_t i = 0; i < std::min(cycle.size(), kShown); ++i)
    way += checking.graph.nodes[static_cast<std::size_t>(cycle[i])].name + " -> ";
  if (cycle.size() > kShown) way += cat("... (", cycle.size() - kShown, " more) -> ");
  const Node& first = checking.graph.nodes[static_cast<std::size_t>(cycle[0])];
  checking.add(Code::kCycle, cat("the graph has a cycle: ", way, first.name), "take one of these inputs out", place(first, "from"));
}

void check_count(Checking& checking, const Node& node, const OperatorSpec& spec, int parts) {
  const std::string what = cat("node ", node.name, " (", spec.name, ")");
  if (spec.family == Family::kSource) {
    if (!node.inputs.empty())
      checking.add(Code::kEdgeType, cat(what, " is a source and takes no input"), "take its 'from' out, or put another operator here",
                   place(node, "from"));
    return;
  }
  if (node.inputs.empty()) {
    if (spec.inputs_min > 0)
      checking.add(Code::kMissingInput, cat(what, " has no input"), "name the node it reads: from: NAME", node.where);
    return;
  }
  // With `firing: all` the objects of every alternative arrive side by side: only lowering knows how many.
  const bool all = node.annotations.firing == Firing::kAll;
  if (!all && parts < spec.inputs_min) {
    checking.add(Code::kMissingInput, cat(what, " needs at least ", spec.inputs_min, " inputs, but has ", parts),
                 "name more nodes in 'from'", place(node, "from"));
  }
  if (spec.inputs_max >= 0 && parts > spec.inputs_max) {
    checking.add(Code::kEdgeType, cat(what, " takes at most ", spec.inputs_max, " inputs, but has ", parts),
                 "use 'combine: union' if they are alternatives", place(node, "from"));
  }
}

class Edges {
 public:
  explicit Edges(Checking& checking) : checking_(checking), carried_(checking.graph.nodes.size()) {}

  void check(int index) {
    const auto at = static_cast<std::size_t>(index);
    const Node& node = checking_.graph.nodes[at];
    const OperatorSpec* spec = checking_.specs[at];
    const Carried in = arriving(node, spec, checking_.wiring.of(index));
    carried_[at] = given(spec, in);
    if (spec != nullptr && in.known) check_count(checking_, node, *spec, in.parts);
  }

 private:
  // All inputs of a node together, each checked against what the reader takes.
  Carried arriving(const Node& node, const OperatorSpec* spec, std::span<const int> from) {
    unsigned takes = 0;
    if (spec != nullptr) {
      for (const data::Kind kind : spec->takes) takes |= bit(kind);
    }
    const bool united = node.annotations.combine == Combine::kUnion;
    Carried in{0, 0, true};
    std::size_t at = 0;
    for (const Input& input : node.inputs) {
      int most = 0;
      for (std::size_t k = 0; k < input.from.size(); ++k, ++at) {
        if (from[at] < 0) {
          in.known = false;
          continue;
        }
        const Carried& edge = carried_[static_cast<std::size_t>(from[at])];
        in.known = in.known && edge.known;
        in.kinds |= edge.kinds;
        most = std::max(most, edge.parts);
        if (spec != nullptr && edge.known && spec->family != Family::kSource && (edge.kinds & ~takes) != 0)
          complain(node, *spec, at, edge.kinds & ~takes);
      }
      in.parts = united ? std::max(in.parts, most) : in.parts + most;
    }
    return in;
  }

  void complain(const Node& node, const OperatorSpec& spec, std::size_t at, unsigned wrong) {
    unsigned takes = 0;
    for (const data::Kind kind : spec.takes) takes |= bit(kind);
    const int from = checking_.wiring.of(checking_.wiring.index.at(node.name))[at];
    checking_.add(Code::kEdgeType,
                  cat("node ", node.name, " (", spec.name, ") takes ", kind_words(takes), ", but ",
                      checking_.graph.nodes[static_cast<std::size_t>(from)].name, " gives ", kind_words(wrong)),
                  "put a node between them that converts it", place_from(node, at));
  }

  static Carried given(const OperatorSpec* spec, const Carried& in) {
    if (spec == nullptr) return {0, 1, false};
    if (spec->name == "join") return {in.kinds, in.parts, in.known};
    if (spec->name == "identity") return in;
    return {bit(spec->gives), 1, true};
  }

  Checking& checking_;
  std::vector<Carried> carried_;
};

}  // namespace

void check_edges(Checking& checking) {
  for (std::size_t i = 0; i < checking.graph.nodes.size(); ++i) {
    const Node& node = checking.graph.nodes[i];
    check_names(checking, node, checking.wiring.of(static_cast<int>(i)));
    check_union(checking, node);
  }
  check_cycle(checking);
  if (!checking.wiring.cycle.empty()) return;   // kinds are followed along a graph without cycles
  Edges edges(checking);
  for (const int node : checking.wiring.order) edges.check(node);
}

}  // namespace headrace::graph
