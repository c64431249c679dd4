// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a plain (unquoted) YAML scalar means under the 1.2 core schema, decimal numbers only.

#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::config::detail {

/// null, ~, true, false, 12, -3, 1.5, 1e-4, .inf, .nan; everything else is a string (1_000, 0x1F, 2026-11-24, yes).
/// Errors: kSyntax for a number outside the range of its type.
Result<Value> resolve_plain(std::string_view text);
/// Prints a real number so that it reads back as a real number of the same bits: "1.0", "1e-07". Finite numbers only.
std::string real_text(double value);

}  // namespace headrace::config::detail
