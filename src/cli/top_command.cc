// SPDX-License-Identifier: Apache-2.0
// headrace top: the runs that go on, node by node and worker by worker, drawn anew every second.

#include <unistd.h>

#include <cmath>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/session.h"
#include "headrace/base/text.h"
#include "headrace/exec/store.h"

namespace headrace::cli {
namespace {

using config::Value;

// Files of another version may lack a field, or hold something else: then nothing is shown there.
double number(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is_number() ? value->real() : 0;
}
std::string text(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is_string() ? printable(value->string()) : std::string();
}
const config::List& list(const Value& map, std::string_view key) {
  static const config::List kNone;
  const Value* value = map.find(key);
  return value != nullptr && value->is_list() ? value->list() : kNone;
}
std::string count(const Value& map, std::string_view key) { return cat(static_cast<std::int64_t>(number(map, key))); }
std::string size(const Value& map, std::string_view key) { return bytes_text(static_cast<std::uint64_t>(std::max(0.0, number(map, key)))); }
std::string rate(double value) { return cat(value < 10 ? std::round(value * 10) / 10 : std::round(value), "/s"); }

std::string head(const Value& run) {
  std::string line = cat(text(run, "pipeline"), ", process ", count(run, "pid"), ": ", count(run, "ended"), " of ", count(run, "total"),
                         " tasks in ", seconds_text(number(run, "seconds")), ", ", rate(number(run, "rate")));
  if (number(run, "left_s") >= 0) line += cat(", about ", seconds_text(number(run, "left_s")), " left");
  if (number(run, "failed") > 0) line += cat(", ", count(run, "failed"), " failed");
  if (number(run, "remembered") > 0) line += cat(", ", count(run, "remembered"), " remembered");
  return line + "\n";
}

std::string nodes_of(const Value& run) {
  std::vector<std::vector<std::string>> rows = {{"node", "done", "of", "running", "failed", "rate"}};
  for (const Value& node : list(run, "nodes")) {
    rows.push_back({text(node, "name"), count(node, "ended"), count(node, "total"), count(node, "running"), count(node, "failed"),
                    rate(number(node, "rate"))});
  }
  return columns(rows, {1, 2, 3, 4, 5});
}

std::string workers_of(const Value& run) {
  std::string out = cat(list(run, "workers").size(), " workers, ", count(run, "waiting"), " calls wait, ", count(run, "queued"),
                        " queued, ", size(run, "object_bytes"), " of objects, ", size(run, "spilled_bytes"), " on disk");
  if (number(run, "workers_lost") > 0)
    out += cat(", ", count(run, "workers_lost"), " workers lost, ", count(run, "calls_again"), " calls again");
  out += "\n";
  std::vector<std::vector<std::string>> rows = {{"worker", "host", "pid", "done", "held", "memory", "objects", "cpu", "runs"}};
  for (const Value& worker : list(run, "workers")) {
    rows.push_back({text(worker, "name"), text(worker, "host"), count(worker, "pid"), count(worker, "calls_done"),
                    count(worker, "calls_held"), size(worker, "rss_bytes"), size(worker, "object_bytes"),
                    seconds_text(number(worker, "cpu_seconds")), text(worker, "running")});
  }
  return out + columns(rows, {2, 3, 4, 5, 6, 7});
}

std::string page(const std::vector<Value>& runs, const std::string& folder) {
  if (runs.empty()) return cat("no run goes on in ", folder, "\n");
  std::string out;
  for (const Value& run : runs) {
    if (!out.empty()) out += "\n";
    out += cat(head(run), "\n", nodes_of(run));
    if (run.find("workers") != nullptr) out += cat("\n", workers_of(run));
  }
  return out;
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const exec::Store* store, session.store(arguments.text("store")));
  const bool draws = !arguments.flag("once") && !session.out.json() && is_terminal(1);
  const Interrupt interrupt([](Interrupt::Cause) {}, 0);
  while (true) {
    const std::vector<Value> runs = live_runs(store->folder());
    if (session.out.json()) {
      Value document;
      document.set("runs", config::List(runs.begin(), runs.end()));
      session.out.print_json(document);
    } else {
      // Home, each line cleared to its end, then all below: no flicker.
      std::string lines = page(runs, store->folder());
      if (draws) {
        std::string drawn = "\x1b[H";
        for (const std::string& line : split(lines, '\n')) drawn.append(line).append("\x1b[K\n");
        lines = drawn.append("\x1b[J");
      }
      session.out.print(lines);
    }
    if (!draws) return 0;
    for (int tick = 0; tick < 10; ++tick) {
      if (interrupt.token().stop_requested()) return 0;
      usleep(100'000);
    }
  }
}

}  // namespace

Command top_command() {
  return {.name = "top",
          .summary = "watch the runs that go on: nodes, workers, queues, rates, memory",
          .details =
              "Shows every run of the store that is going on, from any terminal, and draws it anew each second. Where its output is no "
              "terminal, or with --once, it prints once.",
          .flags = {store_flag(), toggle("once", "print once and end"), json_flag()},
          .examples = {"headrace top", "headrace top --json | jq '.runs[0].workers'"},
          .run = run};
}

}  // namespace headrace::cli
