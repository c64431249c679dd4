// SPDX-License-Identifier: Apache-2.0
#pragma once
// Grids: {grid: [..]}, or {grid: {from, to, steps, scale}}, where a parameter's value stands.

#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/options.h"

namespace headrace::graph {

/// True for a map whose only key is `grid`.
bool is_grid(const config::Value& value);

/// The values of a grid, each checked against the option it is for. Ranges are spelled out: ends exact, values between rounded to
/// 12 significant digits, whole numbers for integer options. Adds what is wrong to `errors` (kBadGrid, at the value).
config::List grid_values(const config::Option& option, const config::Value& grid, const std::string& what, std::vector<Error>& errors);

/// A value as names show it: "0.046416", "auto", "[64,32]".
std::string value_label(const config::Value& value);

}  // namespace headrace::graph
