// SPDX-License-Identifier: Apache-2.0
// A term compiled to a graph. A part of a term is given the inputs of its first nodes and returns what it gives, in the form a node
// has its inputs in: a join of unions. Only a join inside an alternative does not fit that form, and becomes a node of its own.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "graph/term_body.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using Kind = Term::Kind;
using Gives = std::vector<Input>;

constexpr std::size_t kNodesMax = 250'000;
constexpr int kDepthMax = 200;
constexpr int kReplicasMax = 100'000;

Error bad(std::string message, std::string advice = {}) { return Error(Code::kBadTerm, std::move(message), std::move(advice)); }

class Compiler {
 public:
  explicit Compiler(Graph& graph) : graph_(graph) {}

  // Names written in the term are taken: copies get others.
  Status reserve(const Term& term, int depth = 0) {
    if (depth > kDepthMax) return bad(cat("a term is nested more than ", kDepthMax, " deep"));
    if (term.body().wrong) return *term.body().wrong;
    if (term.kind() == Kind::kNode) {
      const Node& node = term.body().node;
      if (!is_node_name(node.name))
        return bad(cat("'", node.name, "' is no name for a node"), "use a letter or '_', then letters, digits, '_' and '-'");
      const auto [place, fresh] = ops_.try_emplace(node.name, node.op);
      if (!fresh && place->second != node.op)
        return Error(Code::kNameClash,
                     cat("'", node.name, "' is an operator ", place->second, " in one place and ", node.op, " in another"),
                     "give them two names");
      return {};
    }
    for (const Term* part : operands(term, term.kind())) {
      if (part == &term) {   // a kind with one operand
        for (const Term& inner : term.body().parts) HEADRACE_TRY(reserve(inner, depth + 1));
      } else {
        HEADRACE_TRY(reserve(*part, depth + 1));
      }
    }
    return {};
  }

  Result<Gives> compile(const Term& term, const Gives& in, int times = 1) {
    switch (term.kind()) {
      case Kind::kNode: return node(term.body().node, in, times);
      case Kind::kSequence: return sequence(term, in);
      case Kind::kAlternatives: return alternatives(term, in);
      case Kind::kJoin: return joined(term, in);
      case Kind::kReplicate: return replicas(term, in, times);
      case Kind::kPick: return bad("'pick' must come last, after the whole pipeline", "write (a | b) >> pick(accuracy)");
    }
    return bad("unknown kind of term");
  }

  Result<Gives> close(Gives gives) {
    if (gives.size() <= 1) return gives;
    return node(join_node(), gives, 1);
  }

 private:
  Node join_node() const {
    Node out;
    out.name = out.op = "join";
    out.params = config::Value(config::Map{});
    return out;
  }

  Result<Gives> node(Node node, const Gives& in, int times) {
    if (graph_.nodes.size() >= kNodesMax)
      return Error(Code::kTooLarge, cat("a term makes more than ", kNodesMax, " nodes"), "replicate less");
    const std::int64_t copies = std::int64_t{node.annotations.replicas} * times;
    if (copies > kReplicasMax) return bad(cat("node ", node.name, " would be replicated more than ", kReplicasMax, " times"));
    node.annotations.replicas = static_cast<int>(copies);
    node.name = unique(node.name, node.annotations.replicas);
    node.inputs = in;
    graph_.nodes.push_back(std::move(node));
    return Gives{Input{{graph_.nodes.back().name}}};
  }

  // The first use of a name keeps it; the next is name#2, or further when replicas have that number.
  std::string unique(const std::string& name, int replicas) {
    int& next = next_[name];
    if (next == 0 && !taken_.contains(name)) {
      taken_.insert(name);
      next = replicas + 1;
      return name;
    }
    next = std::max(next, 2);
    std::string copy;
    do copy = cat(name, "#", next++);
    while (taken_.contains(copy) || ops_.contains(copy));
    taken_.insert(copy);
    return copy;
  }

  Result<Gives> sequence(const Term& term, const Gives& in) {
    Gives gives = in;
    for (const Term* part : operands(term, Kind::kSequence)) {
      HEADRACE_ASSIGN(gives, compile(*part, gives));
    }
    return gives;
  }

  Result<Gives> alternatives(const Term& term, const Gives& in) {
    Input united;
    for (const Term* part : operands(term, Kind::kAlternatives)) {
      HEADRACE_ASSIGN(Gives gives, compile(*part, in));
      HEADRACE_ASSIGN(gives, close(std::move(gives)));
      for (std::string& name : gives[0].from) united.from.push_back(std::move(name));
    }
    return Gives{std::move(united)};
  }

  Result<Gives> joined(const Term& term, const Gives& in) {
    Gives out;
    for (const Term* part : operands(term, Kind::kJoin)) {
      HEADRACE_ASSIGN(Gives gives, compile(*part, in));
      for (Input& input : gives) out.push_back(std::move(input));
    }
    return out;
  }

  // One node is replicated by its annotation; a larger term is repeated, as alternatives.
  Result<Gives> replicas(const Term& term, const Gives& in, int outer) {
    const std::int64_t times = std::int64_t{term.body().times} * outer;
    if (term.body().times < 1 || times > kReplicasMax)
      return bad(cat("a term cannot be replicated ", times, " times"), cat("use 1 to ", kReplicasMax));
    const Term& part = term.body().parts[0];
    if (part.kind() == Kind::kNode || part.kind() == Kind::kReplicate) return compile(part, in, static_cast<int>(times));
    Input united;
    for (std::int64_t copy = 0; copy < times; ++copy) {
      HEADRACE_ASSIGN(Gives gives, compile(part, in));
      HEADRACE_ASSIGN(gives, close(std::move(gives)));
      for (std::string& name : gives[0].from) united.from.push_back(std::move(name));
    }
    return Gives{std::move(united)};
  }

  Graph& graph_;
  std::unordered_map<std::string, std::string> ops_;     // names written in the term
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_;
};

}  // namespace

Result<Graph> build(const Term& term, std::string name, std::uint64_t seed) {
  Graph graph;
  graph.name = std::move(name);
  graph.seed = seed;
  Compiler compiler(graph);
  HEADRACE_TRY(compiler.reserve(term));
  std::vector<const Term*> parts = operands(term, Kind::kSequence);
  if (parts.back()->kind() == Kind::kPick) {
    graph.evaluate.emplace();
    graph.evaluate->metrics = {parts.back()->body().metric};
    parts.pop_back();
    if (parts.empty()) return bad("there is nothing to pick from", "write (a | b) >> pick(accuracy)");
  }
  Gives gives;
  for (const Term* part : parts) {
    HEADRACE_ASSIGN(gives, compiler.compile(*part, gives));
  }
  HEADRACE_TRY(compiler.close(std::move(gives)));
  return graph;
}

}  // namespace headrace::graph
