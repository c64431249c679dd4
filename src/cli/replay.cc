// SPDX-License-Identifier: Apache-2.0
// Ids tell whether the same work was asked for (operator, version, parameters, seed, digests of the sources); content digests tell
// whether it gave the same bytes. A source file that changed shows as ids that are not made again.

#include "cli/replay.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "headrace/base/text.h"
#include "headrace/exec/packs.h"
#include "headrace/exec/store.h"
#include "headrace/io/file.h"

namespace headrace::cli {
namespace {

using exec::RecordedRun;
using exec::TaskStatus;

bool ended_well(TaskStatus status) { return status == TaskStatus::kDone || status == TaskStatus::kRemembered; }

// Everything is written, so that there is as much to compare as the recorded run kept; how results are kept is not part of ids.
graph::Graph keeping_all(graph::Graph graph) {
  for (graph::Node& node : graph.nodes) node.annotations.cache = graph::Cache::kAlways;
  return graph;
}

bool makes(const graph::Plan& plan, std::int32_t task, const std::string& object) {
  const graph::Task& of = plan.tasks[static_cast<std::size_t>(task)];
  return of.output(0).hex() == object || of.output(1).hex() == object;
}

std::optional<std::size_t> path_behind(const graph::Plan& plan, const std::string& object) {
  for (std::size_t path = 0; path < plan.paths.size(); ++path) {
    for (const std::int32_t task : tasks_of(plan, path)) {
      if (makes(plan, task, object)) return path;
    }
  }
  return std::nullopt;
}

// The path alone under the same folds, when the cut can say where they are taken.
std::optional<graph::Graph> graph_of_path(const RecordedRun& recorded, std::size_t path, const graph::Catalogue& catalogue) {
  const graph::Graph& whole = recorded.plan->expanded.graph;
  graph::Graph graph = select(*recorded.plan, path);
  graph.evaluate = whole.evaluate;
  graph.file = recorded.file;
  if (graph.evaluate.has_value()) {
    for (const std::string& name : graph.evaluate->at) {
      if (graph.find(name) == nullptr) return std::nullopt;
    }
  }
  if (!graph::validate(graph, catalogue).empty()) return std::nullopt;
  return graph;
}

std::unordered_map<std::string, Digest> contents_of(const RecordedRun& run, exec::Store& store) {
  std::unordered_map<std::string, Digest> contents;
  const auto add = [&](const exec::Kept& kept) {
    if (kept.length > 0) contents.emplace(kept.id.hex(), kept.content);
  };
  for (const exec::TaskEvent& event : run.events) {
    for (const exec::Kept& kept : event.kept) add(kept);
  }
  for (std::size_t i = 0; i < run.plan->tasks.size(); ++i) {
    if (run.status[i] != TaskStatus::kRemembered) continue;
    for (int slot = 0; slot < 2; ++slot) {
      if (const auto kept = store.find(run.plan->tasks[i].output(slot))) add(*kept);
    }
  }
  return contents;
}

class Comparison {
 public:
  Comparison(const RecordedRun& before, exec::Store& store_before, const RecordedRun& after, exec::Store& store_after, ReplayReport& report)
      : before_(before),
        after_(after),
        contents_before_(contents_of(before, store_before)),
        contents_after_(contents_of(after, store_after)),
        report_(report) {
    for (std::size_t i = 0; i < after.plan->tasks.size(); ++i)
      tasks_after_.emplace(after.plan->tasks[i].id.hex(), static_cast<std::int32_t>(i));
  }

  // Compares the task at `index` of the recorded plan.
  void compare(std::size_t index) {
    if (!ended_well(before_.status[index])) return;
    const graph::Task& task = before_.plan->tasks[index];
    const auto again = tasks_after_.find(task.id.hex());
    if (again == tasks_after_.end()) {
      ++report_.objects;
      differ(index, task.id.hex(), "it was not made again: a source file, an operator's version or the seed changed");
      return;
    }
    if (!ended_well(after_.status[static_cast<std::size_t>(again->second)])) {
      ++report_.objects;
      differ(index, task.id.hex(), "it failed this time");
      return;
    }
    for (int slot = 0; slot < 2; ++slot) compare_bytes(index, task.output(slot).hex(), slot);
  }

