// SPDX-License-Identifier: Apache-2.0
// headrace_toy_run STORE CALL_US: runs a grid of toy operators in a store and prints its scores and journal. The kill test starts
// and kills it.

#include <cstdio>
#include <cstdlib>

#include "exec/toy_operators.h"
#include "headrace/base/text.h"
#include "headrace/exec/run.h"

namespace {

constexpr const char* kPipeline = R"(
pipeline: killed
nodes:
  data: { op: rows, n: 70 }
  plus: { op: add, from: data, amount: { grid: [1, 2, 3, 4] } }
  mean: { op: mean, from: plus, shift: { grid: [0, 0.5, 1] } }
evaluate: { folds: { kind: cut, n: 5 }, metric: closeness }
)";

int fail(const headrace::Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace headrace;
  if (argc != 3) return 2;
  const graph::Catalogue catalogue = exec::toys::catalogue();
  exec::toys::world().sleep_us = std::atoi(argv[2]);
  exec::Packs packs(catalogue);
  exec::toys::add_operators(packs);
  auto store = exec::Store::open(argv[1]);
  if (!store.ok()) return fail(store.error());
  auto document = config::parse_yaml(kPipeline, "killed.yaml");
  if (!document.ok()) return fail(document.error());
  auto graph = graph::parse_graph(*document);
  if (!graph.ok()) return fail(graph.error());
  for (const Error& error : graph::validate(*graph, catalogue)) return fail(error);
  auto outcome = exec::run_graph(*graph, catalogue, packs, store->get(), {.workers = 2});
  if (!outcome.ok()) return fail(outcome.error());
  for (const exec::PathResult& result : outcome->report.results) {
    std::string line = cat(result.rank, ' ', result.label);
    for (const double fold : result.metrics[0].folds) line += cat(' ', fold);
    std::printf("%s\n", line.c_str());
  }
  auto recorded = exec::read_run(**store, catalogue, outcome->report.run);
  if (!recorded.ok()) return fail(recorded.error());
  for (const exec::TaskEvent& event : recorded->events)
    std::printf("event %d %s\n", event.task, std::string(status_name(event.status)).c_str());
  return outcome->report.exit_code();
}
