// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Term points to. Immutable once made.

#include <optional>
#include <string>
#include <vector>

#include "headrace/base/error.h"
#include "headrace/graph/term.h"

namespace headrace::graph {

struct Term::Body {
  Kind kind = Kind::kNode;
  Node node;                          // kNode
  std::vector<Term> parts;            // kSequence, kAlternatives, kJoin: two; kReplicate: one
  int times = 1;                      // kReplicate
  std::string metric;                 // kPick
  std::optional<Error> wrong;         // what a combinator could not do; `build` reports it

  Body() = default;
  Body(const Body&) = default;
  Body& operator=(const Body&) = delete;
  ~Body();                            // frees long chains without recursion
};

/// The operands of a chain of one operator, in order: a >> (b >> c) has three. A term of another kind is its own only operand.
std::vector<const Term*> operands(const Term& term, Term::Kind kind);

/// Parameters with a grid, as written behind a name: "{components: [5,15]}"; "" when there are none.
std::string grids_text(const Node& node);

Term leaf(Node node);

}  // namespace headrace::graph
