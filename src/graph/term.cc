// SPDX-License-Identifier: Apache-2.0
// Terms as values: combinators and printing.
#include "headrace/graph/term.h"

#include <utility>

#include "graph/grid.h"
#include "graph/keys.h"
#include "graph/term_body.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using Kind = Term::Kind;

// Made as a plain object, so that its last owner may take it apart.
Term make(Term::Body body) { return Term(std::make_shared<Term::Body>(std::move(body))); }

Term binary(Kind kind, const Term& left, const Term& right) {
  Term::Body body;
  body.kind = kind;
  body.parts = {left, right};
  return make(std::move(body));
}

// Copies a term with `change` applied to every leaf; `changed` tells whether it did anything. Chains are walked without recursion.
template <class Change>
Term with_leaves(const Term& term, const Change& change, bool& changed) {
  if (term.body().parts.size() == 2) {
    std::vector<Term> parts;
    for (const Term* part : operands(term, term.kind())) parts.push_back(with_leaves(*part, change, changed));
    Term out = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) out = binary(term.kind(), out, parts[i]);
    if (!term.body().wrong) return out;
    Term::Body body = out.body();
    body.wrong = term.body().wrong;
    return make(std::move(body));
  }
  Term::Body body = term.body();
  if (body.kind == Kind::kNode) changed = change(body.node) || changed;
  for (Term& part : body.parts) part = with_leaves(part, change, changed);
  return make(std::move(body));
}

std::string in_brackets(const Term& term, bool brackets) { return brackets ? cat("(", term.text(), ")") : term.text(); }

std::string chain_text(const Term& term, std::string_view sign, int strength) {
  // Brackets around | and & inside >> are for the reader; a chain of the same operator needs none.
  const auto level = [](Kind kind) { return kind == Kind::kJoin ? 1 : kind == Kind::kAlternatives ? 2 : kind == Kind::kSequence ? 3 : 0; };
  std::string out;
  for (const Term* part : operands(term, term.kind())) {
    if (!out.empty()) out += sign;
    out += in_brackets(*part, level(part->kind()) > strength || (strength == 3 && level(part->kind()) > 0));
  }
  return out;
}

}  // namespace

Term::Body::~Body() {
  std::vector<Term> open = std::move(parts);
  while (!open.empty()) {
    Term term = std::move(open.back());
    open.pop_back();
    if (term.body_.use_count() != 1) continue;
    // The last owner may take it apart: nobody else can see it any more.
    std::vector<Term>& inner = const_cast<Body&>(*term.body_).parts;
    for (Term& part : inner) open.push_back(std::move(part));
    inner.clear();
  }
}

Term Term::grid(std::string param, std::vector<config::Value> values) const {
  const std::size_t dot = param.find('.');
  const std::string only = dot == std::string::npos ? std::string() : param.substr(0, dot);
  const std::string name = dot == std::string::npos ? param : param.substr(dot + 1);
  config::Value grid;
  grid.set(kGridKey, config::Value(config::List(std::move(values))));
  bool changed = false;
  Term out = with_leaves(*this, [&](Node& node) {
    // Without a node's name the term must be that node.
    if (only.empty() ? kind() != Kind::kNode : node.name != only) return false;
    node.params.set(name, grid);
    return true;
  }, changed);
  if (changed) return out;
  Body body = out.body();
  body.wrong = Error(Code::kBadTerm,
                     only.empty() ? cat("the grid of '", name, "' must say of which node")
                                  : cat("the grid names node '", only, "', which is not in the term"),
                     "write it as node.param");
  return make(std::move(body));
}

Term Term::annotate(Annotations annotations) const {
  bool changed = false;
  return with_leaves(*this, [&](Node& node) {
    node.annotations = annotations;
    return true;
  }, changed);
}

Term operator>>(const Term& first, const Term& then) { return binary(Kind::kSequence, first, then); }
Term operator|(const Term& left, const Term& right) { return binary(Kind::kAlternatives, left, right); }
Term operator&(const Term& left, const Term& right) { return binary(Kind::kJoin, left, right); }

Term operator*(int times, const Term& term) {
  Term::Body body;
  body.kind = Kind::kReplicate;
  body.parts = {term};
  body.times = times;
  return make(std::move(body));
}

Term::Kind Term::kind() const { return body().kind; }

std::string Term::text() const {
  switch (kind()) {
    case Kind::kNode: {
      const int copies = body().node.annotations.replicas;
      return cat(copies > 1 ? cat(copies, " * ") : std::string(), body().node.name, grids_text(body().node));
    }
    case Kind::kSequence: return chain_text(*this, " >> ", 3);
    case Kind::kAlternatives: return chain_text(*this, " | ", 2);
    case Kind::kJoin: return chain_text(*this, " & ", 1);
    case Kind::kReplicate:
      return cat(body().times, " * ",
                 in_brackets(body().parts[0], body().parts[0].kind() != Kind::kNode && body().parts[0].kind() != Kind::kReplicate));
    case Kind::kPick: return cat("pick(", body().metric, ")");
  }
  return {};
}

Term leaf(Node node) {
  Term::Body body;
  body.node = std::move(node);
  return make(std::move(body));
}

Term node(std::string name, std::string op, config::Value params) {
  Node out;
  out.name = std::move(name);
  out.op = std::move(op);
  out.params = params.is_null() ? config::Value(config::Map{}) : std::move(params);
  return leaf(std::move(out));
}

Term pick(std::string metric) {
  Term::Body body;
  body.kind = Kind::kPick;
  body.metric = std::move(metric);
  return make(std::move(body));
}

std::vector<const Term*> operands(const Term& term, Kind kind) {
  std::vector<const Term*> open = {&term}, out;
  while (!open.empty()) {
    const Term* next = open.back();
    open.pop_back();
    const bool wrong = next != &term && next->body().wrong;   // kept apart, so that its error is found
    if (wrong || next->kind() != kind || next->body().parts.size() != 2) {
      out.push_back(next);
    } else {
      open.push_back(&next->body().parts[1]);
      open.push_back(&next->body().parts[0]);
    }
  }
  return out;
}

std::string grids_text(const Node& node) {
  std::string out;
  if (!node.params.is_map()) return out;
  for (const config::Entry& entry : node.params.map()) {
    if (!is_grid(entry.value)) continue;
    const config::Value& values = entry.value.map()[0].value;
    out += cat(out.empty() ? "{" : ", ", entry.key, ": ", config::to_json(values.is_list() ? values : entry.value));
  }
  return out.empty() ? out : out + "}";
}

}  // namespace headrace::graph
