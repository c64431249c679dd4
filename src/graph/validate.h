// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the checks of `validate` share. Each check adds what it finds to `errors` and goes on.

#include <string>
#include <string_view>
#include <vector>

#include "graph/wiring.h"
#include "headrace/graph/catalogue.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {

struct Checking {
  Graph& graph;
  const Catalogue& catalogue;
  const Limits& limits;
  Wiring wiring;
  std::vector<const OperatorSpec*> specs;   ///< per node; null when its operator is not known
  std::vector<Error> errors;

  void add(Code code, std::string message, std::string advice, Position where);
};

/// Where `key` of a node was written, else the node: at the value, or at the key itself.
Position place(const Node& node, std::string_view key);
/// Where the `i`-th name (counted over all inputs) of `from` was written.
Position place_from(const Node& node, std::size_t i);

void check_operators(Checking& checking);     ///< operators, parameters, annotations; binds parameters
void check_edges(Checking& checking);         ///< names in `from`, counts, cycle, kinds
void check_evaluate(Checking& checking);      ///< folds, metrics, cuts, pruning; fills in default metrics

/// Operators inside bound parameters (the members of an ensemble): known, of the pack and family of `spec`, with good parameters.
void check_members(Checking& checking, const OperatorSpec& spec, const config::Value& bound, const std::string& what,
                   const Position& where);

/// Checks a map against a table like config::bind, but collects every error and lets `grid` stand for a value when allowed.
config::Value bind_all(std::span<const config::Option> options, const config::Value& given, const std::string& what, bool grids,
                       const Position& where, std::vector<Error>& errors);

}  // namespace headrace::graph
