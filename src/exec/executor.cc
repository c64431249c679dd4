// SPDX-License-Identifier: Apache-2.0
// The life of a task here: demand says it runs -> Dataflow starts it once the tasks it reads have ended -> its inputs are taken from
// the slots (or loaded from memory) -> the place runs attempts, until one succeeds or the last fails; the task is held meanwhile ->
// outputs go to the slots and to memory -> the event is told -> inputs that nobody else reads are let go.
//
// A place of workers can lose objects with them. Then the tasks that made them run again, back to what is still there, and the
// attempt that missed them after that. Nobody is told of it: the task was done before, and its result is the same.

#include "headrace/exec/executor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "exec/demand.h"
#include "exec/local_place.h"
#include "exec/preflight.h"
#include "exec/pruning.h"
#include "exec/slots.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/exec/dataflow.h"

namespace headrace::exec {
namespace {

using detail::Need;
using graph::Phase;
using graph::Ref;
using graph::Task;

bool ended_well(TaskStatus status) { return status == TaskStatus::kDone || status == TaskStatus::kRemembered; }

// Keeping pays when making took longer than writing and reading back would; small results are always kept.
bool worth_keeping(graph::Cache cache, const Held& object, double seconds) {
  if (cache != graph::Cache::kAuto) return cache == graph::Cache::kAlways;
  constexpr std::uint64_t kSmallBytes = 4 << 20;
  constexpr double kBytesPerSecond = 300e6;
  return object.kind() == data::Kind::kModel || object.kind() == data::Kind::kMetrics || object.bytes() <= kSmallBytes ||
         seconds > static_cast<double>(object.bytes()) / kBytesPerSecond;
}

bool has_no_operator(Phase phase) {
  return phase == Phase::kTake || phase == Phase::kStack || phase == Phase::kJoin || phase == Phase::kPrune;
}

// Cutting and reading again is cheaper than keeping the rows a second time.
bool is_rows_only(Phase phase) { return phase == Phase::kRead || has_no_operator(phase); }

// How often a task is tried because objects were gone, before that is its failure.
constexpr int kLostMax = 10;

std::size_t position(std::int32_t task) { return static_cast<std::size_t>(task); }

class Execution {
 public:
  Execution(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options)
      : plan_(plan), catalogue_(catalogue), packs_(packs), options_(options), status_(plan.tasks.size()), pruning_(plan) {}

  Result<ExecuteOutcome> run();

 private:
  Status prepare();
  void preload();
  Status check_feasible();
  const std::string& operator_of(const Task& task) const;
  const std::shared_ptr<const Recipe>& recipe_of(const Task& task);
  Status read_sources();
  void start();
  void run_task(std::int32_t index, bool again = false);
  std::optional<TaskEvent> blocked(std::int32_t index);
  void make_missing();
  // An attempt at a task; `again`: it ended well before, and what it made is gone.
  struct Attempt {
    std::int32_t task = -1;
    TaskEvent event;
    bool again = false;
    int lost = 0;                              // how often what it reads was gone
  };
  void go_on(Attempt now);
  void attempt(Attempt now);
  Result<Call> call_of(const Attempt& now);
  void after_attempt(Attempt now, CallOutcome outcome);
  bool bring_home(std::int32_t task, const std::vector<Handle>& outputs);
  void decide_pruning(Attempt now);
  Place& place_of(std::int32_t index);
  std::string_view language_of(const Task& task) const;
  void fail(Attempt now, Error error);
  bool wait_for_lost(const Attempt& now);
  std::optional<Dataflow::TaskId> make_again(const Ref& ref);
  Handle there(const Ref& ref);
  void finish(std::int32_t index, TaskEvent event, std::vector<Handle> outputs);
  void keep(std::int32_t index, TaskEvent& event, const std::vector<Handle>& outputs, double seconds);
  Result<data::Object> object_of(const Ref& ref);
  void release(const Task& task);
  ExecuteOutcome collect();
  Status fatal_status() {
    const std::lock_guard lock(outcome_mutex_);
    return fatal_;
  }

