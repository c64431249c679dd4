// SPDX-License-Identifier: Apache-2.0
#include "headrace/graph/graph.h"

#include <algorithm>

namespace headrace::graph {
namespace {

bool is_letter(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') || character == '_';
}
bool is_digit(char character) { return character >= '0' && character <= '9'; }

// A null and an empty map both mean that nothing was given.
bool same_map(const config::Value& left, const config::Value& right) {
  const auto blank = [](const config::Value& value) { return value.is_null() || (value.is_map() && value.map().empty()); };
  return left == right || (blank(left) && blank(right));
}

}  // namespace

bool is_node_name(std::string_view name) {
  constexpr std::size_t kNameMax = 200;
  if (name.empty() || name.size() > kNameMax || !is_letter(name[0])) return false;
  std::size_t end = name.find('#');
  if (end != std::string_view::npos) {
    const std::string_view copy = name.substr(end + 1);
    if (copy.empty() || !std::all_of(copy.begin(), copy.end(), is_digit)) return false;
  }
  const std::string_view stem = name.substr(0, end);
  return std::all_of(stem.begin(), stem.end(),
                     [](char character) { return is_letter(character) || is_digit(character) || character == '-'; });
}

const Node* Graph::find(std::string_view name) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

bool operator==(const Node& left, const Node& right) {
  return left.name == right.name && left.op == right.op && same_map(left.params, right.params) && left.inputs == right.inputs &&
         left.annotations == right.annotations && left.seed_name == right.seed_name;
}

bool operator==(const Evaluate& left, const Evaluate& right) {
  return left.splitter == right.splitter && same_map(left.splitter_params, right.splitter_params) && left.metrics == right.metrics &&
         left.pick_best == right.pick_best && left.at == right.at && left.confidence == right.confidence;
}

bool operator==(const Graph& left, const Graph& right) {
  return left.name == right.name && left.seed == right.seed && left.version == right.version && left.nodes == right.nodes &&
         left.evaluate == right.evaluate;
}

}  // namespace headrace::graph
