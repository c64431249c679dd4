// SPDX-License-Identifier: Apache-2.0
// The life of a task here: demand says it runs -> Dataflow starts it once the tasks it reads have ended -> its inputs are taken from
// the slots (or loaded from memory) -> attempts, until one succeeds or the last fails -> outputs go to the slots and to memory ->
// the event is told -> inputs that nobody else reads are let go.

#include "headrace/exec/executor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "exec/attempt.h"
#include "exec/demand.h"
#include "exec/preflight.h"
#include "exec/pruning.h"
#include "exec/watch.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/data/table.h"
#include "headrace/exec/dataflow.h"

namespace headrace::exec {
namespace {

using detail::Need;
using graph::Phase;
using graph::Ref;
using graph::Task;

// Where an output waits for its readers. `readers` counts tasks that will still read it; the last one lets it go.
struct Slot {
  std::mutex mutex;   // guards object while it is loaded from memory
  data::Object object;
  std::atomic<std::int32_t> readers{0};
  bool wanted = false;   // by the outcome: never let go
};

struct TaskState {
  std::atomic<TaskStatus> status{TaskStatus::kWaiting};
  std::array<Slot, 2> slots;
};

bool ended_well(TaskStatus status) { return status == TaskStatus::kDone || status == TaskStatus::kRemembered; }

// Keeping pays when making took longer than writing and reading back would; small results are always kept.
bool worth_keeping(graph::Cache cache, const data::Object& object, double seconds) {
  if (cache != graph::Cache::kAuto) return cache == graph::Cache::kAlways;
  constexpr std::uint64_t kSmallBytes = 4 << 20;
  constexpr double kBytesPerSecond = 300e6;
  const std::uint64_t size = object.size_bytes();
  return object.kind() == data::Kind::kModel || object.kind() == data::Kind::kMetrics || size <= kSmallBytes ||
         seconds > static_cast<double>(size) / kBytesPerSecond;
}

bool has_no_operator(Phase phase) {
  return phase == Phase::kTake || phase == Phase::kStack || phase == Phase::kJoin || phase == Phase::kPrune;
}

// Cutting and reading again is cheaper than keeping the rows a second time.
bool is_rows_only(Phase phase) {
  return phase == Phase::kRead || has_no_operator(phase);
}

class Execution {
 public:
  Execution(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options)
      : plan_(plan), catalogue_(catalogue), packs_(packs), options_(options), watch_(options.stop), states_(plan.tasks.size()),
        pruning_(plan) {}

  Result<ExecuteOutcome> run();

 private:
  std::vector<TaskStatus> prepare();
  void preload();
  Status check_feasible(int workers) const;
  const std::string& operator_of(const Task& task) const;
  void count_readers();
  Status read_sources(Dataflow& flow);
  void start(Dataflow& flow);
  void run_task(std::int32_t index);
  void finish(std::int32_t index, TaskEvent event, std::array<data::Object, 2> outputs);
  Result<data::Object> object_of(const Ref& ref);
  Result<std::vector<data::Object>> gather(const Task& task);
  Result<std::array<data::Object, 2>> attempt_until_done(std::int32_t index, TaskEvent& event);
  Context context_of(const Task& task) const;
  std::optional<TaskEvent> blocked(std::int32_t index);
  void release(const Task& task);
  void release(const Ref& ref);
  ExecuteOutcome collect();
  Status fatal_status() {
    const std::lock_guard lock(outcome_mutex_);
    return fatal_;
  }

  const graph::Plan& plan_;
  const graph::Catalogue& catalogue_;
  Packs& packs_;
  const ExecuteOptions& options_;
  detail::Watch watch_;
  std::vector<Need> needs_;
  std::vector<TaskState> states_;
  detail::Pruning pruning_;
  std::vector<Dataflow::TaskId> flow_ids_;

