// SPDX-License-Identifier: Apache-2.0
#pragma once
// Doctor: checks of the installation, each with a verdict and what to do about it.

#include <string>
#include <vector>

#include "cli/session.h"

namespace headrace::cli {

struct Check {
  std::string name;
  bool ok = true;
  std::string found;      ///< what is there: a version, a path, a number
  std::string advice;     ///< when not ok
};

/// Runs all checks: packs, operators, store, cores, memory, engines, and a tiny pipeline from end to end. Cost: about a second.
std::vector<Check> check_installation(Session& session, const std::string& store_folder);

}  // namespace headrace::cli
