// SPDX-License-Identifier: Apache-2.0
#pragma once
// What operators, metrics and splitters exist, readable without loading any engine. A pack is a shared library; beside it lies
// `NAME.ops.json`, written at build time from the operator rows in the pack's own sources. Plain values; threads: any.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/options.h"
#include "headrace/data/object.h"

namespace headrace::graph {

/// What an operator is for. It decides which modes it takes part in and how paths are scored.
enum class Family { kSource, kTransformer, kClassifier, kRegressor, kClusterer, kSink, kSplitter, kSelector };
std::string_view family_name(Family family);
/// Classifiers and regressors: they predict, and are judged by metrics.
bool is_predictor(Family family);

/// The row behind one operator: name, version (raise it when results change), ports, options, traits.
struct OperatorSpec {
  std::string name;
  int version = 1;
  Family family = Family::kTransformer;
  std::string doc;                                     ///< one sentence, then what scikit-learn or the paper calls it
  std::string pack;                                    ///< filled by the catalogue: which pack holds it

  std::vector<data::Kind> takes = {data::Kind::kTable};   ///< kinds an input edge may carry; empty for sources
  data::Kind gives = data::Kind::kTable;
  int inputs_min = 1;
  int inputs_max = -1;                                 ///< -1: any number; several tables are set side by side

  std::vector<config::Option> options;

  bool fits = false;             ///< learns a model in `fit`
  bool updates = false;          ///< can go on learning, object by object (`state: sequential`)
  bool own_fit_output = false;   ///< what fit gives downstream is not transform(model, input) (stacking: out-of-fold)
  bool random = false;           ///< draws random numbers: the node's seed enters the ids
  bool needs_target = false;
  bool refuses_missing = true;   ///< NaN or null in a feature is an error
  bool numeric_only = true;      ///< features must be numbers; text and categories need an encoder first
  bool keeps_rows = true;        ///< output row i comes from input row i
  bool open_params = false;      ///< takes parameters that are not in `options` too, of any type
  std::string language;          ///< of the workers that run it: "python"; empty: any that have its pack
};

/// A score: accuracy, roc_auc, ... `higher_is_better` decides ranks.
struct MetricSpec {
  std::string name;
  std::string doc;
  bool higher_is_better = true;
  Family family = Family::kClassifier;                 ///< which predictors it can judge
  std::string pack;
};

class Catalogue {
 public:
  /// Reads every `*.ops.json` in the folders; of a pack in several the first is taken. Two operators of one name are a kNameClash.
  static Result<Catalogue> load(const std::vector<std::string>& folders);
  Status add(OperatorSpec spec);
  Status add(MetricSpec spec);
  /// Adds the rows of one manifest and remembers where the pack's library lies.
  Status add_manifest(const config::Value& manifest, std::string library);

  const OperatorSpec* find(std::string_view name) const;
  const MetricSpec* find_metric(std::string_view name) const;
  const std::map<std::string, OperatorSpec, std::less<>>& operators() const { return operators_; }
  const std::map<std::string, MetricSpec, std::less<>>& metrics() const { return metrics_; }
  /// Path of the library that holds a pack; "" when the pack is not known.
  std::string library(std::string_view pack) const;

 private:
  std::map<std::string, OperatorSpec, std::less<>> operators_;
  std::map<std::string, MetricSpec, std::less<>> metrics_;
  std::map<std::string, std::string, std::less<>> libraries_;
};

/// A manifest: {"pack": name, "operators": [...], "metrics": [...]}.
config::Value manifest_of(std::string_view pack, const std::vector<OperatorSpec>& operators, const std::vector<MetricSpec>& metrics);

/// Operators that the executor itself provides: join (several objects become one tuple) and identity. `load` adds them.
/// (`pick` is no operator: it is how a term says evaluate: {pick: best}.)
std::vector<OperatorSpec> intrinsic_operators();

}  // namespace headrace::graph