  const graph::Plan& plan_;
  const graph::Catalogue& catalogue_;
  Packs& packs_;
  const ExecuteOptions& options_;
  std::optional<Dataflow> flow_;
  std::optional<detail::LocalPlace> local_;    // sources are read here, whatever the place
  Place* place_ = nullptr;
  std::vector<Need> needs_;
  std::vector<TaskStatus> initial_;
  std::vector<std::atomic<TaskStatus>> status_;
  std::optional<detail::Slots> slots_;
  detail::Pruning pruning_;
  std::vector<Dataflow::TaskId> flow_ids_;

  std::mutex recipe_mutex_;                    // guards recipes_
  std::map<std::pair<std::int32_t, int>, std::shared_ptr<const Recipe>> recipes_;   // by expanded node, and what is done with it

  std::mutex again_mutex_;                     // guards again_
  std::map<std::int32_t, Dataflow::TaskId> again_;   // tasks that are being run again

  std::mutex outcome_mutex_;   // guards outcome_ and fatal_
  ExecuteOutcome outcome_;
  Status fatal_;
};

Result<ExecuteOutcome> Execution::run() {
  const std::int64_t start_us = system_clock().monotonic_us();
  bool account = options_.memory_bytes > 0;
  for (const graph::Node& node : plan_.expanded.graph.nodes) {
    account = account || node.annotations.resources != graph::Resources{} || node.annotations.priority != 0;
  }
  // A fleet accounts for itself, and its calls take no thread here.
  account = account && options_.place == nullptr;
  flow_.emplace(Dataflow::Options{.workers = options_.workers, .account = account, .memory_bytes = options_.memory_bytes});
  local_.emplace(packs_, flow_->workers(), options_.memory_bytes, options_.stop);
  place_ = options_.place != nullptr ? options_.place : &*local_;
  slots_.emplace(plan_, options_.memory, *place_);
  HEADRACE_TRY(prepare());
  if (place_->is_here()) preload();
  for (EventSink* sink : options_.sinks) sink->on_start(plan_, initial_);
  HEADRACE_TRY(check_feasible());
  HEADRACE_TRY(read_sources());
  start();
  flow_->wait();
  make_missing();
  HEADRACE_TRY(fatal_status());
  for (EventSink* sink : options_.sinks) sink->on_end();
  ExecuteOutcome outcome = collect();
  outcome.seconds = static_cast<double>(system_clock().monotonic_us() - start_us) * 1e-6;
  return outcome;
}

Status Execution::prepare() {
  needs_ = detail::demand({plan_, catalogue_, options_.memory, options_.recall, &options_.fitted});
  outcome_.tasks.resize(plan_.tasks.size());
  initial_.resize(plan_.tasks.size());
  slots_->count_readers(plan_, needs_, options_.keep_outputs);
  for (std::size_t i = 0; i < needs_.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    const Task& task = plan_.tasks[i];
    Need& need = needs_[i];
    initial_[i] = outcome_.tasks[i].status = need.status;
    status_[i] = need.status;
    const auto given = options_.fitted.find(task.node);
    if (task.phase == Phase::kFit && given != options_.fitted.end()) slots_->give({index, 0}, place_->put(given->second));
    for (int slot = 0; slot < 2; ++slot) {
      if (auto& kept = need.kept[position(slot)]; kept.has_value()) slots_->set_kept({index, slot}, *kept);
    }
    if (need.status != TaskStatus::kRemembered || options_.memory == nullptr) continue;
    // Times of the remembered work, so that a table from memory is the table of the run that made it.
    auto kept = need.kept[0];
    if (!kept.has_value() && (task.phase == Phase::kFit || task.phase == Phase::kTransform)) kept = options_.memory->find(task.output(0));
    if (kept.has_value()) outcome_.tasks[i].seconds = kept->seconds;
  }
  return {};
}

// A task that asks for more than there is would wait for ever.
Status Execution::check_feasible() {
  for (const graph::Node& node : plan_.expanded.graph.nodes) {
    const graph::Resources& asked = node.annotations.resources;
    const Status fits = place_->check({asked.cpu, asked.memory_bytes, asked.gpu, {}}, node.annotations.gang);
    if (!fits.ok()) return Error(fits.error().code, cat("node ", node.name, " ", fits.error().message), fits.error().advice, node.where);
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

const std::shared_ptr<const Recipe>& Execution::recipe_of(const Task& task) {
  const bool splits = task.phase == Phase::kSplit;
  // A source over several files has parameters by piece; it is read once each, so its recipe serves one task.
  const bool shared = task.phase != Phase::kRead;
  const std::int32_t key = shared ? task.node : -1 - static_cast<std::int32_t>(&task - plan_.tasks.data());
  const bool rows = has_no_operator(task.phase);
  const std::lock_guard lock(recipe_mutex_);
  std::shared_ptr<const Recipe>& found = recipes_[{key, splits || rows ? (splits ? 1 : 2) : 0}];
  if (found != nullptr) return found;
  const graph::ExpandedNode& expanded = plan_.expanded.nodes[position(task.node)];
  const graph::Node& node = detail::written_node(plan_, task);
  auto recipe = std::make_shared<Recipe>();
  recipe->node = expanded.name;
  recipe->folder = options_.folder;
  recipe->shard = node.annotations.shard;
  if (!rows) {
    recipe->op = operator_of(task);
    recipe->params = splits ? plan_.expanded.graph.evaluate->splitter_params : graph::params_of(plan_, task);
    recipe->seed = splits ? plan_.split_seed : expanded.seed;
    recipe->metrics = plan_.metrics;
    recipe->threads = std::max(1, static_cast<int>(node.annotations.resources.cpu));
    const graph::OperatorSpec* spec = catalogue_.find(recipe->op);
    recipe->own_fit_output = spec != nullptr && spec->own_fit_output;
  }
  found = std::move(recipe);
  return found;
}

// Sources are read first, so that malformed input is refused before anything is computed from it.
Status Execution::read_sources() {
  std::vector<std::int32_t> reads;
  for (std::size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (plan_.tasks[i].phase == Phase::kRead && needs_[i].status == TaskStatus::kWaiting) reads.push_back(static_cast<std::int32_t>(i));
  }
  for (const std::int32_t index : reads) {
    const graph::Annotations& annotations = detail::written_node(plan_, plan_.tasks[position(index)]).annotations;
    flow_->submit([this, index] { run_task(index); }, {},
                  {annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority});
  }
  flow_->wait();
  std::map<std::int32_t, data::Object> objects;
  for (const std::int32_t index : reads) {
    const graph::Node& node = detail::written_node(plan_, plan_.tasks[position(index)]);
    const std::lock_guard lock(outcome_mutex_);
    const TaskOutcome& outcome = outcome_.tasks[position(index)];
    const bool bad_input = outcome.error.has_value() && code_exit(outcome.error->code) == code_exit(Code::kBadData);
    if (bad_input && node.annotations.on_error == graph::OnError::kStop) return Error(*outcome.error).at(node.where);
    if (outcome.status != TaskStatus::kDone) continue;
    if (auto object = object_of({index, 0}); object.ok()) objects.emplace(index, std::move(object).value());
  }
  return detail::check_rows(plan_, catalogue_, [&](std::int32_t task) -> const data::Object* {
    const auto found = objects.find(task);
    return found == objects.end() ? nullptr : &found->second;
  });
}

void Execution::start() {
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
      if (before >= 0 && still_runs(position(before))) after.push_back(flow_ids_[position(before)]);
    };
    for (const Ref& input : task.inputs) wait_for(input.task);
    if (!needs_[i].output_only) wait_for(task.model.task);
    for (const std::int32_t before : task.after) wait_for(before);
    const graph::Annotations& annotations = detail::written_node(plan_, task).annotations;
    const Dataflow::Demand demand{annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority};
    flow_ids_[i] = flow_->submit([this, index = static_cast<std::int32_t>(i)] { run_task(index); }, after, demand);
  }
}

// Whether the task cannot run: the run was stopped, its alternative was pruned, or something before it did not end well.
std::optional<TaskEvent> Execution::blocked(std::int32_t index) {
  const Task& task = plan_.tasks[position(index)];
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
  const auto ended = [&](const Ref& ref) { return ended_well(status_[position(ref.task)].load()); };
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
  if (cause < 0 && task.model.task >= 0 && !needs_[position(index)].output_only && !ended(task.model)) cause = task.model.task;
  if (cause < 0) return std::nullopt;
  event.status = status_[position(cause)].load();
  if (event.status == TaskStatus::kFailed) event.status = TaskStatus::kSkipped;
  const std::lock_guard lock(outcome_mutex_);
  const TaskOutcome& before = outcome_.tasks[position(cause)];
  event.error = before.error;
  outcome_.tasks[position(index)].cause = before.cause >= 0 ? before.cause : cause;
  return event;
}

void Execution::run_task(std::int32_t index, bool again) {
  go_on({.task = index, .event = {.task = index, .status = TaskStatus::kRunning, .start_us = system_clock().wall_us()}, .again = again});
}

void Execution::go_on(Attempt now) {
  if (auto event = blocked(now.task)) {
    event->start_us = event->end_us = system_clock().wall_us();
    return finish(now.task, std::move(*event), {});
  }
  if (plan_.tasks[position(now.task)].phase == Phase::kPrune) return decide_pruning(std::move(now));
  attempt(std::move(now));
}

void Execution::decide_pruning(Attempt now) {
  const Status decided = pruning_.decide(now.task, [&](std::int32_t score) -> std::optional<data::Metrics> {
    if (!ended_well(status_[position(score)].load())) return std::nullopt;
    const auto object = object_of({score, 0});
    return object.ok() ? std::optional(object->metrics()) : std::nullopt;
  }, catalogue_);
  if (!decided.ok()) return fail(std::move(now), decided.error());
  now.event.status = TaskStatus::kDone;
  now.event.end_us = system_clock().wall_us();
  finish(now.task, std::move(now.event), {place_->put(data::Object::bytes(""))});
}

// Where a slot lies, from memory when it is only there; null when it has to be made again.
Handle Execution::there(const Ref& ref) {
  auto found = slots_->find(ref);
  if (found.ok() && *found != nullptr) return std::move(found).value();
  slots_->drop(ref);
  if (options_.memory == nullptr) return nullptr;
  const auto kept = options_.memory->find(plan_.tasks[position(ref.task)].output(ref.slot));
  if (!kept.has_value() || kept->length == 0) return nullptr;
  slots_->set_kept(ref, *kept);
  found = slots_->find(ref);
  return found.ok() ? std::move(found).value() : nullptr;
}

Result<Call> Execution::call_of(const Attempt& now) {
  const Task& task = plan_.tasks[position(now.task)];
  const graph::Annotations& annotations = detail::written_node(plan_, task).annotations;
  const bool output_only = needs_[position(now.task)].output_only;
  Call call;
  call.work = {recipe_of(task), task.phase, task.piece, task.test_side, task.wants_output, output_only};
  const auto take = [&](const Ref& ref) -> Result<Handle> {
    Handle handle = there(ref);
    if (handle == nullptr) return Error(Code::kObjectLost, cat("what ", graph::task_text(plan_, ref.task), " made is gone"));
    return handle;
  };
  for (const Ref& ref : task.inputs) {
    // Inputs that failed are left out only where `on_error: skip` allowed the task to start without them.
    if (!ended_well(status_[position(ref.task)].load())) continue;
    HEADRACE_ASSIGN(Handle input, take(ref));
    call.inputs.push_back(std::move(input));
  }
  if (output_only || task.model.task >= 0) {
    HEADRACE_ASSIGN(call.model, take(output_only ? Ref{now.task, 0} : task.model));
  }
  call.language = language_of(task);
  call.text = cat(graph::phase_name(task.phase), " ", call.work.recipe->node);
  call.asked = {annotations.resources.cpu, annotations.resources.memory_bytes, annotations.resources.gpu, {}};
  call.priority = annotations.priority;
  call.gang = annotations.gang;
  call.group = static_cast<std::uint32_t>(task.node) * 16 + static_cast<std::uint32_t>(task.phase);
  call.timeout_s = annotations.timeout_s;
  call.stop = options_.stop;
  return call;
}

// Sources of files are read here, where the files are.
Place& Execution::place_of(std::int32_t index) {
  const Task& task = plan_.tasks[position(index)];
  if (language_of(task) == "python") return options_.python != nullptr ? *options_.python : *place_;
  return task.phase == Phase::kRead ? *local_ : *place_;
}

std::string_view Execution::language_of(const Task& task) const {
  if (has_no_operator(task.phase)) return {};
  const graph::OperatorSpec* spec = catalogue_.find(operator_of(task));
  return spec == nullptr ? std::string_view() : std::string_view(spec->language);
}

// Runs inside a body of the task. The task is held until `after_attempt` has looked at what came out.
void Execution::attempt(Attempt now) {
  auto call = call_of(now);
  if (!call.ok()) {
    if (call.error().code == Code::kObjectLost && wait_for_lost(now)) return;
    return fail(std::move(now), std::move(call).error());
  }
  const std::int32_t index = now.task;
  if (!now.again) {
    call->started = [this, index, attempt = now.event.attempt, start_us = now.event.start_us](int worker) {
      status_[position(index)] = TaskStatus::kRunning;
      const TaskEvent event{.task = index, .status = TaskStatus::kRunning, .attempt = attempt, .worker = worker, .start_us = start_us};
      for (EventSink* sink : options_.sinks) sink->on_task(event);
    };
    call->progress = [this, index](double share) {
      for (EventSink* sink : options_.sinks) sink->on_progress(index, share);
    };
  }
  const Dataflow::TaskId held = flow_->hold();
  call->done = [this, held, now = std::move(now)](CallOutcome outcome) mutable {
    auto shared = std::make_shared<CallOutcome>(std::move(outcome));   // std::function copies
    flow_->resume(held, [this, now = std::move(now), shared] { after_attempt(now, std::move(*shared)); });
  };
  place_of(index).start(std::move(call).value());
}

void Execution::after_attempt(Attempt now, CallOutcome outcome) {
  now.event.worker = outcome.worker;
  if (outcome.start_us > 0) now.event.start_us = outcome.start_us;
  now.event.end_us = outcome.end_us;
  if (outcome.outputs.ok()) {
    now.event.status = TaskStatus::kDone;
    std::vector<Handle> outputs = std::move(outcome.outputs).value();
    // Made here, wanted there: sources of a fleet.
    const bool moves = plan_.tasks[position(now.task)].phase == Phase::kRead && !place_->is_here() && place_of(now.task).is_here();
    for (Handle& output : outputs) {
      if (!moves || output == nullptr) continue;
      if (auto object = output->object(); object.ok()) output = place_->put(std::move(object).value());
    }
    if (bring_home(now.task, outputs)) return finish(now.task, std::move(now.event), std::move(outputs));
    outcome.outputs = Error(Code::kObjectLost, "its results are gone with the worker that made them");
    // Made, and gone before they were here: once more, which is no fault of the task's.
    if (++now.lost < kLostMax && !options_.stop.stop_requested()) return attempt(std::move(now));
  }
  Error error = std::move(outcome.outputs).error();
  if (options_.stop.stop_requested()) return fail(std::move(now), Error(Code::kCancelled, "the run was stopped"));
  if (error.code == Code::kObjectLost && wait_for_lost(now)) return;
  const int retries = detail::written_node(plan_, plan_.tasks[position(now.task)]).annotations.retries;
  if (now.event.attempt > retries) return fail(std::move(now), std::move(error));
  // Waits 10 ms, 20 ms, ... before the next attempt, at most 1 s, on this thread: retries are rare.
  const int doubled = std::min(now.event.attempt - 1, 7);
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1000, 10 << doubled)));
  ++now.event.attempt;
  attempt(std::move(now));
}

