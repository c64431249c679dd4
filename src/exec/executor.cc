// SPDX-License-Identifier: Apache-2.0
// The life of a task here: demand says it runs -> Dataflow starts it once the tasks it reads have ended -> its inputs are taken from
// the slots (or loaded from memory) -> the place runs attempts, until one succeeds or the last fails; the task is held meanwhile ->
// outputs go to the slots and to memory -> the event is told -> inputs that nobody else reads are let go.
//
// A place of workers can lose objects with them. Then the tasks that made them run again, back to what is still there, and the
// attempt that missed them after that. Nobody is told of it: the task was done before, and its result is the same.

#include "headrace/exec/executor.h"

#include "exec/execution.h"
#include "exec/preflight.h"
#include "headrace/base/clock.h"
#include "headrace/base/text.h"

namespace headrace::exec {
namespace detail {

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
  needs_ = demand({plan_, catalogue_, options_.memory, options_.recall, &options_.fitted});
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
  return task.phase == Phase::kSplit ? plan_.expanded.graph.evaluate->splitter : written_node(plan_, task).op;
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
  const graph::Node& node = written_node(plan_, task);
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
    const graph::Annotations& annotations = written_node(plan_, plan_.tasks[position(index)]).annotations;
    flow_->submit([this, index] { run_task(index); }, {},
                  {annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority});
  }
  flow_->wait();
  std::map<std::int32_t, data::Object> objects;
  for (const std::int32_t index : reads) {
    const graph::Node& node = written_node(plan_, plan_.tasks[position(index)]);
    const std::lock_guard lock(outcome_mutex_);
    const TaskOutcome& outcome = outcome_.tasks[position(index)];
    const bool bad_input = outcome.error.has_value() && code_exit(outcome.error->code) == code_exit(Code::kBadData);
    if (bad_input && node.annotations.on_error == graph::OnError::kStop) return Error(*outcome.error).at(node.where);
    if (outcome.status != TaskStatus::kDone) continue;
    if (auto object = object_of({index, 0}); object.ok()) objects.emplace(index, std::move(object).value());
  }
  return check_rows(plan_, catalogue_, [&](std::int32_t task) -> const data::Object* {
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
    const graph::Annotations& annotations = written_node(plan_, task).annotations;
    const Dataflow::Demand demand{annotations.resources.cpu, annotations.resources.memory_bytes, annotations.priority};
    flow_ids_[i] = flow_->submit([this, index = static_cast<std::int32_t>(i)] { run_task(index); }, after, demand);
  }
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

}  // namespace detail

Result<ExecuteOutcome> execute(const graph::Plan& plan, const graph::Catalogue& catalogue, Packs& packs, const ExecuteOptions& options) {
  return detail::Execution(plan, catalogue, packs, options).run();
}

}  // namespace headrace::exec
