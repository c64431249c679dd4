// SPDX-License-Identifier: Apache-2.0
#include "graph/lineage.h"

#include <algorithm>

namespace headrace::graph {
namespace {

std::size_t mix(std::size_t hash, std::uint64_t value) {
  hash ^= value + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  return hash * 0xFF51AFD7ED558CCDu;
}

}  // namespace

std::size_t Lineages::Hash::operator()(const Entries& entries) const {
  std::size_t hash = entries.size();
  for (const LineageEntry& entry : entries)
    hash = mix(hash, (std::uint64_t{static_cast<std::uint32_t>(entry.choice)} << 32) | static_cast<std::uint32_t>(entry.number));
  return hash;
}

std::size_t Lineages::Hash::operator()(const std::vector<int>& numbers) const {
  std::size_t hash = numbers.size();
  for (const int number : numbers) hash = mix(hash, static_cast<std::uint32_t>(number));
  return hash;
}

Lineages::Lineages() { intern({}); }

int Lineages::choice(Choice choice) {
  std::vector<int> key = choice.nodes;
  key.push_back(static_cast<int>(choice.kind));
  const auto [place, fresh] = choice_index_.try_emplace(std::move(key), static_cast<int>(choices_.size()));
  if (fresh) choices_.push_back(std::move(choice));
  return place->second;
}

int Lineages::intern(Entries entries) {
  const auto [place, fresh] = index_.try_emplace(std::move(entries), static_cast<int>(lineages_.size()));
  if (!fresh) return place->second;
  lineages_.push_back(&place->first);
  std::vector<int> choices;
  for (const LineageEntry& entry : place->first) choices.push_back(entry.choice);
  signatures_.push_back(signature_index_.try_emplace(std::move(choices), static_cast<int>(signature_index_.size())).first->second);
  return place->second;
}

int Lineages::with(int lineage, LineageEntry entry) {
  Entries entries(this->entries(lineage).begin(), this->entries(lineage).end());
  const auto at = std::lower_bound(entries.begin(), entries.end(), entry,
                                   [](const LineageEntry& a, const LineageEntry& b) { return a.choice < b.choice; });
  if (at != entries.end() && at->choice == entry.choice) {
    at->number = entry.number;
  } else {
    entries.insert(at, entry);
  }
  return intern(std::move(entries));
}

int Lineages::merge(int left, int right) {
  if (left == right || right == 0) return left;
  if (left == 0) return right;
  const std::uint64_t key = (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) | static_cast<std::uint32_t>(right);
  if (const auto known = merged_.find(key); known != merged_.end()) return known->second;
  const std::span<const LineageEntry> a = entries(left), b = entries(right);
  Entries out;
  out.reserve(a.size() + b.size());
  std::size_t i = 0, j = 0;
  bool agree = true;
  while (agree && (i < a.size() || j < b.size())) {
    if (j == b.size() || (i < a.size() && a[i].choice < b[j].choice)) {
      out.push_back(a[i++]);
    } else if (i == a.size() || b[j].choice < a[i].choice) {
      out.push_back(b[j++]);
    } else {
      agree = a[i].number == b[j].number;
      out.push_back(a[i++]);
      ++j;
    }
  }
  const int merged = agree ? intern(std::move(out)) : -1;
  merged_.emplace(key, merged);
  return merged;
}

int Lineages::agreed(std::span<const int> lineages) {
  Entries all;
  for (const int lineage : lineages) all.insert(all.end(), entries(lineage).begin(), entries(lineage).end());
  std::sort(all.begin(), all.end(), [](const LineageEntry& a, const LineageEntry& b) { return a.choice < b.choice; });
  Entries out;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t end = i;
    bool same = true;
    for (; end < all.size() && all[end].choice == all[i].choice; ++end) same = same && all[end].number == all[i].number;
    if (same) out.push_back(all[i]);
    i = end;
  }
  return intern(std::move(out));
}

int Lineages::without_pieces(int lineage) {
  Entries out;
  for (const LineageEntry& entry : entries(lineage)) {
    if (choice_at(entry.choice).kind != Choice::Kind::kPiece) out.push_back(entry);
  }
  return out.size() == entries(lineage).size() ? lineage : intern(std::move(out));
}

}  // namespace headrace::graph