  std::mutex outcome_mutex_;   // guards outcome_ and fatal_
  ExecuteOutcome outcome_;
  Status fatal_;
};

Result<ExecuteOutcome> Execution::run() {
  const std::int64_t start_us = system_clock().monotonic_us();
  const std::vector<TaskStatus> initial = prepare();
  preload();
  for (EventSink* sink : options_.sinks) sink->on_start(plan_, initial);
  {
    bool account = options_.memory_bytes > 0;
    for (const graph::Node& node : plan_.expanded.graph.nodes) {
      account = account || node.annotations.resources != graph::Resources{} || node.annotations.priority != 0;
    }
    Dataflow flow({.workers = options_.workers, .account = account, .memory_bytes = options_.memory_bytes});
    HEADRACE_TRY(check_feasible(flow.workers()));
    HEADRACE_TRY(read_sources(flow));
    start(flow);
    flow.wait();
  }
  HEADRACE_TRY(fatal_status());
  for (EventSink* sink : options_.sinks) sink->on_end();
  ExecuteOutcome outcome = collect();
  outcome.seconds = static_cast<double>(system_clock().monotonic_us() - start_us) * 1e-6;
  return outcome;
}

std::vector<TaskStatus> Execution::prepare() {
  needs_ = detail::demand({plan_, catalogue_, options_.memory, options_.recall, &options_.fitted});
  outcome_.tasks.resize(plan_.tasks.size());
  std::vector<TaskStatus> initial(plan_.tasks.size());
  for (std::size_t i = 0; i < needs_.size(); ++i) {
    const Task& task = plan_.tasks[i];
    Need& need = needs_[i];
    initial[i] = need.status;
    states_[i].status = need.status;
    outcome_.tasks[i].status = need.status;
    const auto given = options_.fitted.find(task.node);
    if (task.phase == Phase::kFit && given != options_.fitted.end()) states_[i].slots[0].object = given->second;
    if (need.status != TaskStatus::kRemembered || options_.memory == nullptr) continue;
    // Times of the remembered work, so that a table from memory is the table of the run that made it.
    if (!need.kept[0].has_value() && (task.phase == Phase::kFit || task.phase == Phase::kTransform))
      need.kept[0] = options_.memory->find(task.output(0));
    if (need.kept[0].has_value()) outcome_.tasks[i].seconds = need.kept[0]->seconds;
  }
  count_readers();
  return initial;
}

void Execution::count_readers() {
  const auto reads = [&](const Ref& ref) {
    if (ref.task >= 0) states_[static_cast<std::size_t>(ref.task)].slots[static_cast<std::size_t>(ref.slot)].readers.fetch_add(1);
  };
  for (std::size_t i = 0; i < needs_.size(); ++i) {
    if (needs_[i].status != TaskStatus::kWaiting) continue;
    const Task& task = plan_.tasks[i];
    for (const Ref& input : task.inputs) reads(input);
    if (!needs_[i].output_only) reads(task.model);
  }
  for (const graph::Path& path : plan_.paths) {
    for (const std::int32_t task : path.scores) {
      if (task >= 0) states_[static_cast<std::size_t>(task)].slots[0].wanted = true;
    }
    if (!options_.keep_outputs) continue;
    for (const Ref& ref : path.outputs) {
      if (ref.task >= 0) states_[static_cast<std::size_t>(ref.task)].slots[static_cast<std::size_t>(ref.slot)].wanted = true;
    }
  }
}

// A task that asks for more than there is would wait for ever.
Status Execution::check_feasible(int workers) const {
  for (const graph::Node& node : plan_.expanded.graph.nodes) {
    const graph::Resources& asked = node.annotations.resources;
    if (asked.cpu > workers) {
      return Error(Code::kInfeasible, cat("node ", node.name, " asks for ", asked.cpu, " cores, and there are ", workers, " workers"),
                   "lower resources.cpu, or raise --workers", node.where);
    }
    if (options_.memory_bytes > 0 && asked.memory_bytes > options_.memory_bytes) {
      return Error(Code::kInfeasible,
                   cat("node ", node.name, " asks for ", bytes_text(asked.memory_bytes), " of ", bytes_text(options_.memory_bytes)),
                   "lower resources.memory, or raise --memory", node.where);
    }
    if (asked.gpu > 0)
      return Error(Code::kInfeasible, cat("node ", node.name, " asks for a GPU, and this process has none to give"), "remove resources.gpu",
                   node.where);
  }
  return {};
}

// In the order of first use: the packs of sources are small and come first.
void Execution::preload() {
  std::vector<std::string> packs;
  for (std::size_t i = 0; i < needs_.size(); ++i) {
    const Phase phase = plan_.tasks[i].phase;
    if (needs_[i].status != TaskStatus::kWaiting || has_no_operator(phase)) continue;
    const graph::OperatorSpec* spec = catalogue_.find(operator_of(plan_.tasks[i]));
    if (spec == nullptr || spec->pack.empty()) continue;
    if (std::find(packs.begin(), packs.end(), spec->pack) == packs.end()) packs.push_back(spec->pack);
  }
  packs_.preload(packs);
}

const std::string& Execution::operator_of(const Task& task) const {
  return task.phase == Phase::kSplit ? plan_.expanded.graph.evaluate->splitter : detail::written_node(plan_, task).op;
}

// Sources are read first, so that malformed input is refused before anything is computed from it.
Status Execution::read_sources(Dataflow& flow) {
  std::vector<std::int32_t> reads;
  for (std::size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (plan_.tasks[i].phase == Phase::kRead && needs_[i].status == TaskStatus::kWaiting) reads.push_back(static_cast<std::int32_t>(i));
  }
  for (const std::int32_t index : reads) {
    const graph::Annotations& annotations = detail::written_node(plan_, plan_.tasks[static_cast<std::size_t>(index)]).annotations;
    flow.submit([this, index] { run_task(index); }, {},
                {annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority});
  }
  flow.wait();
  for (const std::int32_t index : reads) {
    const graph::Node& node = detail::written_node(plan_, plan_.tasks[static_cast<std::size_t>(index)]);
    const std::lock_guard lock(outcome_mutex_);
    const TaskOutcome& outcome = outcome_.tasks[static_cast<std::size_t>(index)];
    const bool bad_input = outcome.error.has_value() && code_exit(outcome.error->code) == code_exit(Code::kBadData);
    if (bad_input && node.annotations.on_error == graph::OnError::kStop) return Error(*outcome.error).at(node.where);
  }
  return detail::check_rows(plan_, catalogue_, [&](std::int32_t task) -> const data::Object* {
    const data::Object& object = states_[static_cast<std::size_t>(task)].slots[0].object;
    return object ? &object : nullptr;
  });
}

void Execution::start(Dataflow& flow) {
  flow_ids_.assign(plan_.tasks.size(), 0);
  std::vector<Dataflow::TaskId> after;
  const auto still_runs = [&](std::size_t index) {
    return needs_[index].status == TaskStatus::kWaiting && plan_.tasks[index].phase != Phase::kRead;
  };
  for (std::size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (!still_runs(i)) continue;
    const Task& task = plan_.tasks[i];
    after.clear();
    const auto wait_for = [&](std::int32_t before) {
      if (before >= 0 && still_runs(static_cast<std::size_t>(before))) {
        after.push_back(flow_ids_[static_cast<std::size_t>(before)]);
      }
    };
    for (const Ref& input : task.inputs) wait_for(input.task);
    if (!needs_[i].output_only) wait_for(task.model.task);
    for (const std::int32_t before : task.after) wait_for(before);
    const graph::Annotations& annotations = detail::written_node(plan_, task).annotations;
    const Dataflow::Demand demand{annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority};
    flow_ids_[i] = flow.submit([this, index = static_cast<std::int32_t>(i)] { run_task(index); }, after, demand);
  }
}

// Whether the task cannot run: the run was stopped, its alternative was pruned, or something before it did not end well.
std::optional<TaskEvent> Execution::blocked(std::int32_t index) {
  const Task& task = plan_.tasks[static_cast<std::size_t>(index)];
  TaskEvent event{.task = index, .worker = Dataflow::current_worker()};
  if (options_.stop.stop_requested() || !fatal_status().ok()) {
    event.status = TaskStatus::kCancelled;
    event.error = Error(Code::kCancelled, "the run was stopped");
    return event;
  }
  if (pruning_.dropped(index)) {
    event.status = TaskStatus::kPruned;
    return event;
  }
  const bool skips = detail::written_node(plan_, task).annotations.on_error == graph::OnError::kSkip &&
                     detail::written_node(plan_, task).annotations.firing == graph::Firing::kAll;
  bool one_is_there = task.inputs.empty();
  const auto ended = [&](const Ref& ref) { return ended_well(states_[static_cast<std::size_t>(ref.task)].status.load()); };
  std::int32_t cause = -1;
  for (const Ref& input : task.inputs) {
    if (ended(input)) {
      one_is_there = true;
    } else if (cause < 0) {
      cause = input.task;
    }
  }
  if (skips && one_is_there) cause = -1;
  if (task.phase == Phase::kPrune) cause = -1;   // a failed alternative is dropped, it does not stop the others
  if (cause < 0 && task.model.task >= 0 && !needs_[static_cast<std::size_t>(index)].output_only && !ended(task.model))
    cause = task.model.task;
  if (cause < 0) return std::nullopt;
  event.status = states_[static_cast<std::size_t>(cause)].status.load();
  if (event.status == TaskStatus::kFailed) event.status = TaskStatus::kSkipped;
  const std::lock_guard lock(outcome_mutex_);
  const TaskOutcome& before = outcome_.tasks[static_cast<std::size_t>(cause)];
  event.error = before.error;
  outcome_.tasks[static_cast<std::size_t>(index)].cause = before.cause >= 0 ? before.cause : cause;
  return event;
}

void Execution::run_task(std::int32_t index) {
  if (auto event = blocked(index)) {
    event->start_us = event->end_us = system_clock().wall_us();
    finish(index, std::move(*event), {});
    return;
  }
  TaskEvent event{
      .task = index, .status = TaskStatus::kRunning, .worker = Dataflow::current_worker(), .start_us = system_clock().wall_us()};
  states_[static_cast<std::size_t>(index)].status = TaskStatus::kRunning;
  for (EventSink* sink : options_.sinks) sink->on_task(event);
  Result<std::array<data::Object, 2>> outputs = attempt_until_done(index, event);
  event.end_us = system_clock().wall_us();
  if (outputs.ok()) {
    event.status = TaskStatus::kDone;
    finish(index, std::move(event), std::move(outputs).value());
    return;
  }
  event.error = std::move(outputs).error();
  const bool stopped = event.error->code == Code::kCancelled;
  event.status = stopped ? TaskStatus::kCancelled : TaskStatus::kFailed;
  finish(index, std::move(event), {});
}

Context Execution::context_of(const Task& task) const {
  const graph::ExpandedNode& expanded = plan_.expanded.nodes[static_cast<std::size_t>(task.node)];
  const graph::Node& node = detail::written_node(plan_, task);
  Context context;
  const bool splits = task.phase == Phase::kSplit;
  context.params = splits ? plan_.expanded.graph.evaluate->splitter_params : graph::params_of(plan_, task);
  context.node = expanded.name;
  context.seed = splits ? plan_.split_seed : expanded.seed;
  context.metrics = plan_.metrics;
  context.threads = std::max(1, static_cast<int>(node.annotations.resources.cpu));
  context.folder = options_.folder;
  return context;
}

Result<std::array<data::Object, 2>> Execution::attempt_until_done(std::int32_t index, TaskEvent& event) {
  const Task& task = plan_.tasks[static_cast<std::size_t>(index)];
  const Need& need = needs_[static_cast<std::size_t>(index)];
  if (task.phase == Phase::kPrune) {
    HEADRACE_TRY(pruning_.decide(index, [&](std::int32_t score) -> std::optional<data::Metrics> {
      if (!ended_well(states_[static_cast<std::size_t>(score)].status.load())) return std::nullopt;
      const auto object = object_of({score, 0});
      return object.ok() ? std::optional(object->metrics()) : std::nullopt;
    }, catalogue_));
    return std::array<data::Object, 2>{data::Object::bytes(""), {}};
  }
  const graph::Node& node = detail::written_node(plan_, task);
  HEADRACE_ASSIGN(const std::vector<data::Object> inputs, gather(task));
  data::Object model;
  if (need.output_only) {
    HEADRACE_ASSIGN(model, object_of({index, 0}));
  } else if (task.model.task >= 0) {
    HEADRACE_ASSIGN(model, object_of(task.model));
  }
  const std::string& op_name = operator_of(task);
  Operator* op = nullptr;
  if (!has_no_operator(task.phase)) {
    HEADRACE_ASSIGN(op, packs_.find(op_name));
  }
  Context context = context_of(task);
  context.progress = [this, index](double share) {
    for (EventSink* sink : options_.sinks) sink->on_progress(index, share);
  };
  for (event.attempt = 1;; ++event.attempt) {
    detail::Watch::Attempt attempt(watch_, node.annotations.timeout_s);
    context.stop = attempt.token();
    auto outputs = detail::attempt({plan_, task, catalogue_.find(op_name), op, context, inputs, model, need.output_only});
    if (outputs.ok()) return outputs;
    Error error = std::move(outputs).error();
    if (attempt.timed_out()) {
      error = Error(Code::kTimeout, cat("ran past its limit of ", seconds_text(node.annotations.timeout_s)),
                    "raise `timeout`, or give the node less data");
    }
    if (options_.stop.stop_requested()) return Error(Code::kCancelled, "the run was stopped");
    if (event.attempt > node.annotations.retries) return error;
    // Waits 10 ms, 20 ms, ... before the next attempt, at most 1 s, on this worker: retries are rare.
    const int doubled = std::min(event.attempt - 1, 7);
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1000, 10 << doubled)));
  }
}

