// SPDX-License-Identifier: Apache-2.0
// headrace_pack_manifest LIBRARY OUT: writes the operator rows of a pack to a JSON file, so that programs can read them without
// loading the pack's engine. The build runs it after linking each pack.

#include <cstdio>
#include <fstream>

#include "headrace/exec/packs.h"
#include "headrace/graph/catalogue.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: headrace_pack_manifest LIBRARY OUT\n");
    return 2;
  }
  std::string name;
  const auto rows = headrace::exec::open_pack(argv[1], &name);
  if (!rows.ok()) {
    std::fprintf(stderr, "%s\n", rows.error().text().c_str());
    return 3;
  }
  std::vector<headrace::graph::OperatorSpec> operators;
  std::vector<headrace::graph::MetricSpec> metrics;
  for (const auto& row : (*rows)->operators()) operators.push_back(row.spec);
  for (const auto& row : (*rows)->metrics()) metrics.push_back(row.spec);
  std::ofstream out(argv[2], std::ios::trunc);
  out << headrace::config::to_json(headrace::graph::manifest_of(name, operators, metrics), 1) << '\n';
  out.close();
  return out.fail() ? 3 : 0;
}
