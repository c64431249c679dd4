// SPDX-License-Identifier: Apache-2.0
// A call here: submit -> the scheduler decides kSend -> send_call -> (Started) -> Done -> its results become held objects -> finish.

#include "cluster/dispatcher.h"

#include <algorithm>
#include <utility>

#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
Dispatcher::Dispatcher(io::Loop& loop, std::shared_ptr<Hub> hub, const FleetOptions& options)
    : loop_(loop), hub_(std::move(hub)), options_(options), scheduler_(options.scheduling), outgoing_(loop) {
  scheduler_.may_grow(true);
  looked_us_ = now();
  loop_.at_end_of_batch([this] { flush_all(); });
  watch_silence();
}

Dispatcher::~Dispatcher() = default;

std::int64_t Dispatcher::now() const { return system_clock().monotonic_us(); }

void Dispatcher::take(Hub::Inbox inbox) {
  for (auto& job : inbox.jobs) submit(std::move(job));
  for (const exec::CallId call : inbox.stopped) stop(call);
  for (const ObjectNumber number : inbox.forgotten) forget(number);
  act();
}

void Dispatcher::submit(std::unique_ptr<Job> job) {
  const exec::CallId id = job->id;
  exec::CallRequest request{.id = id,
                            .asked = job->call.asked,
                            .priority = job->call.priority,
                            .gang = job->call.gang,
                            .group = job->call.group,
                            .language = language_number(job->call.language),
                            .may_duplicate = job->call.gang == 1,
                            .inputs = {}};
  const auto reads = [&](const std::shared_ptr<FleetHeld>& held) {
    objects_[held->number()] = held;
    request.inputs.push_back({held->number(), held->ready().size});
  };
  for (const auto& input : job->inputs) reads(input);
  if (job->model != nullptr) reads(job->model);
  Running& running = running_[id];
  running.job = std::move(job);
  if (failed_.has_value()) return finish(id, {.outputs = *failed_, .lost = {}});
  if (const Status fits = scheduler_.submit(std::move(request), now()); !fits.ok())
    return finish(id, {.outputs = fits.error(), .lost = {}});
  if (running.job->call.stop.stop_possible()) {
    running.on_stop = std::make_unique<std::stop_callback<std::function<void()>>>(running.job->call.stop,
                                                                                 [hub = hub_, id] { hub->stop(id); });
  }
}

void Dispatcher::stop(exec::CallId call) {
  if (!running_.contains(call)) return;
  scheduler_.cancel(call, now());
  finish(call, {.outputs = Error(Code::kCancelled, "the run was stopped"), .lost = {}});
}

void Dispatcher::forget(ObjectNumber number) {
  for (const exec::WorkerId holder : scheduler_.holders(number)) {
    const auto found = workers_.find(holder);
    if (found != workers_.end()) found->second->forget.push_back(number);
  }
  scheduler_.object_gone(number);
  objects_.erase(number);
}

void Dispatcher::act() {
  for (const exec::Decision& decision : scheduler_.decide(now())) {
    switch (decision.kind) {
      case exec::Decision::Kind::kSend: send_call(decision); break;
      case exec::Decision::Kind::kRecall: send_cancel(decision.worker, decision.call, true); break;
      case exec::Decision::Kind::kStop: send_cancel(decision.worker, decision.call, false); break;
      case exec::Decision::Kind::kGiveUp:
        finish(decision.call, {.outputs = decision.error.value_or(Error(Code::kWorkerLost, "no worker could run it")), .lost = {}});
        break;
    }
  }
  schedule_tick();
}

void Dispatcher::schedule_tick() {
  if (tick_.has_value()) return;
  const auto next = scheduler_.next_tick();
  if (!next.has_value()) return;
  tick_ = loop_.after(std::chrono::microseconds(std::max<std::int64_t>(1000, *next - now())), [this] {
    tick_.reset();
    scheduler_.tick(now());
    act();
  });
}

