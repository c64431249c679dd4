// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `cluster` and `submit` share: a part of headrace.ray is started, its talk is passed on, its result is returned.

#include <string>
#include <vector>

#include "cli/session.h"
#include "headrace/cluster/ray.h"

namespace headrace::cli {

/// Starts the part, gives it `input` (a kind and a value) unless that is empty, and returns its result. "say" goes to stderr, "log" to
/// stdout, or to stderr where stdout is for one JSON document. Errors: the part's own, kClosed when it ends without a result.
Result<config::Value> ask_ray(Session& session, std::vector<std::string> words, const std::string& input = "",
                              const config::Value& value = {});

/// The text under a key, or "".
std::string text_under(const config::Value& map, std::string_view key);

}  // namespace headrace::cli