Result<data::Object> Execution::object_of(const Ref& ref) {
  Slot& slot = states_[static_cast<std::size_t>(ref.task)].slots[static_cast<std::size_t>(ref.slot)];
  const std::lock_guard lock(slot.mutex);
  if (slot.object) return slot.object;
  const auto& kept = needs_[static_cast<std::size_t>(ref.task)].kept[static_cast<std::size_t>(ref.slot)];
  if (!kept.has_value()) return Error(Code::kBug, "an input is neither made nor remembered");
  auto loaded = options_.memory->load(*kept);
  if (!loaded.ok()) return Error(Code::kDamaged, cat("remembered object ", kept->id.brief(), " cannot be read: ", loaded.error().message));
  slot.object = std::move(loaded).value();
  return slot.object;
}

Result<std::vector<data::Object>> Execution::gather(const Task& task) {
  std::vector<data::Object> inputs;
  inputs.reserve(task.inputs.size());
  for (const Ref& ref : task.inputs) {
    // Inputs that failed are left out only where `on_error: skip` allowed the task to start without them.
    if (!ended_well(states_[static_cast<std::size_t>(ref.task)].status.load())) continue;
    HEADRACE_ASSIGN(data::Object object, object_of(ref));
    if (object.kind() == data::Kind::kTuple && task.phase != Phase::kJoin) {
      const auto& parts = object.tuple();
      inputs.insert(inputs.end(), parts.begin(), parts.end());
    } else {
      inputs.push_back(std::move(object));
    }
  }
  return inputs;
}