// Final results are taken to this process as soon as they are made: nothing would make them again after the end of the run. False when
// one is gone.
bool Execution::bring_home(std::int32_t task, const std::vector<Handle>& outputs) {
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
    const Handle& output = outputs[slot];
    if (output == nullptr || !slots_->wanted({task, static_cast<std::int32_t>(slot)})) continue;
    const auto object = output->object();
    if (!object.ok() && object.error().code == Code::kObjectLost) return false;
  }
  return true;
}

void Execution::fail(Attempt now, Error error) {
  now.event.status = error.code == Code::kCancelled ? TaskStatus::kCancelled : TaskStatus::kFailed;
  now.event.error = std::move(error);
  if (now.event.end_us == 0) now.event.end_us = system_clock().wall_us();
  finish(now.task, std::move(now.event), {});
}

// Holds the task until what it reads has been made again, and then tries it once more. False when that was tried too often.
bool Execution::wait_for_lost(const Attempt& now) {
  if (now.lost >= kLostMax) return false;
  const Task& task = plan_.tasks[position(now.task)];
  std::vector<Dataflow::TaskId> after;
  const auto need = [&](const Ref& ref) {
    if (ref.task < 0 || !ended_well(status_[position(ref.task)].load())) return;
    if (const auto made = make_again(ref)) after.push_back(*made);
  };
  for (const Ref& ref : task.inputs) need(ref);
  if (needs_[position(now.task)].output_only) {
    need({now.task, 0});
  } else {
    need(task.model);
  }
  Attempt next = now;
  ++next.lost;
  const Dataflow::TaskId held = flow_->hold();
  flow_->submit([this, held, next] { flow_->resume(held, [this, next] { go_on(next); }); }, after);
  return true;
}

