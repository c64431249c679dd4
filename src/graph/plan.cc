// SPDX-License-Identifier: Apache-2.0
// Reading a plan: digest, outputs, the tasks and nodes of a path, names of tasks.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <unordered_set>

#include "graph/firings.h"
#include "graph/paths.h"
#include "headrace/base/text.h"
#include "headrace/graph/plan.h"

namespace headrace::graph {
namespace {

constexpr std::array kPhases = {std::string_view("read"),    std::string_view("split"),  std::string_view("take"),
                                std::string_view("fit"),     std::string_view("update"), std::string_view("transform"),
                                std::string_view("predict"), std::string_view("score"),  std::string_view("join"),
                                std::string_view("stack"),   std::string_view("prune")};
constexpr std::array kModes = {std::string_view("fit"), std::string_view("transform"), std::string_view("predict"),
                               std::string_view("score")};
constexpr std::string_view kPlanFormat = "headrace.plan.1";

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// The alternatives that a firing descends from, its own node's apart: "pca[components=5], part-2.csv".
std::string lineage_text(const Plan& plan, const Fired& firing) {
  const Firings& firings = *plan.firings;
  std::vector<std::string> parts;
  for (const LineageEntry& entry : firings.lineages.entries(firing.lineage)) {
    const Choice& choice = firings.lineages.choice_at(entry.choice);
    const int origin = choice.nodes[0];
    if (choice.kind == Choice::Kind::kAlternative && plan.expanded.nodes[at(firing.node)].origin != origin) {
      for (const ExpandedNode& node : plan.expanded.nodes) {
        if (node.origin == origin && node.alternative == entry.number) parts.push_back(node.name);
      }
    } else if (choice.kind == Choice::Kind::kUnited) {
      parts.push_back(plan.expanded.graph.nodes[at(choice.nodes[at(entry.number)])].name);
    } else if (choice.kind == Choice::Kind::kPiece) {
      for (std::size_t node = 0; node < plan.expanded.nodes.size(); ++node) {
        if (plan.expanded.nodes[node].origin != origin) continue;
        parts.push_back(piece_text(plan.expanded, firings, static_cast<int>(node), firing.lineage));
        break;
      }
    } else if (choice.kind == Choice::Kind::kTuple) {
      parts.push_back(cat("combination ", entry.number + 1));
    }
  }
  return join(parts, ", ");
}

// Adds what a task makes of its node's data.
void append_data(const Plan& plan, std::int32_t index, std::vector<Ref>& out) {
  const Task& task = plan.tasks[at(index)];
  const bool whole = task.piece < 0 && (task.phase == Phase::kTransform || task.phase == Phase::kPredict || task.phase == Phase::kJoin);
  const bool united = task.phase == Phase::kStack && task.piece > 0;
  if (task.phase == Phase::kRead || whole || united) out.push_back({index, 0});
  if (task.wants_output) out.push_back({index, 1});
}

// A join that nobody needs as a tuple is not made: its parts stand for it, firing by firing, fold by fold.
std::vector<Ref> parts_of(const Plan& plan, int node) {
  const Firings& firings = *plan.firings;
  std::map<std::pair<int, bool>, std::map<int, std::vector<Ref>>> made;   // by fold and side, then by firing
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const Task& task = plan.tasks[i];
    append_data(plan, static_cast<std::int32_t>(i), made[{task.fold, task.test_side}][task.firing]);
  }
  std::vector<Ref> out;
  for (const auto& [side, by_firing] : made) {
    const std::function<void(int)> add = [&](int firing) {
      const Fired& fired = firings.all[at(firing)];
      const bool join = plan.expanded.graph.nodes[at(plan.expanded.nodes[at(fired.node)].origin)].op == "join";
      for (const int part : join && !fired.stack ? firings.inputs_of(firing) : std::span<const int>()) add(part);
      if (const auto found = by_firing.find(firing); found != by_firing.end())
        out.insert(out.end(), found->second.begin(), found->second.end());
    };
    for (int firing = firings.of_node[at(node)].begin; firing < firings.of_node[at(node)].end; ++firing) add(firing);
  }
  return out;
}

}  // namespace

std::string_view phase_name(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }
std::string_view mode_name(Mode mode) { return kModes[static_cast<std::size_t>(mode)]; }

ObjectId Task::output(int slot) const {
  return slot == 0 ? id : Hasher().field("slot").field(id).field(static_cast<std::uint64_t>(slot)).finish();
}

