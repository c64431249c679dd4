// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  std::vector<std::string> removed;
  for (const std::string& name : arguments.texts("remove")) {
    HEADRACE_ASSIGN(const std::string id, store->resolve_run(name));
    HEADRACE_TRY(store->remove_run(id));
    removed.push_back(id);
  }
  int shrunk = 0;
  if (arguments.given("shrink")) {
    HEADRACE_ASSIGN(const std::uint64_t bytes, parse_size(arguments.text("shrink"), "--shrink"));
    HEADRACE_ASSIGN(shrunk, store->shrink(bytes));
  }
  const std::vector<exec::RunSummary> runs = store->runs();
  std::uint64_t bytes = 0;
  for (const exec::RunSummary& run : runs) bytes += run.bytes;
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("store", store->folder());
    document.set("runs", static_cast<std::int64_t>(runs.size()));
    document.set("bytes", static_cast<std::int64_t>(bytes));
    document.set("removed", static_cast<std::int64_t>(removed.size()) + shrunk);
    session.out.print_json(document);
    return 0;
  }
  if (arguments.flag("path")) {
    session.out.print(cat(store->folder(), "\n"));
    return 0;
  }
  for (const std::string& id : removed) session.out.say(cat("removed ", id));
  if (arguments.given("shrink")) session.out.say(cat("removed ", shrunk, " of the oldest runs"));
  session.out.print(cat(store->folder(), ": ", runs.size(), " runs, ", bytes_text(bytes), "\n"));
  return 0;
}

}  // namespace

Command store_command() {
  return {.name = "store",
          .summary = "show, shrink or clean what is kept of runs",
          .details = "Removing a run removes the objects it made; another run that remembers them makes them again when it needs them.",
          .flags = {toggle("path", "print the folder only"),
                    takes("RUN", config::list("remove", config::Type::kStringList, config::Value(),
                                              "remove a run: its id, the start of it, or \"last\""))
                        .many(),
                    takes("SIZE", config::string("shrink", config::Value(),
                                                 "remove the oldest runs until the store is at most this big, such as 2GB")),
                    store_flag(), json_flag()},
          .examples = {"headrace store", "headrace store --shrink 2GB"},
          .run = run};
}

}  // namespace headrace::cli
