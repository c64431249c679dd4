// SPDX-License-Identifier: Apache-2.0
// Checks of `evaluate` and of `prune`: the splitter and its options, what is cut, what is judged and by which metrics.
#include <algorithm>
#include <set>

#include "graph/validate.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using config::Value;

const Value* written(const Evaluate& evaluate, std::string_view key) { return evaluate.written.find(key); }

Position place_item(const Evaluate& evaluate, std::string_view key, std::size_t i) {
  const Value* value = written(evaluate, key);
  if (value == nullptr) return evaluate.where;
  if (value->is_list() && i < value->list().size() && value->list()[i].where().line > 0) return value->list()[i].where();
  return value->where().line > 0 ? value->where() : evaluate.where;
}

class EvaluateCheck {
 public:
  explicit EvaluateCheck(Checking& checking) : c_(checking), evaluate_(*checking.graph.evaluate), nodes_(checking.graph.nodes) {}

  void run() {
    check_splitter();
    find_cut();
    if (!cut_known_) return;
    check_sinks();
    check_metrics();
  }

 private:
  void check_splitter() {
    const OperatorSpec* splitter = c_.catalogue.find(evaluate_.splitter);
    if (splitter == nullptr || splitter->family != Family::kSplitter) {
      std::vector<std::string> names;
      for (const auto& [name, spec] : c_.catalogue.operators()) {
        if (spec.family == Family::kSplitter) names.push_back(name);
      }
      c_.add(splitter == nullptr ? Code::kUnknownOperator : Code::kUnsupported,
             cat("evaluate: no splitter is called '", evaluate_.splitter, "'"), nearest_advice(evaluate_.splitter, names),
             folds_place("kind"));
      return;
    }
    evaluate_.splitter_params = bind_all(splitter->options, evaluate_.splitter_params, cat("evaluate: folds (", splitter->name, ")"), false,
                                         place_item(evaluate_, "folds", 0), c_.errors);
  }

  Position folds_place(std::string_view key) const {
    const Value* folds = written(evaluate_, "folds");
    const Value* inner = folds == nullptr ? nullptr : folds->find(key);
    return inner != nullptr && inner->where().line > 0 ? inner->where() : place_item(evaluate_, "folds", 0);
  }

