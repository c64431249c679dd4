// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/run.h"

#include <unistd.h>

#include <cctype>
#include <filesystem>

#include "exec/recorder.h"
#include "exec/store_access.h"
#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::exec {
namespace {

using detail::RunFacts;
using detail::RunFolder;

std::string folder_of(const std::string& file) {
  std::error_code error;
  return file.empty() ? std::filesystem::current_path(error).string()
                      : std::filesystem::absolute(file, error).parent_path().string();
}

// "digits-20261124-053112-3f2a": what, when, and four digits against two in one second.
std::string new_run_id(const graph::Graph& graph, const Digest& plan, std::int64_t now_us) {
  std::string name;
  for (const char character : graph.name.substr(0, 40)) name += std::isalnum(static_cast<unsigned char>(character)) ? character : '_';
  std::string time = iso_time(now_us);   // 2026-11-24T05:31:12Z
  std::erase_if(time, [](char character) { return character == '-' || character == ':' || character == 'Z'; });
  time[8] = '-';
  const Digest unique = Hasher().field(plan).field(static_cast<std::uint64_t>(now_us)).field(static_cast<std::uint64_t>(getpid())).finish();
  return cat(name, "-", time, "-", unique.hex().substr(0, 4));
}

// The folder to record in: that of a killed or stopped run of the same plan, or a new one.
Result<std::unique_ptr<RunFolder>> folder_for(Store::Impl& store, const RunFacts& facts, const graph::Graph& graph, bool* resumed) {
  const auto note = [&store, facts](const std::string& id, std::int64_t started_us) {
    return store.index->set_run({.id = id, .pipeline = facts.pipeline, .status = "running", .started_us = started_us}, facts.plan);
  };
  for (const std::string& id : store.index->unended(facts.plan)) {
    auto folder = RunFolder::reopen(store.runs_folder(), id);
    if (folder.ok()) {
      *resumed = true;
      HEADRACE_TRY(note(id, (*folder)->facts().started_us));
      return folder;
    }
    if (folder.error().code != Code::kBusy) log(LogLevel::kWarning, cat("run ", id, " cannot be resumed: ", folder.error().text()));
  }
  *resumed = false;
  return RunFolder::create(store.runs_folder(), facts, graph, [note, facts] { return note(facts.id, facts.started_us); });
}

}  // namespace

Result<RunOutcome> run_graph(const graph::Graph& validated, const graph::Catalogue& catalogue, Packs& packs, Store* store,
                             const RunOptions& options) {
  RunFacts facts{.pipeline = validated.name, .file = validated.file, .command = options.command, .mode = options.mode};
  HEADRACE_ASSIGN(graph::Expanded expanded, graph::expand(validated));
  graph::LowerOptions lowering{.mode = options.mode};
  lowering.file_digest = [&](const std::string& path) -> Result<Digest> {
    HEADRACE_ASSIGN(const Digest digest, store != nullptr ? store->file_digest(path) : io::file_digest(path));
    facts.files[path] = digest;
    return digest;
  };
  HEADRACE_ASSIGN(graph::Plan lowered, graph::lower(std::move(expanded), catalogue, lowering));
  // Beyond this point the plan no longer changes.
  auto plan = std::make_shared<const graph::Plan>(std::move(lowered));

  ExecuteOptions execution{.workers = options.workers,
                           .place = options.place,
                           .python = options.python,
                           .memory_bytes = options.memory_bytes,
                           .recall = options.recall,
                           .folder = folder_of(validated.file),
                           .stop = options.stop,
                           .sinks = options.sinks,
                           .keep_outputs = options.keep_outputs};
  std::optional<RunRecorder> recorder;
  RunOutcome outcome{.plan = plan};
  if (store != nullptr) {
    Store::Impl& inside = StoreAccess::of(*store);
    facts.plan = plan->digest();
    facts.started_us = system_clock().wall_us();
    facts.id = new_run_id(validated, facts.plan, facts.started_us);
    HEADRACE_ASSIGN(auto folder, folder_for(inside, facts, validated, &outcome.report.resumed));
    recorder.emplace(*store, std::move(folder), plan);
    execution.memory = &*recorder;
    execution.sinks.insert(execution.sinks.begin(), &*recorder);   // the journal first: nobody is told what is not recorded
  }
  auto executed = execute(*plan, catalogue, packs, execution);
  if (!executed.ok()) {
    // Refused input leaves no run behind; one that was resumed keeps what it has.
    if (recorder.has_value() && !outcome.report.resumed) {
      const std::string id = recorder->facts().id;
      recorder.reset();
      HEADRACE_TRY(store->remove_run(id));
    }
    return std::move(executed).error();
  }
  outcome.execution = std::move(executed).value();
  const bool resumed = outcome.report.resumed;
  outcome.report = summarise(*plan, catalogue, outcome.execution);
  outcome.report.resumed = resumed;
  if (recorder.has_value()) {
    outcome.report.run = recorder->facts().id;
    HEADRACE_TRY(recorder->finish(outcome.report));
  }
  return outcome;
}

}  // namespace headrace::exec
