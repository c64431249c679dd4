// SPDX-License-Identifier: Apache-2.0
// The order of checks, and those of one node by itself: name, operator, parameters, annotations.
#include "graph/validate.h"

#include <algorithm>
#include <cstdlib>

#include "graph/grid.h"
#include "graph/keys.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using config::Entry;
using config::Option;
using config::Value;

void check_names(Checking& checking) {
  const std::vector<Node>& nodes = checking.graph.nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    if (!is_node_name(node.name)) {
      checking.add(Code::kBadValue, cat("'", node.name, "' is no name for a node"),
                   "use a letter or '_', then letters, digits, '_' and '-'", node.where);
    }
    const int first = checking.wiring.index.at(node.name);
    if (first != static_cast<int>(i)) {
      const Position& other = nodes[static_cast<std::size_t>(first)].where;
      checking.add(Code::kNameClash, cat("two nodes are called '", node.name, "'"),
                   other.line > 0 ? cat("the other is on line ", other.line) : "rename one of them", node.where);
    }
    // Replicas are called name#2, name#3, ... and must not meet a node of that name.
    const std::size_t mark = node.name.find('#');
    if (mark == std::string::npos || node.name.size() - mark > 8) continue;
    const auto stem = checking.wiring.index.find(std::string_view(node.name).substr(0, mark));
    const int copy = std::atoi(node.name.c_str() + mark + 1);
    if (stem == checking.wiring.index.end() || copy < 2 || nodes[static_cast<std::size_t>(stem->second)].annotations.replicas < copy)
      continue;
    checking.add(Code::kNameClash, cat("a replica of '", stem->first, "' is called '", node.name, "', as this node is"), "rename this node",
                 node.where);
  }
}

// A value that is meant as a grid but is not one: {grid: .., other: ..} or {gird: ..}.
bool bad_grid_shape(const Option& option, const Value& value, const std::string& what, std::vector<Error>& errors) {
  using enum config::Type;
  constexpr config::Type kMapTakers[] = {kMap, kAny, kOperator, kOperatorList};
  if (!value.is_map() || std::find(std::begin(kMapTakers), std::end(kMapTakers), option.type) != std::end(kMapTakers)) return false;
  for (const Entry& entry : value.map()) {
    const bool alone = value.map().size() == 1;
    if (entry.key == kGridKey || (!alone && value.find(kGridKey) == nullptr)) continue;
    errors.emplace_back(Code::kBadGrid, cat(what, ": a grid has no key '", entry.key, "'"),
                        alone ? "write {grid: [..]}" : "its only key is 'grid'", entry.where);
    return true;
  }
  return false;
}

void check_parameters(Checking& checking, Node& node, const OperatorSpec& spec) {
  const std::string what = cat("node ", node.name, " (", spec.name, ")");
  if (!node.params.is_null() && !node.params.is_map()) {
    checking.add(Code::kBadValue, cat(what, ": parameters must be a map"), {}, node.where);
    return;
  }
  std::vector<Option> options = spec.options;
  if (spec.open_params && node.params.is_map()) {
    for (const Entry& entry : node.params.map()) {
      if (config::find_option(options, entry.key) != nullptr) continue;
      options.push_back({.name = entry.key, .type = config::Type::kAny, .doc = {}, .nullable = true, .unit = {}});
    }
  }
  node.params = bind_all(options, node.params, what, true, node.where, checking.errors);
  check_members(checking, spec, node.params, what, node.where);
}

// `cache: never` beside the operator's own option `cache` could mean either.
void check_ambiguous(Checking& checking, const Node& node, const OperatorSpec& spec) {
  if (!node.written.is_map()) return;
  for (const Entry& entry : node.written.map()) {
    const bool loose = std::find(kNodeKeys.begin(), kNodeKeys.end(), entry.key) == kNodeKeys.end();
    if (!loose || !is_reserved_key(entry.key) || config::find_option(spec.options, entry.key) == nullptr) continue;
    checking.add(Code::kNameClash, cat("node ", node.name, ": '", entry.key, "' is an annotation and an option of ", spec.name),
                 cat("write annotate: {", entry.key, ": ..} or params: {", entry.key, ": ..}"), entry.where);
  }
}

