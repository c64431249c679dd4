// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs one case on the pack and measures how far it is from scikit-learn.

#include <string>

#include "headrace/exec/operator.h"
#include "parity_case.h"

namespace headrace::parity {

/// The difference as case.py defines it for the case's `compare`. Errors: whatever the operator says; kShape when the answers do
/// not have one shape.
Result<double> measure(const exec::PackRows& pack, const std::string& folder, const Case& one);

}  // namespace headrace::parity
