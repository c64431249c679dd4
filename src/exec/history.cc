// SPDX-License-Identifier: Apache-2.0
// Reading runs back: the plan is lowered again from the kept graph and file digests, so it needs neither the data nor their place.

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "exec/store_access.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/exec/run.h"

namespace headrace::exec {
namespace {

using config::Value;
using detail::RunFacts;
using detail::RunJournal;

Result<graph::Plan> lower_again(const graph::Graph& written, const RunFacts& facts, const graph::Catalogue& catalogue) {
  graph::Graph graph = written;
  const std::vector<Error> errors = graph::validate(graph, catalogue);
  if (!errors.empty()) return Error(errors[0]).within(cat("the graph of run ", facts.id, " is not valid for this program"));
  HEADRACE_ASSIGN(graph::Expanded expanded, graph::expand(std::move(graph)));
  graph::LowerOptions options{.mode = facts.mode};
  options.file_digest = [&](const std::string& path) -> Result<Digest> {
    const auto found = facts.files.find(path);
    if (found != facts.files.end()) return found->second;
    return Error(Code::kNotFound, cat("run ", facts.id, " did not note the digest of ", path));
  };
  options.list_files = [&](const std::string&) -> Result<std::vector<std::string>> {
    std::vector<std::string> files;
    for (const auto& [path, digest] : facts.files) files.push_back(path);
    return files;
  };
  HEADRACE_ASSIGN(graph::Plan plan, graph::lower(std::move(expanded), catalogue, options));
  if (plan.digest() != facts.plan) {
    return Error(Code::kVersion, cat("run ", facts.id, " was made by other versions of its operators"), "run its pipeline again");
  }
  return plan;
}

// What the executor would have said, from the journal and the index.
ExecuteOutcome outcome_of(Store& store, const graph::Plan& plan, const RunJournal& journal) {
  ExecuteOutcome outcome;
  outcome.tasks.resize(plan.tasks.size());
  outcome.seconds = journal.seconds;
  outcome.cancelled = journal.status == "cancelled";
  for (TaskOutcome& task : outcome.tasks) task.status = journal.status == "running" ? TaskStatus::kCancelled : TaskStatus::kRemembered;
  for (const TaskEvent& event : journal.events) {
    if (event.task < 0 || static_cast<std::size_t>(event.task) >= plan.tasks.size()) continue;
    TaskOutcome& task = outcome.tasks[static_cast<std::size_t>(event.task)];
    task.status = event.status;
    task.seconds = static_cast<double>(event.end_us - event.start_us) * 1e-6;
    task.attempts = event.attempt;
    task.error = event.error;
  }
  std::unordered_map<ObjectId, Kept, DigestHash> made;
  for (const TaskEvent& event : journal.events) {
    for (const Kept& kept : event.kept) made.emplace(kept.id, kept);
  }
  const auto find = [&](const ObjectId& id) -> std::optional<Kept> {
    if (const auto found = made.find(id); found != made.end()) return found->second;
    return store.find(id);
  };
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (outcome.tasks[i].status != TaskStatus::kRemembered) continue;
    if (const auto kept = find(plan.tasks[i].output(0))) outcome.tasks[i].seconds = kept->seconds;
  }
  for (const graph::Path& path : plan.paths) {
    auto& scores = outcome.scores.emplace_back();
    for (const std::int32_t task : path.scores) {
      auto& score = scores.emplace_back();
      if (task < 0) continue;
      const auto kept = find(plan.tasks[static_cast<std::size_t>(task)].output(0));
      if (!kept.has_value() || kept->length == 0) continue;
      if (auto object = store.load(*kept); object.ok() && object->kind() == data::Kind::kMetrics) score = object->metrics();
    }
  }
  return outcome;
}

// Finds the task that makes what the words name.
Result<graph::Ref> find_object(const graph::Plan& plan, std::string_view object) {
  std::vector<graph::Ref> found;
  std::vector<std::string> names;
  const std::size_t at = object.rfind('@');
  const std::string_view node = object.substr(0, at);
  const int fold = at == std::string_view::npos ? -1 : std::atoi(std::string(object.substr(at + 1)).c_str()) - 1;   // from 1, as printed
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const graph::Task& task = plan.tasks[i];
    for (int slot = 0; slot < (task.wants_output ? 2 : 1); ++slot) {
      if (object.size() >= 4 && task.output(slot).hex().starts_with(object)) found.push_back({static_cast<std::int32_t>(i), slot});
    }
  }
  if (found.empty()) {
    // By node: the last thing it makes in that fold (its score or output rather than its model).
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
      const graph::Task& task = plan.tasks[i];
      const std::string& name = plan.expanded.nodes[static_cast<std::size_t>(task.node)].name;
      names.push_back(name);
      if (name == node && (fold < 0 || task.fold == fold)) found = {{static_cast<std::int32_t>(i), 0}};
    }
  }
  if (found.empty()) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return Error(Code::kNotFound, cat("the run made nothing called ", object), nearest_advice(object, names));
  }
  if (found.size() > 1) return Error(Code::kNotFound, cat(found.size(), " objects start with ", object), "give more digits");
  return found[0];
}

class Explanation {
 public:
  Explanation(Store& store, const RecordedRun& run, const graph::Catalogue& catalogue) : store_(store), run_(run), catalogue_(catalogue) {
    for (const TaskEvent& event : run.events) events_[event.task] = &event;
  }

