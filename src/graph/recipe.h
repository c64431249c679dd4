// SPDX-License-Identifier: Apache-2.0
#pragma once
// Recipe: what lowering makes for a node, worked out backwards from what the sinks are asked for.

#include <vector>

#include "headrace/graph/catalogue.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {

struct Recipe {
  const OperatorSpec* spec = nullptr;
  const Node* node = nullptr;
  const Shard* shard = nullptr;     ///< null unless there are several parts
  State state = State::kNone;
  bool sink = false;
  bool cut = false;                 ///< its rows are cut into folds
  bool below = false;               ///< descends from a cut: lowered once per fold
  bool judged = false;              ///< a sink that is scored
  bool predicts = false;            ///< a sink that is asked for predictions
  bool train_out = false;           ///< its output on all rows, or on the rows of a fold that are trained on
  bool test_out = false;            ///< its output on held-out rows
  bool train_in = false;            ///< reads the outputs of its inputs on those rows
  bool test_in = false;
  bool take_train = false;          ///< of a cut: which sides are read
  bool take_test = false;

  bool fits() const { return state != State::kNone; }
  /// The output on the rows trained on comes from the fit itself.
  bool out_of_fit() const { return fits() && state != State::kSequential && (shard == nullptr || spec->own_fit_output); }
  /// What makes its output: transform or join; predict for a predictor that ends paths.
  Phase phase = Phase::kTransform;
};

/// Metrics that the plan measures: those of `evaluate`, else those asked for, else the usual one of what the sinks are.
/// Errors: kUnsupported when sinks of two families would be measured alike.
Result<std::vector<std::string>> metrics_of(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs,
                                            const LowerOptions& options);

std::vector<Recipe> recipes_of(const Expanded& expanded, const Catalogue& catalogue, const std::vector<const OperatorSpec*>& specs,
                               Mode mode, const std::vector<std::string>& metrics);

}  // namespace headrace::graph