void Dispatcher::add_input(Worker& worker, FleetHeld& held, wire::Input& out, std::vector<int>& descriptors) {
  out.set_object(held.number());
  const FleetHeld::Ready ready = held.ready();
  out.set_size(ready.size);
  if (scheduler_.holds(worker.info.id, held.number())) return;
  if (ready.blob != nullptr && worker.shares) {
    descriptors.push_back(ready.blob->descriptor());
    out.set_descriptor(static_cast<std::int32_t>(descriptors.size()));
  } else if (ready.bytes.owner != nullptr && ready.size <= hub_->inline_bytes()) {
    out.set_inline_(ready.bytes.bytes.data(), ready.bytes.bytes.size());
  } else {
    for (const exec::WorkerId holder : scheduler_.holders(held.number())) {
      const auto found = workers_.find(holder);
      if (found == workers_.end()) continue;
      for (const std::string& address : found->second->data_addresses) out.add_peers(address);
    }
  }
  scheduler_.object_at(held.number(), worker.info.id);
}

void Dispatcher::send_call(const exec::Decision& decision) {
  const auto found = running_.find(decision.call);
  const auto at = workers_.find(decision.worker);
  if (found == running_.end() || at == workers_.end()) return;
  Worker& worker = *at->second;
  const Job& job = *found->second.job;
  auto& [recipe, kept] = recipes_[job.call.work.recipe.get()];
  if (kept == nullptr) {
    kept = job.call.work.recipe;
    recipe = next_recipe_++;
  }
  if (worker.recipes.insert(recipe).second) {
    wire::Recipe message;
    to_wire(*kept, recipe, message);
    if (!send(*worker.channel, wire::RECIPE, message).ok()) return;
  }
  if (worker.pressed != hub_->pressure() && !tell_pressure(worker).ok()) return;
  call_.Clear();
  call_.set_number(decision.call);
  call_.set_recipe(recipe);
  call_.set_phase(static_cast<std::uint32_t>(job.call.work.phase));
  call_.set_piece(job.call.work.piece);
  call_.set_test_side(job.call.work.test_side);
  call_.set_wants_output(job.call.work.wants_output);
  call_.set_output_only(job.call.work.output_only);
  call_.set_rank(static_cast<std::uint32_t>(decision.rank));
  call_.set_timed(job.call.timeout_s > 0);
  std::vector<int> descriptors;
  for (const auto& input : job.inputs) add_input(worker, *input, *call_.add_inputs(), descriptors);
  if (job.model != nullptr) add_input(worker, *job.model, *call_.mutable_model(), descriptors);
  // Other ranks of a gang keep nothing.
  for (int slot = 0; slot < Hub::kOutputsMax && decision.rank == 0; ++slot)
    call_.add_outputs(job.first_output + static_cast<ObjectNumber>(slot));
  worker.calls.emplace(decision.call, decision.rank);
  // More descriptors than a frame carries go ahead of it, with objects that ride along.
  Status sent;
  if (descriptors.size() > io::kFrameDescriptorsMax) {
    sent = send_ahead(worker, descriptors);
  }
  if (sent.ok()) sent = send(*worker.channel, wire::CALL, call_, descriptors);
  if (!sent.ok()) {
    log(LogLevel::kWarning, cat(worker.title(), ": ", sent.error().text()));
    worker.channel->close();
  }
}

Status Dispatcher::tell_pressure(Worker& worker) {
  wire::Heartbeat message;
  message.set_pressure(hub_->pressure());
  worker.pressed = message.pressure();
  return send(*worker.channel, wire::HEARTBEAT, message);
}

// Moves inputs that come with a descriptor out of `call_` into frames of their own, until the rest fits into one.
Status Dispatcher::send_ahead(Worker& worker, std::vector<int>& descriptors) {
  std::vector<wire::Input*> inputs;
  for (wire::Input& input : *call_.mutable_inputs()) inputs.push_back(&input);
  if (call_.has_model()) inputs.push_back(call_.mutable_model());
  std::vector<int> some;
  wire::Objects ahead;
  const auto flush = [&]() -> Status {
    HEADRACE_TRY(send(*worker.channel, wire::OBJECTS, ahead, some));
    ahead.Clear();
    some.clear();
    return {};
  };
  for (wire::Input* input : inputs) {
    if (input->descriptor() == 0) continue;
    some.push_back(descriptors[static_cast<std::size_t>(input->descriptor() - 1)]);
    wire::Input& moved = *ahead.add_objects();
    moved.set_object(input->object());
    moved.set_size(input->size());
    moved.set_descriptor(static_cast<std::int32_t>(some.size()));
    input->clear_descriptor();
    if (some.size() == io::kFrameDescriptorsMax) HEADRACE_TRY(flush());
  }
  descriptors.clear();
  return some.empty() ? Status() : flush();
}

