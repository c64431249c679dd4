// SPDX-License-Identifier: Apache-2.0
#pragma once
// Judgement: a decision held against the target of a table.

#include <span>
#include <string>

#include "learn/frame.h"

namespace headrace::learn {

/// Computes `metrics` (none: accuracy or r2) of `decision` against the target of `table`. Classes that the model never saw count
/// as classes it gave probability 0. Errors: kMissingColumn without a target; kUnsupported naming the metric.
Result<data::Metrics> judge_against(const data::Table& table, const Decision& decision, std::span<const std::string> metrics);
/// The same from a table of predictions, as `predict` makes it, that still carries its target.
Result<data::Metrics> judge_predictions(const data::Table& predictions, std::span<const std::string> metrics);

}  // namespace headrace::learn