  // Which nodes are cut, and which descend from them.
  void find_cut() {
    std::vector<bool> cut(nodes_.size(), false);
    std::vector<std::string> names;
    for (const Node& node : nodes_) names.push_back(node.name);
    for (std::size_t i = 0; i < evaluate_.at.size(); ++i) {
      const auto found = c_.wiring.index.find(evaluate_.at[i]);
      if (found == c_.wiring.index.end()) {
        c_.add(Code::kMissingInput, cat("evaluate: 'at' names '", evaluate_.at[i], "', but no node is called so"),
               nearest_advice(evaluate_.at[i], names), place_item(evaluate_, "at", i));
        return;
      }
      if (cut[static_cast<std::size_t>(found->second)])
        c_.add(Code::kNameClash, cat("evaluate: 'at' names '", evaluate_.at[i], "' twice"), {}, place_item(evaluate_, "at", i));
      cut[static_cast<std::size_t>(found->second)] = true;
    }
    if (evaluate_.at.empty()) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) cut[i] = c_.specs[i] != nullptr && c_.specs[i]->family == Family::kSource;
    }
    below_ = cut;
    mark_descendants(c_.wiring, below_);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!cut[i]) continue;
      check_cut_kind(i);
      const std::span<const int> from = c_.wiring.of(static_cast<int>(i));
      if (std::any_of(from.begin(), from.end(), [&](int input) { return input >= 0 && below_[static_cast<std::size_t>(input)]; })) {
        c_.add(Code::kBadValue, cat("evaluate: 'at' names '", nodes_[i].name, "', which descends from another node of 'at'"),
               "rows are cut once: name one of them", place_item(evaluate_, "at", 0));
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) below_[i] = below_[i] && !cut[i];
    cut_known_ = true;
    // Where an operator is unknown, so is what descends from it: that error says enough.
    known_ = std::find(c_.specs.begin(), c_.specs.end(), nullptr) == c_.specs.end();
    if (known_ && std::none_of(below_.begin(), below_.end(), [](bool below) { return below; })) {
      const bool sources = std::any_of(cut.begin(), cut.end(), [](bool is) { return is; });
      c_.add(sources ? Code::kUnsupported : Code::kMissingInput,
             sources ? "evaluate: nothing descends from the rows that are cut into folds"
                     : "evaluate: the graph has no source whose rows could be cut into folds",
             "add a node that reads them, or take 'evaluate' out", evaluate_.where);
    }
  }

  void check_cut_kind(std::size_t i) {
    const OperatorSpec* splitter = c_.catalogue.find(evaluate_.splitter);
    if (splitter == nullptr || c_.specs[i] == nullptr || !c_.wiring.read[i]) return;
    if (std::find(splitter->takes.begin(), splitter->takes.end(), c_.specs[i]->gives) != splitter->takes.end()) return;
    c_.add(Code::kEdgeType,
           cat("evaluate: ", nodes_[i].name, " (", c_.specs[i]->name, ") gives nothing that ", splitter->name, " could cut into folds"),
           "name a node that gives a table in 'at'", place_item(evaluate_, "at", 0));
  }

  void check_sinks() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const OperatorSpec* spec = c_.specs[i];
      if (spec == nullptr) continue;
      if (below_[i] && spec->family == Family::kSink) {
        c_.add(Code::kUnsupported, cat("node ", nodes_[i].name, " (", spec->name, ") would write once per fold"),
               "take it out, or take 'evaluate' out", nodes_[i].where);
      }
      if (c_.wiring.read[i] || !(is_predictor(spec->family) || spec->family == Family::kClusterer)) continue;
      sinks_.push_back(i);
      if (known_ && !below_[i] && is_predictor(spec->family)) {
        c_.add(Code::kBadValue, cat("node ", nodes_[i].name, " does not descend from the rows that evaluate cuts into folds"),
               "name a node before it in 'at'", place_item(evaluate_, "at", 0));
      }
    }
  }

  void check_metrics() {
    if (evaluate_.metrics.empty()) default_metrics();
    std::set<std::string> seen;
    for (std::size_t i = 0; i < evaluate_.metrics.size(); ++i) {
      const std::string& name = evaluate_.metrics[i];
      const MetricSpec* metric = c_.catalogue.find_metric(name);
      if (metric == nullptr) {
        std::vector<std::string> names;
        for (const auto& [known, spec] : c_.catalogue.metrics()) names.push_back(known);
        c_.add(Code::kBadValue, cat("evaluate: no metric is called '", name, "'"), nearest_advice(name, names),
               place_item(evaluate_, "metric", i));
        continue;
      }
      if (!seen.insert(name).second)
        c_.add(Code::kBadValue, cat("evaluate: metric '", name, "' is named twice"), {}, place_item(evaluate_, "metric", i));
      check_family(*metric, i);
    }
  }

  void check_family(const MetricSpec& metric, std::size_t i) {
    bool judges = false;
    for (const std::size_t sink : sinks_) {
      const Family family = c_.specs[sink]->family;
      judges = judges || family == metric.family;
      if (family == metric.family || !is_predictor(family)) continue;
      c_.add(Code::kBadValue,
             cat("evaluate: metric '", metric.name, "' judges a ", family_name(metric.family), ", but ", nodes_[sink].name, " (",
                 c_.specs[sink]->name, ") is a ", family_name(family)),
             metrics_for(family), place_item(evaluate_, "metric", i));
      return;
    }
    if (!judges)
      c_.add(Code::kBadValue,
             cat("evaluate: metric '", metric.name, "' judges a ", family_name(metric.family), ", but no path ends in one"),
             "leave 'metric' out, or end in a predictor", place_item(evaluate_, "metric", i));
  }

  std::string metrics_for(Family family) const {
    std::vector<std::string> names;
    for (const auto& [name, spec] : c_.catalogue.metrics()) {
      if (spec.family == family) names.push_back(name);
    }
    return names.empty() ? std::string() : cat("for a ", family_name(family), " there are: ", join(names, ", "));
  }

  void default_metrics() {
    bool classifier = false, regressor = false;
    for (const std::size_t sink : sinks_) {
      classifier = classifier || c_.specs[sink]->family == Family::kClassifier;
      regressor = regressor || c_.specs[sink]->family == Family::kRegressor;
    }
    if (classifier && regressor) {
      c_.add(Code::kBadValue, "evaluate: some paths end in a classifier and some in a regressor, which no metric can rank together",
             "evaluate them in two pipelines", evaluate_.where);
    } else if (classifier || regressor) {
      evaluate_.metrics = {classifier ? "accuracy" : "r2"};
    }
  }

  Checking& c_;
  Evaluate& evaluate_;
  const std::vector<Node>& nodes_;
  std::vector<bool> below_;
  std::vector<std::size_t> sinks_;   // that could be judged
  bool cut_known_ = false;
  bool known_ = false;   // every operator is
};

// Of nodes with `prune`: there must be folds to stop after, scores to rank by, and paths that compete.
void check_prune(Checking& checking) {
  Graph& graph = checking.graph;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!node.annotations.prune) continue;
    const Prune& prune = *node.annotations.prune;
    const Position where = place(node, "prune");
    const std::string what = cat("node ", node.name, ": 'prune' ");
    if (!(prune.keep > 0 && prune.keep <= 1))
      checking.add(Code::kBadValue, cat(what, "must keep a share in (0, 1]"), "for example prune: {keep: 0.5}", where);
    const Value* folds = graph.evaluate ? graph.evaluate->splitter_params.find("n") : nullptr;
    if (folds == nullptr || folds->kind() != config::Kind::kInt || folds->integer() < 2) {
      checking.add(Code::kUnsupported, cat(what, "stops alternatives between folds, but there are not two folds"),
                   "add evaluate: {folds: 5}", where);
      continue;
    }
    const std::vector<std::string>& metrics = graph.evaluate->metrics;
    if (!prune.metric.empty() && std::find(metrics.begin(), metrics.end(), prune.metric) == metrics.end()) {
      checking.add(Code::kBadValue, cat(what, "ranks by '", prune.metric, "', which evaluate does not measure"),
                   cat("add it to 'metric', or use: ", join(metrics, ", ")), where);
    }
    std::vector<bool> after(graph.nodes.size(), false);
    after[i] = true;
    mark_descendants(checking.wiring, after);
    bool judged = false;
    for (std::size_t k = 0; k < graph.nodes.size(); ++k) {
      judged = judged || (after[k] && !checking.wiring.read[k] && checking.specs[k] != nullptr &&
                          (is_predictor(checking.specs[k]->family) || checking.specs[k]->family == Family::kClusterer));
    }
    if (!judged)
      checking.add(Code::kUnsupported, cat(what, "has nothing to rank: no path through it ends in a predictor"),
                   "put it on a node before or at a predictor", where);
  }
}

}  // namespace

void check_evaluate(Checking& checking) {
  if (checking.graph.evaluate) EvaluateCheck(checking).run();
  check_prune(checking);
}

}  // namespace headrace::graph