// The engine's task that makes a lost object again, after those that make what it reads; nothing when it is there after all.
std::optional<Dataflow::TaskId> Execution::make_again(const Ref& ref) {
  if (there(ref) != nullptr) return std::nullopt;
  const Task& task = plan_.tasks[position(ref.task)];
  {
    const std::lock_guard lock(again_mutex_);
    if (const auto running = again_.find(ref.task); running != again_.end()) return running->second;
  }
  std::vector<Dataflow::TaskId> after;
  const auto need = [&](const Ref& input) {
    if (input.task < 0) return;
    slots_->read_again(input);
    if (const auto made = make_again(input)) after.push_back(*made);
  };
  for (const Ref& input : task.inputs) need(input);
  need(task.model);
  const std::lock_guard lock(again_mutex_);
  if (const auto running = again_.find(ref.task); running != again_.end()) return running->second;
  slots_->read_again(ref);
  needs_[position(ref.task)].output_only = false;
  const Dataflow::TaskId id = flow_->submit([this, index = ref.task] { run_task(index, true); }, after);
  again_.emplace(ref.task, id);
  return id;
}

// Remembered results that memory cannot give back after all.
void Execution::make_missing() {
  const auto look = [&](const Ref& ref) {
    if (ref.task >= 0 && ended_well(status_[position(ref.task)].load())) make_again(ref);
  };
  for (const graph::Path& path : plan_.paths) {
    for (const std::int32_t task : path.scores) look({task, 0});
    if (!options_.keep_outputs) continue;
    for (const Ref& ref : path.outputs) look(ref);
  }
  flow_->wait();
}

