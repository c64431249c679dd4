// SPDX-License-Identifier: Apache-2.0
#include "graph/meet.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>

namespace headrace::graph {
namespace {

struct NumbersHash {
  std::size_t operator()(const std::vector<int>& numbers) const {
    std::size_t hash = numbers.size();
    for (const int number : numbers) hash = (hash ^ static_cast<std::uint32_t>(number)) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
  }
};

// The numbers of a lineage at some of its choices, both ascending.
void numbers_at(std::span<const LineageEntry> entries, const std::vector<int>& choices, std::vector<int>& out) {
  out.clear();
  std::size_t i = 0;
  for (const int choice : choices) {
    while (entries[i].choice != choice) ++i;
    out.push_back(entries[i].number);
  }
}

std::vector<int> choices_of(std::span<const LineageEntry> entries) {
  std::vector<int> out;
  for (const LineageEntry& entry : entries) out.push_back(entry.choice);
  return out;
}

// The arrivals of one input that have the same choices.
struct Group {
  std::vector<int> choices;
  std::vector<int> members;   // positions in the input, ascending
};

std::vector<Group> group(const Lineages& lineages, const std::vector<Arrival>& arrivals) {
  std::unordered_map<int, std::size_t> by_signature;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto [place, fresh] = by_signature.try_emplace(lineages.signature(arrivals[i].lineage), groups.size());
    if (fresh) groups.push_back({choices_of(lineages.entries(arrivals[i].lineage)), {}});
    groups[place->second].members.push_back(static_cast<int>(i));
  }
  return groups;
}

// One group as seen by tuples of one signature: members by their numbers at the choices that both have.
struct Table {
  std::vector<int> common;
  std::unordered_map<std::vector<int>, std::vector<int>, NumbersHash> members;
};

struct Partial {
  std::vector<int> picks;      // flat: position in each wide input joined so far
  std::vector<int> lineages;
};

class Joiner {
 public:
  Joiner(Lineages& lineages, const std::vector<Arrival>& right) : lineages_(lineages), right_(right), groups_(group(lineages, right)) {}

  // Extends each tuple by every arrival that agrees with it. False when the limit is passed.
  bool extend(const Partial& left, std::size_t depth, std::size_t limit, Partial& out) {
    std::vector<int> found;
    for (std::size_t t = 0; t < left.lineages.size(); ++t) {
      const int lineage = left.lineages[t];
      matches(lineage, found);
      if (out.lineages.size() + found.size() > limit) return false;
      for (const int member : found) {
        out.picks.insert(out.picks.end(), left.picks.begin() + static_cast<std::ptrdiff_t>(t * depth),
                         left.picks.begin() + static_cast<std::ptrdiff_t>((t + 1) * depth));
        out.picks.push_back(member);
        out.lineages.push_back(lineages_.merge(lineage, right_[static_cast<std::size_t>(member)].lineage));
      }
    }
    return true;
  }

 private:
  void matches(int lineage, std::vector<int>& found) {
    found.clear();
    std::vector<Table>& tables = tables_for(lineage);
    std::size_t hits = 0;
    for (const Table& table : tables) {
      numbers_at(lineages_.entries(lineage), table.common, key_);
      const auto at = table.members.find(key_);
      if (at == table.members.end()) continue;
      found.insert(found.end(), at->second.begin(), at->second.end());
      ++hits;
    }
    if (hits > 1) std::sort(found.begin(), found.end());
  }

  std::vector<Table>& tables_for(int lineage) {
    const auto [place, fresh] = tables_.try_emplace(lineages_.signature(lineage));
    if (!fresh) return place->second;
    const std::vector<int> left = choices_of(lineages_.entries(lineage));
    for (const Group& group : groups_) {
      Table table;
      std::set_intersection(left.begin(), left.end(), group.choices.begin(), group.choices.end(), std::back_inserter(table.common));
      for (const int member : group.members) {
        numbers_at(lineages_.entries(right_[static_cast<std::size_t>(member)].lineage), table.common, key_);
        table.members[key_].push_back(member);
      }
      place->second.push_back(std::move(table));
    }
    return place->second;
  }

