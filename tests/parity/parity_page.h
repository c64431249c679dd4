// SPDX-License-Identifier: Apache-2.0
#pragma once
// The reference page made from the case table: what is compared with what, how closely, and why not more closely.

#include <string>
#include <string_view>
#include <vector>

#include "parity_case.h"

namespace headrace::parity {

/// "equal", or the power of ten at or above the tolerance ("1e-12").
std::string tolerance_text(double tolerance);

/// The page. `differences` holds a measured value a case, or is empty for the committed page, which must not depend on the machine.
std::string page(const Table& table, const std::vector<double>& differences);

}  // namespace headrace::parity
