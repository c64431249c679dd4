// SPDX-License-Identifier: Apache-2.0
#pragma once
// Term: the pipeline algebra. `a >> b` sequence, `a | b` alternatives (both run, results united), `a & b` (both run, results
// joined), `n * a` replicas, grid (one alternative per value), pick (keep the best). A term compiles to a Graph.
//
//   Term t = node("digits", "csv", {{"path", "digits.csv.gz"}}) >> node("pca", "pca").grid("components", {5, 15}) >>
//            (node("forest", "random_forest") | node("logistic", "logistic_regression"));
//
// Written form (graphs print it, `term:` in a file reads it): names joined by >> | & with parentheses, `3 * name`,
// `name{param: [v, ...]}`, `pick(metric)`. Binding, tightest first: * and {..}, &, |, >>.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {

class Term {
 public:
  enum class Kind { kNode, kSequence, kAlternatives, kJoin, kReplicate, kPick };

  /// One alternative per value of `param`; on a term of several nodes it applies to the one named "node.param".
  Term grid(std::string param, std::vector<config::Value> values) const;
  Term annotate(Annotations annotations) const;

  friend Term operator>>(const Term& first, const Term& then);
  friend Term operator|(const Term& left, const Term& right);
  friend Term operator&(const Term& left, const Term& right);
  friend Term operator*(int times, const Term& term);

  Kind kind() const;
  std::string text() const;

  struct Body;
  explicit Term(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
  const Body& body() const { return *body_; }

 private:
  std::shared_ptr<const Body> body_;
};

/// A leaf. The same node value used twice in one term is two nodes ("name", "name#2"), as the laws ask.
Term node(std::string name, std::string op, config::Value params = {});
Term pick(std::string metric);

/// Compiles a term: sequences become edges, alternatives become united inputs, joins become several inputs; a join inside an
/// alternative or at the end becomes a `join` node. Errors: kBadTerm, kNameClash.
Result<Graph> build(const Term& term, std::string name = "pipeline", std::uint64_t seed = 0);

/// Reads the written form; names must be among `nodes` (their op, params and annotations are taken from there) or be operators.
Result<Term> parse_term(std::string_view text, const std::vector<Node>& nodes, const Position& where = {});
/// The term of a graph, as `headrace graph` prints it. Series-parallel graphs read back equal; others print with shared names.
std::string term_of(const Graph& graph);

}  // namespace headrace::graph