void Execution::keep(std::int32_t index, TaskEvent& event, const std::vector<Handle>& outputs, double seconds) {
  const Task& task = plan_.tasks[position(index)];
  const graph::Cache cache = detail::written_node(plan_, task).annotations.cache;
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
    const Handle& object = outputs[slot];
    // What was asked for can be read again, whatever it is.
    const bool wanted = slots_->wanted({index, static_cast<std::int32_t>(slot)});
    if (object == nullptr || (is_rows_only(task.phase) && !wanted)) continue;
    const bool keeps = (wanted && cache != graph::Cache::kNever) || worth_keeping(cache, *object, seconds);
    auto kept = options_.memory->save(task.output(static_cast<int>(slot)), *object, seconds, keeps);
    // Gone before it could be written: it is made again when somebody reads it.
    if (!kept.ok() && kept.error().code == Code::kObjectLost) {
      kept = options_.memory->save(task.output(static_cast<int>(slot)), *object, seconds, false);
    }
    if (kept.ok()) {
      event.kept.push_back(std::move(kept).value());
      continue;
    }
    const std::lock_guard lock(outcome_mutex_);
    if (fatal_.ok()) fatal_ = std::move(kept).error().within("keeping a result");
  }
}

void Execution::finish(std::int32_t index, TaskEvent event, std::vector<Handle> outputs) {
  const Task& task = plan_.tasks[position(index)];
  const bool known = status_[position(index)].load() == TaskStatus::kDone;   // made again: its event was told
  const double seconds = static_cast<double>(event.end_us - event.start_us) * 1e-6;
  if (!known && event.status == TaskStatus::kDone && options_.memory != nullptr) keep(index, event, outputs, seconds);
  if (!known || event.status != TaskStatus::kDone) {
    const std::lock_guard lock(outcome_mutex_);
    TaskOutcome& outcome = outcome_.tasks[position(index)];
    outcome.status = event.status;
    outcome.seconds = seconds;
    outcome.attempts = event.attempt;
    outcome.error = event.error;
    outcome_.cancelled = outcome_.cancelled || event.status == TaskStatus::kCancelled;
  }
  for (std::size_t slot = 0; slot < outputs.size(); ++slot) slots_->set({index, static_cast<std::int32_t>(slot)}, std::move(outputs[slot]));
  status_[position(index)] = event.status;
  {
    const std::lock_guard lock(again_mutex_);
    again_.erase(index);
  }
  if (!known || event.status != TaskStatus::kDone) {
    for (EventSink* sink : options_.sinks) sink->on_task(event);
  }
  release(task);
}