  Lineages& lineages_;
  const std::vector<Arrival>& right_;
  std::vector<Group> groups_;
  std::unordered_map<int, std::vector<Table>> tables_;   // by the signature of the left side
  std::vector<int> key_;
};

// Wide inputs, those that share a choice with what came before first.
std::vector<std::size_t> join_order(const Lineages& lineages, const Arrivals& arrivals, int base) {
  std::vector<std::set<int>> choices;
  for (const auto& [position, list] : arrivals.wide) {
    std::set<int>& own = choices.emplace_back();
    std::set<int> seen;
    for (const Arrival& arrival : list) {
      if (!seen.insert(lineages.signature(arrival.lineage)).second) continue;
      for (const LineageEntry& entry : lineages.entries(arrival.lineage)) own.insert(entry.choice);
    }
  }
  std::set<int> known;
  for (const LineageEntry& entry : lineages.entries(base)) known.insert(entry.choice);
  std::vector<std::size_t> rest(arrivals.wide.size()), order;
  std::iota(rest.begin(), rest.end(), std::size_t{0});
  while (!rest.empty()) {
    auto next = std::find_if(rest.begin(), rest.end(), [&](std::size_t input) {
      return std::any_of(choices[input].begin(), choices[input].end(), [&](int choice) { return known.contains(choice); });
    });
    if (next == rest.end()) next = rest.begin();
    known.insert(choices[*next].begin(), choices[*next].end());
    order.push_back(*next);
    rest.erase(next);
  }
  return order;
}

// Puts the picks of each tuple into input order, and the tuples into lexicographic order.
void sort_tuples(Partial& partial, const std::vector<std::size_t>& order) {
  if (std::is_sorted(order.begin(), order.end())) return;
  const std::size_t depth = order.size(), count = partial.lineages.size();
  std::vector<int> picks(partial.picks.size());
  for (std::size_t t = 0; t < count; ++t) {
    for (std::size_t d = 0; d < depth; ++d) picks[t * depth + order[d]] = partial.picks[t * depth + d];
  }
  std::vector<std::size_t> by(count);
  std::iota(by.begin(), by.end(), std::size_t{0});
  const auto row = [&](std::size_t t) { return std::span<const int>(picks).subspan(t * depth, depth); };
  std::sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) {
    return std::lexicographical_compare(row(a).begin(), row(a).end(), row(b).begin(), row(b).end());
  });
  std::vector<int> lineages(count);
  for (std::size_t t = 0; t < count; ++t) {
    std::copy(row(by[t]).begin(), row(by[t]).end(), partial.picks.begin() + static_cast<std::ptrdiff_t>(t * depth));
    lineages[t] = partial.lineages[by[t]];
  }
  partial.lineages = std::move(lineages);
}

// Writes out tuples from picks of the wide inputs.
Tuples assemble(const Arrivals& arrivals, const std::vector<int>& picks, std::vector<int> tuple_lineages) {
  Tuples out;
  out.width = arrivals.single.size();
  const std::size_t depth = arrivals.wide.size();
  out.firings.reserve(out.width * tuple_lineages.size());
  for (std::size_t t = 0; t < tuple_lineages.size(); ++t) {
    const std::size_t start = out.firings.size();
    for (const Arrival& arrival : arrivals.single) out.firings.push_back(arrival.firing);
    for (std::size_t d = 0; d < depth; ++d) {
      const auto& [position, list] = arrivals.wide[d];
      out.firings[start + position] = list[static_cast<std::size_t>(picks[t * depth + d])].firing;
    }
  }
  out.lineages = std::move(tuple_lineages);
  return out;
}

bool any_empty(const Arrivals& arrivals) {
  return std::any_of(arrivals.wide.begin(), arrivals.wide.end(), [](const auto& input) { return input.second.empty(); });
}

}  // namespace

std::optional<Tuples> join(Lineages& lineages, const Arrivals& arrivals, std::size_t limit) {
  int base = 0;
  for (const Arrival& arrival : arrivals.single) {
    if (arrival.firing >= 0 && base >= 0) base = lineages.merge(base, arrival.lineage);
  }
  if (base < 0 || any_empty(arrivals)) return Tuples{arrivals.single.size(), {}, {}};
  Partial partial{{}, {base}};
  const std::vector<std::size_t> order = join_order(lineages, arrivals, base);
  for (std::size_t depth = 0; depth < order.size(); ++depth) {
    Partial next;
    if (!Joiner(lineages, arrivals.wide[order[depth]].second).extend(partial, depth, limit, next)) return std::nullopt;
    partial = std::move(next);
  }
  sort_tuples(partial, order);
  return assemble(arrivals, partial.picks, std::move(partial.lineages));
}

std::optional<Tuples> product(Lineages& lineages, const Arrivals& arrivals, std::size_t limit) {
  if (any_empty(arrivals)) return Tuples{arrivals.single.size(), {}, {}};
  std::size_t count = 1;
  for (const auto& [position, list] : arrivals.wide) {
    if (list.size() > limit / count) return std::nullopt;
    count *= list.size();
  }
  const std::size_t depth = arrivals.wide.size();
  std::vector<int> picks, tuple_lineages, parts;
  picks.reserve(count * depth);
  for (std::size_t t = 0; t < count; ++t) {
    picks.resize((t + 1) * depth);
    std::size_t rest = t;
    for (std::size_t d = depth; d-- > 0;) {
      const std::size_t size = arrivals.wide[d].second.size();
      picks[t * depth + d] = static_cast<int>(rest % size);
      rest /= size;
    }
    parts.clear();
    for (const Arrival& arrival : arrivals.single) {
      if (arrival.firing >= 0) parts.push_back(arrival.lineage);
    }
    for (std::size_t d = 0; d < depth; ++d)
      parts.push_back(arrivals.wide[d].second[static_cast<std::size_t>(picks[t * depth + d])].lineage);
    tuple_lineages.push_back(lineages.agreed(parts));
  }
  return assemble(arrivals, picks, std::move(tuple_lineages));
}

}  // namespace headrace::graph
