// SPDX-License-Identifier: Apache-2.0
#include "graph/series.h"

#include <algorithm>
#include <map>
#include <utility>

namespace headrace::graph {
namespace {

// Binding, tightest first.
enum class Level { kAtom, kJoin, kAlternatives, kSequence };

struct Item {
  std::string text;
  std::string out;                 // what it gives, by name
  Level level = Level::kAtom;
  Level out_level = Level::kAtom;
  std::vector<std::vector<int>> inputs;
  bool alive = true;
};

std::string bracketed(const std::string& text, bool brackets) { return brackets ? "(" + text + ")" : text; }

// Brackets around a | and & within a sequence are not needed; they are written for the reader.
std::string in_sequence(const std::string& text, Level level) {
  return bracketed(text, level == Level::kJoin || level == Level::kAlternatives);
}

class Reducer {
 public:
  explicit Reducer(std::vector<TermNode> nodes) {
    for (TermNode& node : nodes)
      items_.push_back({std::move(node.text), std::move(node.name), Level::kAtom, Level::kAtom, std::move(node.inputs), true});
  }

  std::string run(bool* exact) {
    bool changed = true;
    while (changed) {
      changed = series();
      changed = parallel() || changed;
    }
    std::vector<int> rest;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].alive) rest.push_back(static_cast<int>(i));
    }
    if (exact != nullptr) *exact = rest.size() <= 1;
    return rest.size() == 1 ? items_[static_cast<std::size_t>(rest[0])].text : statements(rest);
  }

 private:
  // Where an item is read: reader and input.
  using Uses = std::vector<std::pair<int, int>>;

  std::vector<Uses> uses() const {
    std::vector<Uses> out(items_.size());
    for (std::size_t reader = 0; reader < items_.size(); ++reader) {
      if (!items_[reader].alive) continue;
      for (std::size_t input = 0; input < items_[reader].inputs.size(); ++input) {
        for (const int from : items_[reader].inputs[input])
          out[static_cast<std::size_t>(from)].emplace_back(static_cast<int>(reader), static_cast<int>(input));
      }
    }
    return out;
  }

  bool series() {
    const std::vector<Uses> used = uses();
    bool changed = false;
    for (Item& item : items_) {
      if (!item.alive || item.inputs.size() != 1 || item.inputs[0].size() != 1) continue;
      Item& before = items_[static_cast<std::size_t>(item.inputs[0][0])];
      if (used[static_cast<std::size_t>(item.inputs[0][0])].size() != 1) continue;
      item.text = in_sequence(before.text, before.level) + " >> " + in_sequence(item.text, item.level);
      item.level = Level::kSequence;
      item.inputs = std::move(before.inputs);
      before.alive = false;
      changed = true;
    }
    return changed;
  }

  bool parallel() {
    bool changed = false;
    for (const Level level : {Level::kAlternatives, Level::kJoin}) {
      const std::vector<Uses> used = uses();
      // Items that could become one: same inputs, read at the same places (joins: by the same readers).
      std::map<std::pair<std::vector<std::vector<int>>, Uses>, std::vector<int>> twins;
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (!items_[i].alive || (level == Level::kJoin && used[i].empty())) continue;
        Uses key = used[i];
        if (level == Level::kJoin) {
          for (auto& [reader, input] : key) input = -1;
        }
        twins[{items_[i].inputs, std::move(key)}].push_back(static_cast<int>(i));
      }
      std::vector<std::vector<int>> groups;
      for (auto& [key, members] : twins) {
        if (members.size() > 1 && (level == Level::kJoin ? side_by_side(members, used) : in_one_run(members, used)))
          groups.push_back(std::move(members));
      }
      for (const std::vector<int>& members : groups) merge(members, level, used);
      changed = changed || !groups.empty();
    }
    return changed;
  }

  // Every input that unites them holds them next to each other. Puts `members` into the order they have there.
  bool in_one_run(std::vector<int>& members, const std::vector<Uses>& used) const {
    bool first = true;
    for (const auto& [reader, input] : used[static_cast<std::size_t>(members[0])]) {
      const std::vector<int>& united = items_[static_cast<std::size_t>(reader)].inputs[static_cast<std::size_t>(input)];
      std::vector<int> run;
      std::size_t start = united.size();
      for (std::size_t i = 0; i < united.size(); ++i) {
        if (std::find(members.begin(), members.end(), united[i]) == members.end()) continue;
        start = std::min(start, i);
        if (i - start != run.size()) return false;
        run.push_back(united[i]);
      }
      if (run.size() != members.size() || (!first && run != members)) return false;
      members = std::move(run);
      first = false;
    }
    return true;
  }

  // Every reader has them as inputs of their own, next to each other and in the same order.
  bool side_by_side(std::vector<int>& members, const std::vector<Uses>& used) const {
    const Uses& readers = used[static_cast<std::size_t>(members[0])];
    std::sort(members.begin(), members.end(),
              [&](int a, int b) { return used[static_cast<std::size_t>(a)][0].second < used[static_cast<std::size_t>(b)][0].second; });
    for (std::size_t r = 0; r < readers.size(); ++r) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        const auto& [reader, input] = used[static_cast<std::size_t>(members[i])][r];
        if (items_[static_cast<std::size_t>(reader)].inputs[static_cast<std::size_t>(input)].size() != 1) return false;
        if (input != used[static_cast<std::size_t>(members[0])][r].second + static_cast<int>(i)) return false;
      }
    }
    return true;
  }

  void merge(const std::vector<int>& members, Level level, const std::vector<Uses>& used) {
    const char* sign = level == Level::kJoin ? " & " : " | ";
    Item& kept = items_[static_cast<std::size_t>(members[0])];
    std::string text, out;
    for (const int member : members) {
      Item& item = items_[static_cast<std::size_t>(member)];
      const char* between = text.empty() ? "" : sign;
      text += between + bracketed(item.text, item.level > level);
      out += between + bracketed(item.out, item.out_level > level);
    }
    const Uses readers = used[static_cast<std::size_t>(members[0])];
    for (std::size_t m = 1; m < members.size(); ++m) items_[static_cast<std::size_t>(members[m])].alive = false;
    kept.text = std::move(text);
    kept.out = std::move(out);
    kept.level = kept.out_level = level;
    for (const auto& [reader, input] : readers) {
      std::vector<std::vector<int>>& inputs = items_[static_cast<std::size_t>(reader)].inputs;
      const auto dead = [&](int from) { return !items_[static_cast<std::size_t>(from)].alive; };
      for (std::vector<int>& united : inputs) std::erase_if(united, dead);
      std::erase_if(inputs, [](const std::vector<int>& united) { return united.empty(); });
    }
  }

  std::string statements(const std::vector<int>& rest) const {
    std::string out;
    for (const int index : rest) {
      const Item& item = items_[static_cast<std::size_t>(index)];
      std::string joined;
      for (const std::vector<int>& input : item.inputs) {
        std::string united;
        bool plain = input.size() == 1;
        for (const int from : input) {
          const Item& source = items_[static_cast<std::size_t>(from)];
          if (input.size() == 1) plain = source.out_level <= Level::kJoin;
          united += (united.empty() ? "" : " | ") + bracketed(source.out, input.size() > 1 && source.out_level > Level::kAlternatives);
        }
        joined += (joined.empty() ? "" : " & ") + bracketed(united, !plain && item.inputs.size() > 1);
        if (item.inputs.size() == 1)
          joined = bracketed(joined, input.size() > 1 || items_[static_cast<std::size_t>(input[0])].out_level != Level::kAtom);
      }
      if (item.inputs.size() > 1) joined = "(" + joined + ")";
      if (!out.empty()) out += "; ";
      out += joined.empty() ? item.text : joined + " >> " + in_sequence(item.text, item.level);
    }
    return out;
  }

  std::vector<Item> items_;
};

}  // namespace

std::string write_term(std::vector<TermNode> nodes, bool* exact) { return Reducer(std::move(nodes)).run(exact); }

}  // namespace headrace::graph