void Execution::release(const Task& task) {
  const bool output_only = needs_[static_cast<std::size_t>(&task - plan_.tasks.data())].output_only;
  for (const Ref& input : task.inputs) slots_->release(input);
  if (!output_only && task.model.task >= 0) slots_->release(task.model);
}

Result<data::Object> Execution::object_of(const Ref& ref) {
  HEADRACE_ASSIGN(const Handle handle, slots_->find(ref));
  if (handle == nullptr) return Error(Code::kObjectLost, cat("what ", graph::task_text(plan_, ref.task), " made is gone"));
  return handle->object();
}

ExecuteOutcome Execution::collect() {
  ExecuteOutcome outcome = std::move(outcome_);
  for (const graph::Path& path : plan_.paths) {
    auto& scores = outcome.scores.emplace_back();
    for (const std::int32_t task : path.scores) {
      auto& score = scores.emplace_back();
      if (task < 0 || !ended_well(outcome.tasks[position(task)].status)) continue;
      if (auto object = object_of({task, 0}); object.ok()) {
        score = object->metrics();
      } else {
        outcome.tasks[position(task)].status = TaskStatus::kFailed;
        outcome.tasks[position(task)].error = object.error();
      }
    }
    if (!options_.keep_outputs) continue;
    auto& outputs = outcome.outputs.emplace_back();
    for (const Ref& ref : path.outputs) {
      auto& output = outputs.emplace_back();
      if (ref.task < 0 || !ended_well(outcome.tasks[position(ref.task)].status)) continue;
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
