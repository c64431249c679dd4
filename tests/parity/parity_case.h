// SPDX-License-Identifier: Apache-2.0
#pragma once
// One row of cases.json, as make_reference.py writes it.

#include <string>
#include <utility>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::parity {

struct Case {
  std::string id;
  std::string op;
  config::Value params;
  std::vector<std::string> on;        ///< data sets; several are inputs side by side
  std::string compare;                ///< see case.py
  double tolerance = 0;
  std::string reason;
  std::string up_to;                  ///< "", "sign", "names"
  std::string note;
  std::string peer;                   ///< the peer as scikit-learn prints it
  std::uint64_t seed = 0;
  std::vector<std::pair<std::string, std::string>> give;   ///< tensor name, file
  config::Value answer;               ///< the row itself: "reference", "score", "classes" or "folds"
};

/// Everything in FOLDER/cases.json.
struct Table {
  std::string folder;
  std::string scikit_learn;
  std::vector<std::pair<std::string, std::string>> differences;   ///< operator, what it does otherwise on purpose
  std::vector<Case> cases;
};
Result<Table> read_table(const std::string& folder);

}  // namespace headrace::parity