void Execution::finish(std::int32_t index, TaskEvent event, std::array<data::Object, 2> outputs) {
  const Task& task = plan_.tasks[static_cast<std::size_t>(index)];
  TaskState& state = states_[static_cast<std::size_t>(index)];
  const double seconds = static_cast<double>(event.end_us - event.start_us) * 1e-6;
  if (event.status == TaskStatus::kDone && options_.memory != nullptr && !is_rows_only(task.phase)) {
    const graph::Cache cache = detail::written_node(plan_, task).annotations.cache;
    for (int slot = 0; slot < 2; ++slot) {
      const data::Object& object = outputs[static_cast<std::size_t>(slot)];
      if (!object) continue;
      auto kept = options_.memory->save(task.output(slot), object, seconds, worth_keeping(cache, object, seconds));
      if (kept.ok()) {
        event.kept.push_back(std::move(kept).value());
        continue;
      }
      const std::lock_guard lock(outcome_mutex_);
      if (fatal_.ok()) fatal_ = std::move(kept).error().within("keeping a result");
    }
  }
  {
    const std::lock_guard lock(outcome_mutex_);
    TaskOutcome& outcome = outcome_.tasks[static_cast<std::size_t>(index)];
    outcome.status = event.status;
    outcome.seconds = seconds;
    outcome.attempts = event.attempt;
    outcome.error = event.error;
    outcome_.cancelled = outcome_.cancelled || event.status == TaskStatus::kCancelled;
  }
  for (int slot = 0; slot < 2; ++slot) {
    Slot& to = state.slots[static_cast<std::size_t>(slot)];
    if (to.wanted || to.readers.load() > 0) to.object = std::move(outputs[static_cast<std::size_t>(slot)]);
  }
  state.status = event.status;
  for (EventSink* sink : options_.sinks) sink->on_task(event);
  release(task);
}