void check_state(Checking& checking, const Node& node, const OperatorSpec& spec) {
  if (!node.annotations.state) return;
  const State state = *node.annotations.state;
  const std::string what = cat("node ", node.name, ": ");
  if (state == State::kNone && spec.fits) {
    checking.add(Code::kUnsupported, cat(what, spec.name, " must learn before it can transform, so 'state: none' is not possible"),
                 "leave 'state' out", place(node, "state"));
  } else if (state != State::kNone && !spec.fits) {
    checking.add(Code::kUnsupported, cat(what, spec.name, " has no state: it does not fit"), "leave 'state' out", place(node, "state"));
  } else if (state == State::kSequential && !spec.updates) {
    checking.add(Code::kUnsupported, cat(what, spec.name, " cannot be updated piece by piece"),
                 "use 'state: aggregate' to fit on all pieces together", place(node, "state"));
  } else if (state != State::kNone && state != State::kOnce && spec.own_fit_output) {
    checking.add(Code::kUnsupported, cat(what, spec.name, " passes on what it made while fitting, and can fit on one object only"),
                 "use 'state: once'", place(node, "state"));
  }
}

void check_annotations(Checking& checking, const Node& node, const OperatorSpec& spec) {
  const Annotations& annotations = node.annotations;
  const std::string what = cat("node ", node.name, ": ");
  check_ambiguous(checking, node, spec);
  check_state(checking, node, spec);
  const bool source = spec.family == Family::kSource;
  if (source && annotations.combine)
    checking.add(Code::kUnsupported, cat(what, "a source has no inputs to combine"), "leave 'combine' out", place(node, "combine"));
  if (source && annotations.firing != Firing::kEach)
    checking.add(Code::kUnsupported, cat(what, "a source has no objects to wait for"), "leave 'firing' out", place(node, "firing"));
  if (annotations.shard) {
    const bool whole = source || spec.family == Family::kSink || spec.name == "join";
    const bool rows = std::find(spec.takes.begin(), spec.takes.end(), data::Kind::kTable) != spec.takes.end();
    if (whole || !rows)
      checking.add(Code::kUnsupported, cat(what, spec.name, " cannot work on parts of its rows"),
                   "put 'shard' on a node that transforms or predicts", place(node, "shard"));
    if (annotations.shard->parts < 1) checking.add(Code::kBadValue, cat(what, "'shard' needs at least 1 part"), {}, place(node, "shard"));
  }
  if (annotations.replicas < 1) checking.add(Code::kBadValue, cat(what, "'replicas' must be at least 1"), {}, place(node, "replicas"));
  if (annotations.gang < 1) checking.add(Code::kBadValue, cat(what, "'gang' must be at least 1"), {}, place(node, "gang"));
  const Resources& needs = annotations.resources;
  const Limits& limits = checking.limits;
  const auto exceeds = [&](std::string_view thing, const std::string& asked, const std::string& given) {
    checking.add(Code::kInfeasible, cat(what, "asks for ", asked, " ", thing, ", but no worker has more than ", given),
                 "ask for less, or add a larger worker", place(node, "resources"));
  };
  if (limits.cpu > 0 && needs.cpu > limits.cpu) exceeds("cores", number_text(needs.cpu), number_text(limits.cpu));
  if (limits.memory_bytes > 0 && needs.memory_bytes > limits.memory_bytes)
    exceeds("memory", bytes_text(needs.memory_bytes), bytes_text(limits.memory_bytes));
  // GPUs are counted whenever anything is known of the workers: none is the common number.
  if ((limits.cpu > 0 || limits.gpu > 0) && needs.gpu > limits.gpu) exceeds("GPUs", number_text(needs.gpu), number_text(limits.gpu));
}

std::vector<std::string> node_operators(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& [name, spec] : catalogue.operators()) {
    if (spec.family != Family::kSplitter) names.push_back(name);
  }
  return names;
}

// `from`, `params` and the like name places inside the map; annotations may be inside `annotate`.
const Entry* find_entry(const Value& map, std::string_view key) {
  if (!map.is_map()) return nullptr;
  for (const Entry& entry : map.map()) {
    if (entry.key == key) return &entry;
  }
  for (const Entry& entry : map.map()) {
    if (entry.key != "annotate" && entry.key != "params") continue;
    if (const Entry* inner = find_entry(entry.value, key)) return inner;
  }
  return nullptr;
}

}  // namespace

void Checking::add(Code code, std::string message, std::string advice, Position where) {
  errors.emplace_back(code, std::move(message), std::move(advice), std::move(where));
}