void Dispatcher::send_cancel(exec::WorkerId worker, exec::CallId call, bool recall) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  wire::Cancel message;
  message.set_call(call);
  message.set_recall(recall);
  (void)send(*found->second->channel, wire::CANCEL, message);   // a connection that cannot take it is closing
}

void Dispatcher::begin(Running& running, exec::WorkerId worker) {
  if (!std::exchange(running.told_started, true) && running.job->call.started) running.job->call.started(static_cast<int>(worker));
  const double limit = running.job->call.timeout_s;
  if (limit <= 0 || running.limits.contains(worker)) return;
  const exec::CallId id = running.job->id;
  running.limits[worker] = loop_.after(std::chrono::microseconds(static_cast<std::int64_t>(limit * 1e6)), [this, id, worker, limit] {
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    found->second.limits.erase(worker);
    scheduler_.cancel(id, now());
    finish(id, {.outputs = Error(Code::kTimeout, cat("ran past its limit of ", seconds_text(limit)),
                                 "raise `timeout`, or give the node less data"),
                .worker = static_cast<int>(worker), .lost = {}});
    act();
  });
}

void Dispatcher::finish(exec::CallId call, exec::CallOutcome outcome) {
  const auto found = running_.find(call);
  if (found == running_.end()) return;
  Running running = std::move(found->second);
  running_.erase(found);
  for (const auto& [worker, timer] : running.limits) loop_.cancel(timer);
  running.on_stop.reset();
  ++(outcome.outputs.ok() ? totals_.calls_done : totals_.calls_failed);
  if (!running.told_started && outcome.outputs.ok() && running.job->call.started) running.job->call.started(outcome.worker);
  running.job->call.done(std::move(outcome));
}

void Dispatcher::fetch(ObjectNumber number, std::function<void(Result<exec::Encoded>)> done) {
  const auto holders = scheduler_.holders(number);
  const auto at = holders.empty() ? workers_.end() : workers_.find(holders.front());
  if (at == workers_.end()) return done(Error(Code::kObjectLost, cat("object ", number, " is gone with the workers that held it")));
  if (!incoming_.want(number, std::move(done))) return;
  wire::Fetch message;
  message.set_object(number);
  const Status sent = send(*at->second->channel, wire::FETCH, message);
  if (!sent.ok()) incoming_.fail(number, Error(Code::kObjectLost, sent.error().message));
}

void Dispatcher::fail(Error error) {
  failed_ = error;
  std::vector<exec::CallId> calls;
  for (const auto& [id, running] : running_) calls.push_back(id);
  std::sort(calls.begin(), calls.end());
  for (const exec::CallId id : calls) {
    scheduler_.cancel(id, now());
    finish(id, {.outputs = error, .lost = {}});
  }
  if (on_change) on_change();
  act();
}

void Dispatcher::shut_down(std::function<void()> done) {
  on_gone.clear();
  wire::Shutdown message;
  message.set_reason("the driver ends");
  for (const auto& [id, worker] : workers_) {
    (void)send(*worker->channel, wire::SHUTDOWN, message);   // those that are gone already need no word
    worker->channel->flush();
  }
  if (workers_.empty()) return done();
  on_empty_ = std::move(done);
}

void Dispatcher::report(FleetReport& out) const {
  out = totals_;
  out.load = scheduler_.load();
  for (const auto& [id, worker] : workers_) {
    WorkerInfo info = worker->info;
    info.calls_held = static_cast<int>(worker->calls.size());
    if (!worker->calls.empty()) {
      const auto first = running_.find(worker->calls.begin()->first);
      if (first != running_.end()) info.running = first->second.job->call.text;
    }
    out.workers.push_back(std::move(info));
  }
  out.object_bytes = hub_->memory_bytes();
  out.object_bytes_max = hub_->memory_bytes_max();
  out.spilled_bytes = hub_->spilled_bytes();
  out.bytes_sent = outgoing_.bytes();
  out.bytes_received = incoming_.bytes();
}

void Dispatcher::flush_all() {
  for (const auto& [id, worker] : workers_) {
    if (!worker->forget.empty()) {
      wire::Forget message;
      message.mutable_objects()->Add(worker->forget.begin(), worker->forget.end());
      worker->forget.clear();
      (void)send(*worker->channel, wire::FORGET, message);
    }
    worker->channel->flush();
  }
}

}  // namespace headrace::cluster
