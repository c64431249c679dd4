// SPDX-License-Identifier: Apache-2.0
#pragma once
// How objects on several inputs meet: `join` by lineage (a natural join), `product` in every combination.
//
// A join of many inputs is done input by input. The firings of an input are sorted into a hash table by the numbers they have at
// the choices that both sides know; choices that only some firings have (one alternative has a grid, another has none) are why
// the table is kept per *signature*, the set of choices of a firing. Each tuple then costs a look-up, however many firings there
// are, and inputs that nothing parts cost nothing. Inputs that share a choice with what is joined so far go first, so that
// unrelated inputs do not multiply before a third one could have told them apart; the tuples are sorted afterwards.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "graph/lineage.h"

namespace headrace::graph {

/// A firing that arrives at an input, with its lineage there.
struct Arrival {
  int firing = -1;
  int lineage = 0;
};

/// All inputs of a node: those with one arrival in `single`, the others (by position) in `wide`, ascending.
struct Arrivals {
  std::vector<Arrival> single;                                  ///< by position; firing -1 where the input is wide
  std::vector<std::pair<std::size_t, std::vector<Arrival>>> wide;
};

/// Tuples in lexicographic order of the arrivals, last input fastest. `firings` is flat, `width` a tuple.
struct Tuples {
  std::size_t width = 0;
  std::vector<int> firings;
  std::vector<int> lineages;
};

/// Nothing when there would be more than `limit` tuples.
std::optional<Tuples> join(Lineages& lineages, const Arrivals& arrivals, std::size_t limit);
std::optional<Tuples> product(Lineages& lineages, const Arrivals& arrivals, std::size_t limit);

}  // namespace headrace::graph
