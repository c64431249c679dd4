// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of a pipeline file that are not parameters of an operator.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::graph {

inline const std::vector<std::string> kTopKeys = {"pipeline", "version", "seed", "nodes", "term", "evaluate"};
/// Keys of a node that name neither an annotation nor a parameter.
inline const std::vector<std::string> kNodeKeys = {"op", "from", "params", "annotate", "seed_name"};
inline constexpr std::string_view kGridKey = "grid";
inline constexpr int kFormatVersion = 1;

/// True for keys that must be written inside `params: {}` when an operator has an option of that name.
bool is_reserved_key(std::string_view key);

}  // namespace headrace::graph
