// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lineage: which alternative a firing descends from, at each choice that lies behind it. A partial assignment {choice -> number}.
// Equal lineages are stored once and named by a small number, so that comparing and merging them is cheap.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace headrace::graph {

/// A place where the ways part.
///   alternative  a node with several grid points or replicas; which of them
///   united       an input that several nodes feed; which of them, counted in the sorted set of those nodes
///   piece        a source of several objects; which object
///   tuple        a node that fires for every combination; which combination
struct Choice {
  enum class Kind : std::uint8_t { kAlternative, kUnited, kPiece, kTuple };
  Kind kind = Kind::kAlternative;
  std::vector<int> nodes;   ///< indexes in Graph::nodes, sorted
  bool operator==(const Choice&) const = default;
};

struct LineageEntry {
  int choice = 0;
  int number = 0;
  bool operator==(const LineageEntry&) const = default;
};

/// All lineages of one plan. Number 0 is the empty lineage. Not thread safe while it grows.
class Lineages {
 public:
  Lineages();
  Lineages(Lineages&&) = default;
  Lineages& operator=(Lineages&&) = default;
  int choice(Choice choice);
  const Choice& choice_at(int choice) const { return choices_[static_cast<std::size_t>(choice)]; }

  /// Entries in ascending order of their choice.
  std::span<const LineageEntry> entries(int lineage) const { return *lineages_[static_cast<std::size_t>(lineage)]; }
  /// Names the set of choices of a lineage: equal sets, equal numbers.
  int signature(int lineage) const { return signatures_[static_cast<std::size_t>(lineage)]; }
  std::size_t size() const { return lineages_.size(); }

  int with(int lineage, LineageEntry entry);
  /// The union of two lineages, or -1 when they disagree anywhere.
  int merge(int left, int right);
  /// The entries on which all lineages that have them agree.
  int agreed(std::span<const int> lineages);
  int without_pieces(int lineage);

 private:
  using Entries = std::vector<LineageEntry>;
  struct Hash {
    std::size_t operator()(const Entries& entries) const;
    std::size_t operator()(const std::vector<int>& numbers) const;
  };
  int intern(Entries entries);

  std::vector<Choice> choices_;
  std::unordered_map<std::vector<int>, int, Hash> choice_index_;
  std::unordered_map<Entries, int, Hash> index_;
  std::unordered_map<std::vector<int>, int, Hash> signature_index_;
  std::vector<const Entries*> lineages_;   // keys of index_, which do not move
  std::vector<int> signatures_;
  std::unordered_map<std::uint64_t, int> merged_;
};

}  // namespace headrace::graph