Digest Plan::digest() const {
  Hasher hasher;
  hasher.field(kPlanFormat).field(mode_name(mode)).field(static_cast<std::uint64_t>(folds));
  for (const std::string& metric : metrics) hasher.field(metric);
  hasher.field(static_cast<std::uint64_t>(tasks.size()));
  for (const Task& task : tasks) hasher.bytes(task.id.bytes.data(), task.id.bytes.size());
  hasher.field(static_cast<std::uint64_t>(paths.size()));
  for (const Path& path : paths) {
    hasher.field(path.label).field(path.scores.size()).field(path.outputs.size());
    for (const std::int32_t score : path.scores) hasher.field(static_cast<std::uint64_t>(score));
    for (const Ref& output : path.outputs)
      hasher.field(static_cast<std::uint64_t>(output.task)).field(static_cast<std::uint64_t>(output.slot));
  }
  for (const Pruning& pruning : prunings)
    hasher.field(pruning.rule.metric).field(number_text(pruning.rule.keep)).field(pruning.paths.size());
  return hasher.finish();
}

config::Value params_of(const Plan& plan, const Task& task) {
  const ExpandedNode& node = plan.expanded.nodes[at(task.node)];
  config::Value params = node.params;
  if (task.phase != Phase::kRead || node.files.empty() || task.piece < 0) return params;
  params.set(node.pattern, node.files[at(task.piece)]);
  return params;
}

std::vector<Ref> outputs_of(const Plan& plan, int node) {
  std::vector<Ref> data;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].node == node) append_data(plan, static_cast<std::int32_t>(i), data);
  }
  if (!data.empty()) return data;
  const bool join = plan.expanded.graph.nodes[at(plan.expanded.nodes[at(node)].origin)].op == "join";
  return join ? parts_of(plan, node) : models_of(plan, node);
}

std::vector<Ref> models_of(const Plan& plan, int node) {
  std::vector<Ref> models;
  std::unordered_set<std::int32_t> continued;
  for (std::size_t i = plan.tasks.size(); i-- > 0;) {
    const Task& task = plan.tasks[i];
    if (task.node != node || (task.phase != Phase::kFit && task.phase != Phase::kUpdate)) continue;
    if (task.phase == Phase::kUpdate && task.model.task >= 0) continued.insert(task.model.task);
    if (!continued.contains(static_cast<std::int32_t>(i))) models.push_back({static_cast<std::int32_t>(i), 0});
  }
  std::reverse(models.begin(), models.end());
  return models;
}

std::vector<int> nodes_of(const Plan& plan, std::size_t path) {
  if (!plan.paths[path].nodes.empty()) return plan.paths[path].nodes;
  std::size_t visits = static_cast<std::size_t>(-1);
  return nodes_of(*plan.firings, Walk(*plan.firings).behind(plan.paths[path].firings, visits));
}

std::vector<std::int32_t> tasks_of(const Plan& plan, std::size_t path) {
  const Path& at_path = plan.paths[path];
  std::vector<std::int32_t> open = at_path.scores, out;
  for (const Ref& output : at_path.outputs) open.push_back(output.task);
  std::unordered_set<std::int32_t> seen;
  while (!open.empty()) {
    const std::int32_t task = open.back();
    open.pop_back();
    if (task < 0 || !seen.insert(task).second) continue;
    out.push_back(task);
    for (const Ref& input : plan.tasks[at(task)].inputs) open.push_back(input.task);
    open.push_back(plan.tasks[at(task)].model.task);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string task_text(const Plan& plan, std::int32_t index) {
  const Task& task = plan.tasks[at(index)];
  std::string out = cat(phase_name(task.phase), " ", plan.expanded.nodes[at(task.node)].name);
  if (task.firing >= 0) {
    const std::string lineage = lineage_text(plan, plan.firings->all[at(task.firing)]);
    if (!lineage.empty()) out += cat(task.phase == Phase::kRead ? " " : " after ", lineage);
  }
  if (task.piece >= 0 &&
      (task.phase == Phase::kTransform || task.phase == Phase::kPredict || (task.phase == Phase::kTake && task.inputs.size() == 1)))
    out += cat(", part ", task.piece + 1);
  if (task.fold >= 0)
    out += cat(", fold ", task.fold + 1, " of ", plan.folds,
               task.test_side && task.phase != Phase::kScore && task.phase != Phase::kPrune ? ", held-out rows" : "");
  return out;
}

}  // namespace headrace::graph