void Execution::release(const Task& task) {
  const bool output_only = needs_[static_cast<std::size_t>(&task - plan_.tasks.data())].output_only;
  for (const Ref& input : task.inputs) release(input);
  if (!output_only && task.model.task >= 0) release(task.model);
}

void Execution::release(const Ref& ref) {
  Slot& slot = states_[static_cast<std::size_t>(ref.task)].slots[static_cast<std::size_t>(ref.slot)];
  if (slot.readers.fetch_sub(1) != 1 || slot.wanted) return;
  const std::lock_guard lock(slot.mutex);
  slot.object = {};
}

ExecuteOutcome Execution::collect() {
  ExecuteOutcome outcome = std::move(outcome_);
  for (const graph::Path& path : plan_.paths) {
    auto& scores = outcome.scores.emplace_back();
    for (const std::int32_t task : path.scores) {
      auto& score = scores.emplace_back();
      if (task < 0 || !ended_well(outcome.tasks[static_cast<std::size_t>(task)].status)) continue;
      if (auto object = object_of({task, 0}); object.ok()) {
        score = object->metrics();
      } else {
        outcome.tasks[static_cast<std::size_t>(task)].status = TaskStatus::kFailed;
        outcome.tasks[static_cast<std::size_t>(task)].error = object.error();
      }
    }
    if (!options_.keep_outputs) continue;
    auto& outputs = outcome.outputs.emplace_back();
    for (const Ref& ref : path.outputs) {
      auto& output = outputs.emplace_back();
      if (ref.task < 0 || !ended_well(outcome.tasks[static_cast<std::size_t>(ref.task)].status)) continue;
      if (auto object = object_of(ref); object.ok()) output = std::move(object).value();
    }
  }
  return outcome;
}

}  // namespace

Result<ExecuteOutcome> execute(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options) {
  return Execution(plan, catalogue, packs, options).run();
}

}  // namespace headrace::exec
