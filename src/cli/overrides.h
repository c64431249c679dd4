// SPDX-License-Identifier: Apache-2.0
#pragma once
// Overrides: `--set node.key=value` on a pipeline document before it is parsed, so that everything a file may say can be said on
// the command line, with the same errors.

#include <span>
#include <string>

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::cli {

/// The error as it is told: a place inside a flag is the flag, without line and column.
Error at_flag(Error error);

/// Applies each `path=value` in order. A path is NODE.KEY (a parameter or an annotation), KEY.. of the document (evaluate.metric,
/// seed), or nodes.NODE.KEY; the value is YAML. Errors name the flag as their place: kUsage (no '='), kSyntax (the value is no YAML),
/// kUnknownKey (no node or key of that name, with the nearest).
Status apply_overrides(config::Value& document, std::span<const std::string> overrides);

}  // namespace headrace::cli
