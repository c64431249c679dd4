// SPDX-License-Identifier: Apache-2.0
// headrace worker: runs calls for a driver. Started by `--on` and by clusters, seldom by hand.

#include <cstdlib>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/base/text.h"
#include "headrace/cluster/worker.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  cluster::WorkerOptions options;
  HEADRACE_ASSIGN(options.driver, io::Address::parse(arguments.text("connect")));
  const char* token = std::getenv("HEADRACE_TOKEN");
  if (token == nullptr || *token == '\0') {
    return Error(Code::kUsage, "the driver's token is missing",
                 "set HEADRACE_TOKEN: the driver prints it, with the address, when it starts");
  }
  options.token = token;
  unsetenv("HEADRACE_TOKEN");   // not for what operators may start
  options.slot = arguments.text("slot");
  options.cpu = arguments.real("cpu");
  options.gpu = arguments.real("gpu");
  options.parent = arguments.integer("parent");
  options.data_host = arguments.text("data-host");
  if (arguments.given("memory")) {
    HEADRACE_ASSIGN(options.memory_bytes, parse_size(arguments.text("memory"), "--memory"));
  }
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  exec::Packs packs(*catalogue);
  const Status ended = cluster::run_worker(options, packs);
  if (ended.ok()) return 0;
  // The driver went: nothing of this process is lost, and nobody is there to be told.
  if (ended.error().code == Code::kClosed) return 0;
  return ended.error();
}

}  // namespace

Command worker_command() {
  using config::Value;
  return {
      .name = "worker",
      .summary = "run calls for a driver (started by --on, seldom by hand)",
      .details =
          "Connects to the driver of a run and works for it until it ends. The driver prints its address; its token is taken from "
          "$HEADRACE_TOKEN. Over TLS the certificate must have the digest that the address names.",
      .flags = {takes("ADDRESS", config::string("connect", Value(), "the driver: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT#DIGEST").must()),
                takes("NAME", config::string("slot", Value(""), "a name for messages and `headrace top`")),
                takes("N", config::real("cpu", 1, "cores that it adds to its host").at_least(0.01).at_most(4096)),
                takes("SIZE", config::string("memory", Value(), "memory of its host that calls may ask for, such as 16GB")),
                takes("N", config::real("gpu", 0, "GPUs that it adds to its host").at_least(0).at_most(64)),
                takes("PID", config::integer("parent", 0, "end with this process, which must have started it; 0 is none").at_least(0)),
                takes("HOST", config::string("data-host", Value(""), "address that other workers fetch objects from"))},
      .examples = {"headrace worker --connect tls:10.0.0.5:7400#4f2a..."},
      .run = run};
}

}  // namespace headrace::cli
