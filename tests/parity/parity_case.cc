// SPDX-License-Identifier: Apache-2.0
#include "parity_case.h"

#include <fstream>
#include <sstream>

#include "headrace/base/text.h"

namespace headrace::parity {

Result<Table> read_table(const std::string& folder) {
  const std::string path = cat(folder, "/cases.json");
  std::ifstream file(path);
  if (!file) return Error(Code::kNotFound, cat("no case table: ", path), "run tests/parity/make_reference.py FOLDER first");
  std::ostringstream text;
  text << file.rdbuf();
  HEADRACE_ASSIGN(const config::Value document, config::parse_json(text.str(), path));
  Table table;
  table.folder = folder;
  table.scikit_learn = document.find("scikit_learn")->string();
  for (const config::Entry& entry : document.find("differences")->map()) table.differences.emplace_back(entry.key, entry.value.string());
  for (const config::Value& row : document.find("cases")->list()) {
    const auto word = [&](std::string_view key) { return row.find(key)->string(); };
    Case one{.id = word("id"), .op = word("op"), .params = *row.find("params"), .compare = word("compare"),
             .tolerance = row.find("tolerance")->real(), .reason = word("reason"), .up_to = word("up_to"), .note = word("note"),
             .peer = word("peer"), .seed = static_cast<std::uint64_t>(row.find("seed")->integer()), .answer = row};
    for (const config::Value& name : row.find("on")->list()) one.on.push_back(name.string());
    for (const config::Entry& entry : row.find("give")->map()) one.give.emplace_back(entry.key, entry.value.string());
    table.cases.push_back(std::move(one));
  }
  return table;
}

}  // namespace headrace::parity
