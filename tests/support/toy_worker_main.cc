// SPDX-License-Identifier: Apache-2.0
// headrace_toy_worker: a worker with the toy operators of room exec, for the tests of this room to start and kill.

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "exec/toy_operators.h"
#include "headrace/cluster/worker.h"

int main(int argc, char** argv) {
  using namespace headrace;
  cluster::WorkerOptions options;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--connect") {
      auto address = io::Address::parse(argv[i + 1]);
      if (!address.ok()) return 2;
      options.driver = std::move(address).value();
    }
    if (flag == "--slot") options.slot = argv[i + 1];
    if (flag == "--parent") options.parent = std::atoll(argv[i + 1]);
    if (flag == "--data-host") options.data_host = argv[i + 1];
    if (flag == "--sleep-us") exec::toys::world().sleep_us = std::atoi(argv[i + 1]);
  }
  const char* token = std::getenv("HEADRACE_TOKEN");
  options.token = token == nullptr ? "" : token;
  const graph::Catalogue catalogue = exec::toys::catalogue();
  exec::Packs packs(catalogue);
  exec::toys::add_operators(packs);
  const Status ended = cluster::run_worker(options, packs);
  if (ended.ok()) return 0;
  std::fprintf(stderr, "%s\n", ended.error().text().c_str());
  return code_exit(ended.error().code);
}
