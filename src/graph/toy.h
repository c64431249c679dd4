// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small catalogue and short ways to make graphs, for the tests of this room.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "headrace/graph/catalogue.h"
#include "headrace/graph/graph.h"
#include "headrace/graph/plan.h"

namespace headrace::graph::toy {

/// source, reader (a path), draw (random source); scale (no fit), pca and wash (fit), kernel (fits and updates), stacker (own fit
/// output), noise (random), one (one input), filter (drops rows); logistic, forest, bayes (updates), ridge, means; save (a sink);
/// k_fold, hold_out; accuracy, f1, r2, silhouette.
const Catalogue& catalogue();

/// Parses, validates and returns the graph; a failure shows all errors.
Graph graph(const std::string& yaml);
/// As `graph`, then expanded and lowered.
Plan plan(const std::string& yaml, LowerOptions options = {});
Plan plan(Graph graph, LowerOptions options = {});
/// All errors of parsing and validating, as "line:column code-name message; advice".
std::vector<std::string> errors(const std::string& yaml, const Limits& limits = {});

/// Tasks by phase.
std::map<std::string, int> counts(const Plan& plan);
std::vector<std::string> labels(const Plan& plan);

}  // namespace headrace::graph::toy