  void compare_scores(std::size_t path_before, std::size_t path_after) {
    const auto& was = before_.scores[path_before];
    const auto& is = after_.scores[path_after];
    for (std::size_t fold = 0; fold < std::min(was.size(), is.size()); ++fold) {
      if (!was[fold].has_value() || !is[fold].has_value()) continue;
      for (const auto& [metric, value] : was[fold]->values) {
        const double* now = is[fold]->find(metric);
        ++report_.scores;
        const bool same = now != nullptr && (*now == value || (std::isnan(*now) && std::isnan(value)));
        if (same) continue;
        const std::int32_t task = before_.plan->paths[path_before].scores[fold];
        differ(static_cast<std::size_t>(task), before_.plan->tasks[static_cast<std::size_t>(task)].id.hex(),
               cat(metric, " was ", value, ", now it is ", now == nullptr ? std::string("missing") : number_text(*now)));
      }
    }
  }

 private:
  void compare_bytes(std::size_t index, const std::string& id, int slot) {
    const auto was = contents_before_.find(id);
    const auto is = contents_after_.find(id);
    if (slot == 0 || was != contents_before_.end()) ++report_.objects;
    if (was == contents_before_.end() || is == contents_after_.end()) return;
    ++report_.compared;
    if (was->second != is->second)
      differ(index, id, cat("its bytes differ: sha256 was ", was->second.brief(), ", now it is ", is->second.brief()));
  }

  void differ(std::size_t task, const std::string& id, std::string why) {
    report_.differences.push_back({id, task_text(*before_.plan, static_cast<std::int32_t>(task)), std::move(why)});
  }

  const RecordedRun& before_;
  const RecordedRun& after_;
  const std::unordered_map<std::string, Digest> contents_before_, contents_after_;
  std::unordered_map<std::string, std::int32_t> tasks_after_;
  ReplayReport& report_;
};

void compare_all(const RecordedRun& before, exec::Store& store, const RecordedRun& after, exec::Store& fresh, const std::string& object,
                 ReplayReport& report) {
  Comparison comparison(before, store, after, fresh, report);
  for (std::size_t i = 0; i < before.plan->tasks.size(); ++i) {
    if (object.empty() || makes(*before.plan, static_cast<std::int32_t>(i), object)) comparison.compare(i);
  }
  if (!object.empty() || before.scores.size() != after.scores.size()) return;
  for (std::size_t path = 0; path < before.scores.size(); ++path) comparison.compare_scores(path, path);
}

}  // namespace

Result<ReplayReport> replay(const RecordedRun& recorded, exec::Store& store, const graph::Catalogue& catalogue, exec::Packs& packs,
                            const ReplayOptions& options) {
  ReplayReport report{.run = recorded.id};
  graph::Graph graph = recorded.plan->expanded.graph;
  graph.file = recorded.file;
  if (!options.object.empty()) {
    const auto path = path_behind(*recorded.plan, options.object);
    if (!path.has_value())
      return Error(Code::kNotFound, cat("no path of run ", recorded.id, " makes object ", options.object.substr(0, 12)));
    if (auto alone = graph_of_path(recorded, *path, catalogue)) {
      graph = std::move(*alone);
      report.whole = false;
    }
  }
  HEADRACE_ASSIGN(const io::TemporaryFolder folder, io::TemporaryFolder::create("headrace-replay"));
  HEADRACE_ASSIGN(const std::unique_ptr<exec::Store> fresh, exec::Store::open(folder.path()));
  exec::RunOptions run = options.run;
  run.mode = recorded.plan->mode;
  HEADRACE_ASSIGN(const exec::RunOutcome outcome, exec::run_graph(keeping_all(std::move(graph)), catalogue, packs, fresh.get(), run));
  if (outcome.report.status == "cancelled")
    return Error(Code::kCancelled, "the replay was stopped before the end", "run the same command again");
  report.seconds = outcome.report.seconds;
  HEADRACE_ASSIGN(const RecordedRun again, exec::read_run(*fresh, catalogue, outcome.report.run));
  compare_all(recorded, store, again, *fresh, options.object, report);
  return report;
}

}  // namespace headrace::cli
