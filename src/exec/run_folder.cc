// SPDX-License-Identifier: Apache-2.0
#include "exec/run_folder.h"

#include <filesystem>

#include "exec/demand.h"
#include "headrace/base/text.h"

namespace headrace::exec::detail {
namespace {

using config::Value;

constexpr int kFactsVersion = 1;

Value error_value(const Error& error) {
  Value out{config::Map{}};
  out.set("code", static_cast<int>(error.code));
  out.set("message", error.message);
  out.set("advice", error.advice);
  return out;
}

const Value& child(const Value& map, std::string_view key) {
  static const Value kNull;
  const Value* found = map.find(key);
  return found == nullptr ? kNull : *found;
}

std::int64_t integer_of(const Value& value, std::int64_t fallback = 0) {
  return value.kind() == config::Kind::kInt ? value.integer() : fallback;
}
double real_of(const Value& value) { return value.is_number() ? value.real() : 0; }
std::string string_of(const Value& value) { return value.is_string() ? value.string() : std::string(); }

Value kept_value(const Kept& kept) {
  Value out{config::Map{}};
  out.set("id", kept.id.hex());
  out.set("kind", static_cast<int>(kept.kind));
  out.set("offset", static_cast<std::int64_t>(kept.offset));
  out.set("length", static_cast<std::int64_t>(kept.length));
  out.set("content", kept.content.hex());
  return out;
}

// One record. The node's name is there for people; the task number counts when the plan is lowered again.
Value event_value(const TaskEvent& event, const graph::Plan& plan) {
  const graph::Task& task = plan.tasks[static_cast<std::size_t>(event.task)];
  Value out{config::Map{}};
  out.set("task", event.task);
  out.set("node", plan.expanded.nodes[static_cast<std::size_t>(task.node)].name);
  out.set("phase", std::string(graph::phase_name(task.phase)));
  if (task.fold >= 0) out.set("fold", static_cast<int>(task.fold));
  out.set("id", task.id.hex());
  out.set("status", static_cast<int>(event.status));
  out.set("attempt", event.attempt);
  out.set("worker", event.worker);
  out.set("start", event.start_us);
  out.set("end", event.end_us);
  if (event.error.has_value()) out.set("error", error_value(*event.error));
  config::List kept;
  for (const Kept& entry : event.kept) kept.push_back(kept_value(entry));
  if (!kept.empty()) out.set("kept", Value(std::move(kept)));
  return out;
}

TaskEvent event_of(const Value& record, const std::string& run) {
  TaskEvent event;
  event.task = static_cast<std::int32_t>(integer_of(child(record, "task"), -1));
  event.status = static_cast<TaskStatus>(integer_of(child(record, "status")));
  event.attempt = static_cast<int>(integer_of(child(record, "attempt"), 1));
  event.worker = static_cast<int>(integer_of(child(record, "worker"), -1));
  event.start_us = integer_of(child(record, "start"));
  event.end_us = integer_of(child(record, "end"));
  if (const Value& error = child(record, "error"); error.is_map()) {
    event.error =
        Error(static_cast<Code>(integer_of(child(error, "code"))), string_of(child(error, "message")), string_of(child(error, "advice")));
  }
  const Value& kept = child(record, "kept");
  if (!kept.is_list()) return event;
  for (const Value& entry : kept.list()) {
    const auto id = Digest::from_hex(string_of(child(entry, "id")));
    const auto content = Digest::from_hex(string_of(child(entry, "content")));
    if (!id.has_value() || !content.has_value()) continue;
    event.kept.push_back({.id = *id, .kind = static_cast<data::Kind>(integer_of(child(entry, "kind"))), .run = run,
                          .offset = static_cast<std::uint64_t>(integer_of(child(entry, "offset"))),
                          .length = static_cast<std::uint64_t>(integer_of(child(entry, "length"))), .content = *content,
                          .seconds = static_cast<double>(event.end_us - event.start_us) * 1e-6});
  }
  return event;
}

Value facts_value(const RunFacts& facts) {
  Value out{config::Map{}};
  out.set("version", kFactsVersion);
  out.set("id", facts.id);
  out.set("pipeline", facts.pipeline);
  out.set("file", facts.file);
  config::List command;
  for (const std::string& word : facts.command) command.emplace_back(word);
  out.set("command", Value(std::move(command)));
  out.set("plan", facts.plan.hex());
  out.set("started", facts.started_us);
  out.set("mode", std::string(graph::mode_name(facts.mode)));
  Value& files = out.set("files", Value(config::Map{}));
  for (const auto& [path, digest] : facts.files) files.set(path, digest.hex());
  return out;
}

std::string path_in(const std::string& folder, const char* name) { return (std::filesystem::path(folder) / name).string(); }

}  // namespace

Result<RunFacts> read_facts(const std::string& folder) {
  HEADRACE_ASSIGN(const Value value, config::read_yaml(path_in(folder, "facts.json")));
  if (integer_of(child(value, "version")) > kFactsVersion) {
    return Error(Code::kVersion, cat("run ", folder, " was written by a newer program"), "use that program to look at it");
  }
  RunFacts facts;
  facts.id = string_of(child(value, "id"));
  facts.pipeline = string_of(child(value, "pipeline"));
  facts.file = string_of(child(value, "file"));
  if (const Value& command = child(value, "command"); command.is_list()) {
    for (const Value& word : command.list()) facts.command.push_back(string_of(word));
  }
  facts.plan = Digest::from_hex(string_of(child(value, "plan"))).value_or(Digest{});
  facts.started_us = integer_of(child(value, "started"));
  for (const graph::Mode mode : {graph::Mode::kFit, graph::Mode::kTransform, graph::Mode::kPredict, graph::Mode::kScore}) {
    if (graph::mode_name(mode) == string_of(child(value, "mode"))) facts.mode = mode;
  }
  if (const Value& files = child(value, "files"); files.is_map()) {
    for (const config::Entry& entry : files.map()) {
      if (const auto digest = Digest::from_hex(string_of(entry.value))) facts.files[entry.key] = *digest;
    }
  }
  return facts;
}

Result<RunJournal> read_journal(const std::string& folder, const std::string& run) {
  RunJournal journal;
  HEADRACE_ASSIGN(io::JournalReader reader, io::JournalReader::open(path_in(folder, "journal")));
  while (true) {
    HEADRACE_ASSIGN(const std::optional<std::string> payload, reader.next());
    if (!payload.has_value()) return journal;
    HEADRACE_ASSIGN(const Value record, config::parse_json(*payload, "journal"));
    if (const Value& end = child(record, "end"); end.is_string()) {
      journal.status = end.string();
      journal.seconds = real_of(child(record, "seconds"));
    } else {
      journal.events.push_back(event_of(record, run));
      const auto id = Digest::from_hex(string_of(child(record, "id")));
      if (id.has_value() && journal.events.back().status == TaskStatus::kDone) journal.done.insert(*id);
    }
  }
}

Result<graph::Graph> read_run_graph(const std::string& folder, const RunFacts& facts) {
  HEADRACE_ASSIGN(graph::Graph graph, graph::read_graph(path_in(folder, "graph.yaml")));
  graph.file = facts.file;
  return graph;
}

Status RunFolder::open_files(const std::string& folder) {
  HEADRACE_ASSIGN(journal_, io::JournalWriter::open(path_in(folder, "journal"), {}));
  HEADRACE_ASSIGN(objects_, io::SegmentFile::open(path_in(folder, "objects")));
  return {};
}

Result<std::unique_ptr<RunFolder>> RunFolder::create(const std::string& runs, const RunFacts& facts, const graph::Graph& graph,
                                                     std::function<Status()> then) {
  std::unique_ptr<RunFolder> run(new RunFolder());
  const std::string folder = path_in(runs, facts.id.c_str());
  HEADRACE_TRY(io::make_folders(folder));
  HEADRACE_ASSIGN(run->lock_, io::FileLock::acquire(path_in(folder, "lock")));
  run->facts_ = facts;
  const auto open = [self = run.get(), folder, yaml = graph::graph_to_yaml(graph), then = std::move(then)]() -> Status {
    HEADRACE_TRY(io::write_file_atomic(path_in(folder, "graph.yaml"), yaml));
    HEADRACE_TRY(io::write_file_atomic(path_in(folder, "facts.json"), config::to_json(facts_value(self->facts_), 1) + "\n"));
    HEADRACE_TRY(self->open_files(folder));
    return then();
  };
  run->opened_ = std::async(std::launch::async, open).share();
  return run;
}

Result<std::unique_ptr<RunFolder>> RunFolder::reopen(const std::string& runs, const std::string& id) {
  std::unique_ptr<RunFolder> run(new RunFolder());
  const std::string folder = path_in(runs, id.c_str());
  HEADRACE_ASSIGN(run->lock_, io::FileLock::acquire(path_in(folder, "lock")));
  HEADRACE_ASSIGN(run->facts_, read_facts(folder));
  std::promise<Status> opened;
  opened.set_value(run->open_files(folder));   // cuts a torn tail off before it is read
  run->opened_ = opened.get_future().share();
  HEADRACE_TRY(run->opened());
  HEADRACE_ASSIGN(run->before_, read_journal(folder, id));
  run->recorded_ = run->before_.done;
  return run;
}

Result<Kept> RunFolder::write(const ObjectId& id, std::string_view bytes, data::Kind kind, double seconds) {
  HEADRACE_TRY(opened());
  HEADRACE_ASSIGN(const io::SegmentFile::Place place, objects_->append(bytes));
  return Kept{.id = id, .kind = kind, .run = facts_.id, .offset = place.offset, .length = place.length,
              .content = sha256(bytes), .seconds = seconds};
}

Status RunFolder::record(const TaskEvent& event, const graph::Plan& plan) {
  HEADRACE_TRY(opened());
  // After a resume, rows are read and cut again for the tasks that need them; that is no news.
  if (event.status == TaskStatus::kDone) {
    const std::lock_guard lock(mutex_);
    if (!recorded_.insert(plan.tasks[static_cast<std::size_t>(event.task)].id).second) return {};
  }
  return journal_->append(config::to_json(event_value(event, plan)));
}

Status RunFolder::record_end(const std::string& status, double seconds) {
  HEADRACE_TRY(opened());
  Value record{config::Map{}};
  record.set("end", status);
  record.set("seconds", seconds);
  return journal_->append(config::to_json(record));
}

Status RunFolder::close() {
  HEADRACE_TRY(opened());
  HEADRACE_TRY(objects_->sync());
  return journal_->close();
}

}  // namespace headrace::exec::detail