Position place(const Node& node, std::string_view key) {
  const Entry* entry = find_entry(node.written, key);
  if (entry == nullptr) return node.where;
  return entry->value.where().line > 0 ? entry->value.where() : entry->where;
}

Position place_from(const Node& node, std::size_t i) {
  const Entry* entry = find_entry(node.written, "from");
  if (entry == nullptr) return node.where;
  std::vector<const Value*> leaves;
  const auto collect = [&](const auto& self, const Value& value) -> void {
    if (!value.is_list()) return leaves.push_back(&value);
    for (const Value& item : value.list()) self(self, item);
  };
  collect(collect, entry->value);
  return i < leaves.size() && leaves[i]->where().line > 0 ? leaves[i]->where() : place(node, "from");
}

Value bind_all(std::span<const Option> options, const Value& given, const std::string& what, bool grids, const Position& where,
               std::vector<Error>& errors) {
  if (given.is_map()) {
    std::vector<std::string> names;
    for (const Entry& entry : given.map()) {
      if (config::find_option(options, entry.key) != nullptr) continue;
      if (names.empty()) {
        for (const Option& option : options) names.push_back(option.name);
      }
      errors.emplace_back(Code::kUnknownKey, cat(what, " has no parameter '", entry.key, "'"), nearest_advice(entry.key, names),
                          entry.where.line > 0 ? entry.where : where);
    }
  }
  config::Map bound;
  bound.reserve(options.size());
  for (const Option& option : options) {
    const Value* value = given.find(option.name);
    const std::string label = cat(what, ": ", option.name);
    if (value == nullptr) {
      if (option.required)
        errors.emplace_back(Code::kMissingKey, cat(what, " needs parameter '", option.name, "'"),
                            cat("for example ", option.name, ": ", config::example(option)), where);
      bound.push_back(Entry{option.name, option.fallback, {}});
    } else if (grids && is_grid(*value)) {
      Value grid;
      grid.set(kGridKey, grid_values(option, *value, label, errors));
      grid.set_where(value->where());
      bound.push_back(Entry{option.name, std::move(grid), {}});
    } else if (grids && bad_grid_shape(option, *value, label, errors)) {
      bound.push_back(Entry{option.name, option.fallback, {}});
    } else {
      Result<Value> checked = config::check(option, *value);
      if (!checked.ok()) errors.push_back(std::move(checked).error().within(what).at(where));
      bound.push_back(Entry{option.name, checked.ok() ? std::move(checked).value() : option.fallback, {}});
    }
  }
  Value out(std::move(bound));
  out.set_where(given.where());
  return out;
}

void check_operators(Checking& checking) {
  for (Node& node : checking.graph.nodes) {
    const OperatorSpec* spec = checking.catalogue.find(node.op);
    if (spec != nullptr && spec->family == Family::kSplitter) {
      checking.add(Code::kUnsupported, cat("node ", node.name, ": ", node.op, " cuts rows into folds and is no node"),
                   cat("write evaluate: {folds: {kind: ", node.op, "}}"), place(node, "op"));
      spec = nullptr;
    } else if (spec == nullptr) {
      const std::string advice =
          node.op == "pick" ? "write evaluate: {pick: best}" : nearest_advice(node.op, node_operators(checking.catalogue));
      checking.add(Code::kUnknownOperator, cat("node ", node.name, ": no operator is called '", node.op, "'"), advice, place(node, "op"));
    }
    checking.specs.push_back(spec);
    if (spec == nullptr) continue;
    check_parameters(checking, node, *spec);
    check_annotations(checking, node, *spec);
  }
}

std::vector<Error> validate(Graph& graph, const Catalogue& catalogue, const Limits& limits) {
  Checking checking{graph, catalogue, limits, wire(graph), {}, {}};
  check_names(checking);
  check_operators(checking);
  check_edges(checking);
  // Beyond this point paths can be followed: every name is known, and no way leads back.
  if (checking.errors.empty() || checking.wiring.cycle.empty()) check_evaluate(checking);
  std::stable_sort(checking.errors.begin(), checking.errors.end(), [](const Error& left, const Error& right) {
    return std::pair(left.where.line, left.where.column) < std::pair(right.where.line, right.where.column);
  });
  return std::move(checking.errors);
}

}  // namespace headrace::graph
