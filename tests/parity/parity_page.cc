// SPDX-License-Identifier: Apache-2.0
#include "parity_page.h"

#include <algorithm>
#include <map>

#include "headrace/base/text.h"

namespace headrace::parity {
namespace {

std::string cell(std::string text) {
  std::string out;
  for (const char character : text) out += character == '|' ? std::string("\\|") : std::string(1, character);
  return out;
}

std::string compared(const Case& one) {
  if (one.compare == "split") return "rows of all folds";
  if (one.compare == "split_sizes") return "rows in each fold";
  if (one.compare.starts_with("score:")) return one.compare.substr(6);
  if (one.compare.starts_with("model:")) return cat("learned ", one.compare.substr(6));
  if (one.compare == "fit_transform") return "transform of the training rows";
  return one.compare;
}

}  // namespace

std::string tolerance_text(double tolerance) {
  return tolerance == 0 ? "equal" : number_text(tolerance);
}

std::string page(const Table& table, const std::vector<double>& differences) {
  std::map<std::string, std::vector<std::size_t>> by_operator;
  for (std::size_t i = 0; i < table.cases.size(); ++i) by_operator[table.cases[i].op].push_back(i);

  std::string out = cat(
      "# Parity with scikit-learn\n\n",
      "Made by `parity_test` from the cases in `tests/parity/cases`; do not edit. Each operator is fitted on the training rows of a\n",
      "real data set, scikit-learn ", table.scikit_learn, " on the same rows, and both are asked about the test rows. `within` bounds\n",
      "|a - b| / max(1, |b|) over all entries for numbers, |a - b| for scores, and the share of rows for predicted classes.\n\n");
  for (const auto& [op, rows] : by_operator) {
    out += cat("## ", op, "\n\n");
    for (const auto& [name, text] : table.differences) {
      if (name == op) out += cat("Otherwise on purpose: ", text, ".\n\n");
    }
    out += cat("| scikit-learn | data | compared | within |", differences.empty() ? "" : " measured |",
               " why not closer |\n|---|---|---|---|", differences.empty() ? "" : "---|", "---|\n");
    for (const std::size_t i : rows) {
      const Case& one = table.cases[i];
      out += cat("| `", cell(one.peer), "` | ", join(one.on, ", "), " | ", compared(one),
                 one.up_to.empty() ? "" : cat(", up to ", one.up_to), " | ", tolerance_text(one.tolerance), " | ");
      if (!differences.empty()) out += cat(number_text(differences[i]), " | ");
      out += cat(cell(one.reason), one.note.empty() ? "" : cat("; ", cell(one.note)), " |\n");
    }
    out += '\n';
  }
  out.pop_back();
  return out;
}

}  // namespace headrace::parity