  Value of(const graph::Ref& ref) {
    const graph::Plan& plan = *run_.plan;
    const graph::Task& task = plan.tasks[static_cast<std::size_t>(ref.task)];
    const graph::ExpandedNode& node = plan.expanded.nodes[static_cast<std::size_t>(task.node)];
    const graph::Node& written = plan.expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
    Value out{config::Map{}};
    out.set("object", task.output(ref.slot).hex());
    out.set("what", graph::task_text(plan, ref.task));
    out.set("phase", std::string(graph::phase_name(task.phase)));
    out.set("node", node.name);
    if (task.fold >= 0) out.set("fold", static_cast<int>(task.fold));
    const bool splits = task.phase == graph::Phase::kSplit;
    const std::string& op = splits ? plan.expanded.graph.evaluate->splitter : written.op;
    out.set("op", op);
    const graph::OperatorSpec* spec = catalogue_.find(op);
    if (spec != nullptr) out.set("version", spec->version);
    out.set("params", splits ? plan.expanded.graph.evaluate->splitter_params : graph::params_of(plan, task));
    if (spec != nullptr && spec->random) out.set("seed", std::to_string(splits ? plan.split_seed : node.seed));
    if (const auto kept = store_.find(task.output(ref.slot))) {
      out.set("made_by_run", kept->run);
      if (kept->length > 0) out.set("content_sha256", kept->content.hex());
      out.set("bytes", static_cast<std::int64_t>(kept->length));
      out.set("seconds", kept->seconds);
    }
    if (const auto event = events_.find(ref.task); event != events_.end()) {
      out.set("status", std::string(status_name(event->second->status)));
      out.set("attempt", event->second->attempt);
      out.set("worker", event->second->worker);
      out.set("ended", iso_time(event->second->end_us));
      if (event->second->error.has_value()) out.set("error", event->second->error->text());
    } else {
      out.set("status", std::string(status_name(run_.status[static_cast<std::size_t>(ref.task)])));
    }
    config::List inputs;
    if (task.model.task >= 0) inputs.push_back(once(task.model, "model"));
    for (const graph::Ref& input : task.inputs) inputs.push_back(once(input, "input"));
    out.set("inputs", Value(std::move(inputs)));
    return out;
  }

 private:
  // Shared ancestors are told once; after that their id stands for them.
  Value once(const graph::Ref& ref, const char* role) {
    const ObjectId id = run_.plan->tasks[static_cast<std::size_t>(ref.task)].output(ref.slot);
    if (!told_.insert(id).second) {
      Value brief{config::Map{}};
      brief.set("as", role);
      brief.set("object", id.hex());
      brief.set("what", graph::task_text(*run_.plan, ref.task));
      brief.set("told", "above");
      return brief;
    }
    Value full = of(ref);
    full.set("as", role);
    return full;
  }

  Store& store_;
  const RecordedRun& run_;
  const graph::Catalogue& catalogue_;
  std::map<std::int32_t, const TaskEvent*> events_;
  std::set<ObjectId> told_;
};

}  // namespace

Result<RecordedRun> read_run(Store& store, const graph::Catalogue& catalogue, std::string_view run) {
  RecordedRun recorded;
  HEADRACE_ASSIGN(recorded.id, store.resolve_run(run));
  const std::string folder = StoreAccess::of(store).run_folder(recorded.id);
  HEADRACE_ASSIGN(const RunFacts facts, detail::read_facts(folder));
  HEADRACE_ASSIGN(const graph::Graph graph, detail::read_run_graph(folder, facts));
  HEADRACE_ASSIGN(RunJournal journal, detail::read_journal(folder, recorded.id));
  HEADRACE_ASSIGN(graph::Plan plan, lower_again(graph, facts, catalogue));
  recorded.command = facts.command;
  recorded.file = facts.file;
  recorded.started_us = facts.started_us;
  ExecuteOutcome outcome = outcome_of(store, plan, journal);
  recorded.report = summarise(plan, catalogue, outcome);
  recorded.report.run = recorded.id;
  if (journal.status == "running") recorded.report.status = "interrupted";
  for (const TaskOutcome& task : outcome.tasks) recorded.status.push_back(task.status);
  recorded.scores = std::move(outcome.scores);
  recorded.events = std::move(journal.events);
  recorded.plan = std::make_shared<const graph::Plan>(std::move(plan));
  return recorded;
}

Result<config::Value> explain(Store& store, const graph::Catalogue& catalogue, std::string_view run, std::string_view object) {
  HEADRACE_ASSIGN(const RecordedRun recorded, read_run(store, catalogue, run));
  HEADRACE_ASSIGN(const graph::Ref ref, find_object(*recorded.plan, object));
  Value out{config::Map{}};
  out.set("run", recorded.id);
  out.set("pipeline", recorded.report.pipeline);
  out.set("file", recorded.file);
  out.set("graph_seed", std::to_string(recorded.report.seed));
  Value& sources = out.set("sources", Value(config::Map{}));
  HEADRACE_ASSIGN(const RunFacts facts, detail::read_facts(StoreAccess::of(store).run_folder(recorded.id)));
  for (const auto& [path, digest] : facts.files) sources.set(path, digest.hex());
  out.set("replay", cat("headrace replay ", recorded.id, " --object ",
                        recorded.plan->tasks[static_cast<std::size_t>(ref.task)].output(ref.slot).brief()));
  out.set("made", Explanation(store, recorded, catalogue).of(ref));
  return out;
}

}  // namespace headrace::exec
