// SPDX-License-Identifier: Apache-2.0
// The YAML form to a Graph. What needs the catalogue (is this a parameter?) is left to validate.
#include <algorithm>

#include "graph/grid.h"
#include "graph/keys.h"
#include "headrace/base/text.h"
#include "headrace/graph/graph.h"
#include "headrace/graph/term.h"

namespace headrace::graph {
namespace {

using config::Entry;
using config::Value;

bool among(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> annotation_names() {
  std::vector<std::string> names;
  for (const config::Option& option : annotation_options()) names.push_back(option.name);
  return names;
}

Error wrong(const Value& value, std::string message, std::string advice) {
  return Error(Code::kBadValue, std::move(message), std::move(advice), value.where());
}

Status expect_map(const Value& value, std::string_view what) {
  if (value.is_map()) return {};
  return wrong(value, cat(what, " must be a map, not ", config::kind_name(value.kind())), "write key: value pairs");
}

Result<std::string> name_of(const Value& value, std::string_view what) {
  if (value.is_string() && !value.string().empty()) return value.string();
  return wrong(value, cat(what, " must be a name"), {});
}

// A name, or a list of names.
Result<std::vector<std::string>> names_of(const Value& value, std::string_view what) {
  std::vector<std::string> out;
  if (!value.is_list()) {
    HEADRACE_ASSIGN(std::string name, name_of(value, what));
    out.push_back(std::move(name));
    return out;
  }
  for (const Value& item : value.list()) {
    HEADRACE_ASSIGN(std::string name, name_of(item, what));
    out.push_back(std::move(name));
  }
  return out;
}

// `a`; `[a, b]`: two inputs; `[[a, b], c]`: a and b united, joined with c.
Result<std::vector<Input>> inputs_of(const Value& value) {
  std::vector<Input> out;
  if (!value.is_list()) {
    HEADRACE_ASSIGN(std::string name, name_of(value, "'from'"));
    out.push_back(Input{{std::move(name)}});
    return out;
  }
  for (const Value& item : value.list()) {
    HEADRACE_ASSIGN(std::vector<std::string> names, names_of(item, "an input in 'from'"));
    if (names.empty()) return wrong(item, "an input in 'from' is an empty list", "name at least one node");
    out.push_back(Input{std::move(names)});
  }
  return out;
}

Status set_once(Value& map, const Entry& entry, std::string_view other) {
  if (map.find(entry.key) != nullptr) {
    return Error(Code::kNameClash, cat("'", entry.key, "' is given twice: here and ", other), "keep one of them", entry.where);
  }
  Value value = entry.value;
  map.set(entry.key, std::move(value));
  map.map().back().where = entry.where;
  return {};
}

// Sorts the keys of a node into its own, annotations and parameters; `params: {}` and `annotate: {}` say which explicitly.
Result<Node> node_from(const Entry& entry) {
  static const std::vector<std::string> annotations = annotation_names();
  Node node;
  node.name = entry.key;
  node.where = entry.where;
  if (!is_node_name(node.name)) {
    return Error(Code::kBadValue, cat("'", node.name, "' is no name for a node"), "use a letter or '_', then letters, digits, '_' and '-'",
                 entry.where);
  }
  const std::string what = cat("node ", node.name);
  HEADRACE_TRY(expect_map(entry.value, what));
  node.written = entry.value;
  Value params(config::Map{}), notes(config::Map{});
  params.set_where(entry.value.where());
  for (const Entry& field : entry.value.map()) {
    if (field.key == "op") {
      HEADRACE_ASSIGN(node.op, name_of(field.value, cat(what, ": 'op'")));
    } else if (field.key == "from") {
      HEADRACE_ASSIGN(node.inputs, inputs_of(field.value));
    } else if (field.key == "seed_name") {
      HEADRACE_ASSIGN(node.seed_name, name_of(field.value, cat(what, ": 'seed_name'")));
    } else if (field.key == "params" || field.key == "annotate") {
      HEADRACE_TRY(expect_map(field.value, cat(what, ": '", field.key, "'")));
      for (const Entry& inner : field.value.map()) HEADRACE_TRY(set_once(field.key == "params" ? params : notes, inner, "beside it"));
    } else {
      HEADRACE_TRY(set_once(among(annotations, field.key) ? notes : params, field, "inside the map"));
    }
  }
  for (const Entry& note : notes.map()) {
    if (is_grid(note.value)) {
      return Error(Code::kBadGrid, cat(what, ": annotation '", note.key, "' takes no grid"), "grids are for parameters of the operator",
                   note.where);
    }
  }
  if (node.op.empty()) return Error(Code::kMissingKey, cat(what, " has no 'op'"), "name its operator, for example op: pca", entry.where);
  Result<Annotations> parsed = annotations_from_value(notes);
  if (!parsed.ok()) return std::move(parsed).error().within(what).at(entry.where);
  node.annotations = std::move(parsed).value();
  node.params = std::move(params);
  return node;
}

Result<Evaluate> evaluate_from(const Value& value) {
  HEADRACE_ASSIGN(const Value bound, config::bind(evaluate_options(), value, "evaluate"));
  Evaluate out;
  out.where = value.where();
  out.written = value;
  const Value& folds = *bound.find("folds");
  if (folds.kind() == config::Kind::kInt) {
    out.splitter_params.set("n", folds);
  } else if (folds.is_map()) {
    for (const Entry& entry : folds.map()) {
      if (entry.key == "kind") {
        HEADRACE_ASSIGN(out.splitter, name_of(entry.value, "evaluate: folds.kind"));
      } else {
        HEADRACE_TRY(set_once(out.splitter_params, entry, "before"));
      }
    }
  } else if (!folds.is_null()) {
    return wrong(folds, "evaluate: 'folds' must be a number or a map",
                 "for example folds: 5, or folds: {kind: stratified, n: 5, shuffle: true}");
  }
  out.splitter_params.set_where(folds.where());
  if (const Value& metric = *bound.find("metric"); !metric.is_null()) {
    HEADRACE_ASSIGN(out.metrics, names_of(metric, "evaluate: 'metric'"));
  }
  if (const Value& at = *bound.find("at"); !at.is_null()) {
    HEADRACE_ASSIGN(out.at, names_of(at, "evaluate: 'at'"));
  }
  out.pick_best = bound.find("pick")->string() == "best";
  out.confidence = bound.find("confidence")->real();
  return out;
}

Status nodes_from(const Value& value, Graph& graph) {
  HEADRACE_TRY(expect_map(value, "'nodes'"));
  for (const Entry& entry : value.map()) {
    HEADRACE_ASSIGN(Node node, node_from(entry));
    graph.nodes.push_back(std::move(node));
  }
  return {};
}

// Replaces the nodes by those of the written term, wired as it says.
Status apply_term(const Value& text, Graph& graph) {
  if (!text.is_string()) return wrong(text, "'term' must be text", "for example term: \"digits >> pca >> (logistic | forest)\"");
  for (const Node& node : graph.nodes) {
    if (!node.inputs.empty()) {
      return Error(Code::kBadTerm, cat("node ", node.name, " has a 'from', but the pipeline is wired by its 'term'"), "keep one of them",
                   node.where);
    }
  }
  HEADRACE_ASSIGN(const Term term, parse_term(text.string(), graph.nodes, text.where()));
  Result<Graph> wired = build(term, graph.name, graph.seed);
  if (!wired.ok()) return std::move(wired).error().at(text.where());
  for (const Node& node : graph.nodes) {
    if (wired->find(node.name) == nullptr)
      return Error(Code::kBadTerm, cat("node ", node.name, " is not in the 'term'"), "use it there, or take it out", node.where);
  }
  graph.nodes = std::move(wired->nodes);
  if (!wired->evaluate) return {};
  if (!graph.evaluate) {
    graph.evaluate = std::move(wired->evaluate);
    graph.evaluate->where = text.where();
    return {};
  }
  if (graph.evaluate->metrics.empty()) graph.evaluate->metrics = wired->evaluate->metrics;
  if (graph.evaluate->metrics.front() != wired->evaluate->metrics.front()) {
    return wrong(
        text,
        cat("the term picks by '", wired->evaluate->metrics.front(), "', but evaluate ranks by '", graph.evaluate->metrics.front(), "'"),
        "name one metric");
  }
  graph.evaluate->pick_best = true;
  return {};
}

}  // namespace

bool is_reserved_key(std::string_view key) {
  return among(kNodeKeys, key) || config::find_option(annotation_options(), key) != nullptr;
}

const std::vector<config::Option>& evaluate_options() {
  static const std::vector<config::Option> options = [] {
    config::Option folds{.name = "folds", .type = config::Type::kAny};
    folds.doc = "how rows are cut: a number n (k-fold, unshuffled), or {kind: splitter, and its options}; 5 when unset";
    config::Option metric{.name = "metric", .type = config::Type::kAny};
    metric.doc = "a score or a list of scores; the first ranks. Unset: accuracy for classifiers, r2 for regressors";
    config::Option at{.name = "at", .type = config::Type::kAny};
    at.doc = "the node or nodes whose rows are cut into folds; what comes before them sees all rows. Unset: the sources";
    return std::vector<config::Option>{
        folds, metric, config::choice("pick", "best", {"best", "all"}, "keep the best path, or all"), at,
        config::real("confidence", 0.95, "level of the interval over folds").above(0).at_most(0.999999)};
  }();
  return options;
}

Result<Graph> parse_graph(const Value& document) {
  HEADRACE_TRY(expect_map(document, "a pipeline file"));
  Graph graph;
  graph.file = document.where().file;
  for (const Entry& entry : document.map()) {
    if (!among(kTopKeys, entry.key)) {
      return Error(Code::kUnknownKey, cat("a pipeline file has no key '", entry.key, "'"), nearest_advice(entry.key, kTopKeys),
                   entry.where);
    }
  }
  if (const Value* version = document.find("version")) {
    if (version->kind() != config::Kind::kInt) return wrong(*version, "'version' must be a whole number", {});
    if (version->integer() != kFormatVersion) {
      return Error(Code::kVersion,
                   cat("this pipeline file has version ", version->integer(), "; this program reads version ", kFormatVersion), {},
                   version->where());
    }
  }
  if (const Value* name = document.find("pipeline")) {
    HEADRACE_ASSIGN(graph.name, name_of(*name, "'pipeline'"));
  }
  if (const Value* seed = document.find("seed")) {
    if (seed->kind() != config::Kind::kInt) return wrong(*seed, "'seed' must be a whole number", "for example seed: 7");
    graph.seed = static_cast<std::uint64_t>(seed->integer());
  }
  const Value* nodes = document.find("nodes");
  const Value* term = document.find("term");
  if (nodes == nullptr && term == nullptr) {
    return Error(Code::kMissingKey, "a pipeline file needs 'nodes'", "for example nodes: {data: {op: csv, path: data.csv}}",
                 document.where());
  }
  if (nodes != nullptr && !nodes->is_null()) HEADRACE_TRY(nodes_from(*nodes, graph));
  if (const Value* evaluate = document.find("evaluate"); evaluate != nullptr && !evaluate->is_null()) {
    HEADRACE_ASSIGN(graph.evaluate, evaluate_from(*evaluate));
  }
  if (term != nullptr) HEADRACE_TRY(apply_term(*term, graph));
  if (graph.nodes.empty()) return Error(Code::kMissingKey, "the pipeline has no node", {}, nodes ? nodes->where() : document.where());
  return graph;
}

Result<Graph> read_graph(const std::string& path) {
  HEADRACE_ASSIGN(const Value document, config::read_yaml(path));
  Result<Graph> graph = parse_graph(document);
  if (!graph.ok()) return std::move(graph).error().at(Position{path});
  graph->file = path;
  return graph;
}

}  // namespace headrace::graph
