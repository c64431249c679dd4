// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/scheduler.h"

#include "exec/scheduler_impl.h"
#include "headrace/base/text.h"

namespace headrace::exec {

Scheduler::Scheduler(const SchedulerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Scheduler::~Scheduler() = default;

// ---- hosts and workers

void Scheduler::add_host(HostId id, const Capacity& capacity) {
  Impl& in = *impl_;
  Impl::Host*& host = in.host_by_id[id];
  if (host == nullptr) {
    host = in.hosts.emplace_back(std::make_unique<Impl::Host>()).get();
    host->id = id;
    host->index = in.hosts.size() - 1;
    host->taken.resize(detail::kGpu + 1);
  }
  host->capacity = in.names.stock(capacity);
  for (const auto& pool : host->pools) in.relist(*pool);
  if (host->kept_for != nullptr) in.release_hosts(*host->kept_for);
  in.mark_grown(*host);
  in.changed();
}

void Scheduler::add_worker(WorkerId id, HostId host_id, std::uint32_t language_id, std::int64_t) {
  Impl& in = *impl_;
  const auto at = in.host_by_id.find(host_id);
  HEADRACE_CHECK(at != in.host_by_id.end(), "a worker's host must be added before it");
  auto& worker = in.workers[id];
  HEADRACE_CHECK(worker == nullptr, "a worker's id is used twice");
  Impl::Host& host = *at->second;
  Impl::Language& language = in.language_of(language_id);
  Impl::Pool* pool = in.pool_of(host, language);
  if (pool == nullptr) {
    pool = host.pools.emplace_back(std::make_unique<Impl::Pool>()).get();
    pool->host = &host;
    pool->language = &language;
  }
  ++pool->live;
  worker = std::make_unique<Impl::Worker>();
  worker->id = id;
  worker->pool = pool;
  in.relist(*worker);
  in.mark_grown(host);
  in.changed();
}

std::vector<ObjectNumber> Scheduler::remove_worker(WorkerId id, std::int64_t now_us) {
  Impl& in = *impl_;
  Impl::Worker* worker = in.find_worker(id);
  if (worker == nullptr) return {};
  std::erase_if(in.decisions, [&](const Decision& decision) { return decision.kind != Decision::Kind::kGiveUp && decision.worker == id; });
  if (!worker->draining) in.retire(*worker);
  // From the back, so that none of them moves up to be the first.
  std::vector<std::pair<Impl::CallState*, bool>> held;
  while (!worker->queue.empty()) {
    Impl::CallState& call = *worker->queue.back();
    held.emplace_back(&call, Impl::find_attempt(call, *worker)->started);
    in.detach(call, *worker, now_us);
  }
  std::vector<ObjectNumber> lost = in.drop_objects(*worker);
  std::erase(in.hungry, worker);
  in.workers.erase(id);
  for (auto call = held.rbegin(); call != held.rend(); ++call) in.lose(*call->first, call->second);
  return lost;
}

void Scheduler::drain(WorkerId id) {
  Impl& in = *impl_;
  Impl::Worker* worker = in.find_worker(id);
  if (worker == nullptr || worker->draining) return;
  in.retire(*worker);
  for (Impl::CallState* call : worker->queue) {
    detail::Attempt& attempt = *Impl::find_attempt(*call, *worker);
    if (!attempt.started && !attempt.recalled && !attempt.stopped) in.recall(*call, attempt, nullptr);
  }
}

bool Scheduler::has_calls(WorkerId id) const {
  const Impl::Worker* worker = impl_->find_worker(id);
  return worker != nullptr && !worker->queue.empty();
}

void Scheduler::may_grow(bool grows) {
  impl_->grows = grows;
  impl_->check_feasible = true;
}

// Takes a worker out of those that get calls.
void Scheduler::Impl::retire(Worker& worker) {
  worker.draining = true;
  --worker.pool->live;
  relist(worker);
  Host& host = *worker.pool->host;
  if (host.kept_for != nullptr) release_hosts(*host.kept_for);
  if (!std::exchange(host.shrunk, true)) shrunk.push_back(&host);
  changed();
}

void Scheduler::Impl::changed() {
  ++epoch;
  check_feasible = true;
  starving = true;
  gangs_may_start = true;
}

// ---- calls

Status Scheduler::submit(CallRequest request, std::int64_t) {
  Impl& in = *impl_;
  if (request.gang < 1) return Error(Code::kBadValue, cat("a call asks for a gang of ", request.gang), "a gang has at least one worker");
  HEADRACE_ASSIGN(detail::Ask ask, in.names.ask(request.asked));
  Impl::Group& group = in.group_of(request.group);
  Impl::Kind& kind = in.kind_of(group, std::move(ask), request.gang, request.language);
  if (!in.grows && !in.is_feasible(kind)) return in.refusal(kind);
  const auto [at, is_new] = in.calls.try_emplace(request.id);
  if (!is_new) return Error(Code::kBadValue, cat("a call's id is in use: ", request.id), "give each submission an id of its own");
  Impl::CallState& call = at->second;
  call.id = request.id;
  call.sequence = ++in.sequence;
  call.priority = request.priority;
  call.kind = &kind;
  call.group = &group;
  call.may_duplicate = request.may_duplicate && request.gang == 1;
  call.inputs = std::move(request.inputs);
  std::stable_sort(call.inputs.begin(), call.inputs.end(), [](const CallInput& a, const CallInput& b) { return a.bytes > b.bytes; });
  in.enqueue(call);
  return {};
}

void Scheduler::cancel(CallId id, std::int64_t) {
  Impl& in = *impl_;
  Impl::CallState* call = in.find_call(id);
  if (call == nullptr || call->over) return;
  if (call->attempts.empty()) {
    in.dequeue(*call);
    return in.forget(*call);
  }
  call->over = true;
  if (call->running.in) in.unwatch(*call);
  in.stop_attempts(*call, nullptr);
}

void Scheduler::started(CallId id, WorkerId worker_id, std::int64_t now_us) {
  Impl& in = *impl_;
  Impl::CallState* call = in.find_call(id);
  Impl::Worker* worker = in.find_worker(worker_id);
  Impl::Attempt* attempt = call == nullptr || worker == nullptr ? nullptr : Impl::find_attempt(*call, *worker);
  if (attempt == nullptr) return;
  if (attempt->recalled) {
    if (worker->queue.front() != call) --worker->recalled;
    in.answer_recall(*attempt);
    in.rebucket(*worker);
  }
  attempt->started = true;
  attempt->start_us = now_us;
  if (call->running.in) {
    in.unwatch(*call);
    in.watch(*call);
  }
}

bool Scheduler::ended(CallId id, WorkerId worker_id, bool well, std::int64_t now_us, std::int64_t ran_us) {
  Impl& in = *impl_;
  Impl::CallState* call = in.find_call(id);
  Impl::Worker* worker = in.find_worker(worker_id);
  const Impl::Attempt* attempt = call == nullptr || worker == nullptr ? nullptr : Impl::find_attempt(*call, *worker);
  if (attempt == nullptr) return false;
  if (well && attempt->started) {
    call->group->durations.learn(ran_us >= 0 ? ran_us : now_us - attempt->start_us);
    if (call->group->due_us == 0) in.set_due(*call->group);
  }
  in.detach(*call, *worker, now_us);
  bool decides = false;
  if (call->over) {
    // Decided or cancelled before.
  } else if (call->gang_lost) {
    if (call->attempts.empty()) in.settle_gang(*call);
    return false;
  } else if (call->kind->gang > 1) {
    decides = !well || ++call->well == call->kind->gang;
  } else {
    decides = well || call->attempts.empty();
  }
  if (decides) {
    call->over = true;
    in.stop_attempts(*call, nullptr);
  }
  if (call->over && call->attempts.empty()) in.forget(*call);
  return decides;
}

void Scheduler::returned(CallId id, WorkerId worker_id, std::int64_t now_us) {
  Impl& in = *impl_;
  Impl::CallState* call = in.find_call(id);
  Impl::Worker* worker = in.find_worker(worker_id);
  if (call == nullptr || worker == nullptr || Impl::find_attempt(*call, *worker) == nullptr) return;
  in.detach(*call, *worker, now_us);
  in.lose(*call, false);
}

// ---- time and decisions

void Scheduler::tick(std::int64_t now_us) { impl_->now_us = std::max(impl_->now_us, now_us); }

std::optional<std::int64_t> Scheduler::next_tick() const {
  const Impl& in = *impl_;
  std::optional<std::int64_t> next;
  const auto offer = [&](std::int64_t at) { next = next.has_value() ? std::min(*next, at) : at; };
  if (!in.rechecks.empty()) offer(in.rechecks.begin()->first);
  // Stragglers that are due already wait for an idle worker, not for time.
  if (const auto due = in.dues.upper_bound({in.now_us, ~std::uint32_t{0}}); due != in.dues.end()) offer(due->first);
  if (in.steal_again_us != 0) offer(in.steal_again_us);
  return next;
}

std::vector<Decision> Scheduler::decide(std::int64_t now_us) {
  Impl& in = *impl_;
  in.now_us = now_us = std::max(in.now_us, now_us);
  while (!in.rechecks.empty() && in.rechecks.begin()->first <= now_us) in.look_again(*in.kind_by_number[in.rechecks.begin()->second]);
  for (Impl::Host* host : std::exchange(in.shrunk, {})) in.find_best_again(*host);
  if (in.check_feasible) in.give_up_infeasible();
  in.place(now_us);
  // Hosts let go while placing have room again; each pass places a call or ends.
  while (in.starving || !in.grown.empty()) {
    if (in.starving) in.keep_hosts();
    in.place(now_us);
  }
  in.balance(now_us);
  return std::exchange(in.decisions, {});
}

void Scheduler::Impl::look_again(Kind& kind) {
  rechecks.erase({kind.recheck_us, kind.number});
  kind.recheck_us = 0;
  kind.blocked = false;
  if (!kind.fresh) fresh.push_back(&kind);
  kind.fresh = true;
}

void Scheduler::Impl::place(std::int64_t now) {
  // A gang that comes before all single calls starts first; others take what those leave.
  const auto first_is_gang = [&] { return !waiting.empty() && waiting.begin()->at->gang > 1; };
  const bool try_gangs = gangs_may_start && (!grown.empty() || !fresh.empty());
  if (try_gangs) {
    while (first_is_gang() && start_gang(*waiting.begin()->at->head().at, now)) {
    }
    if (gang_kept != nullptr) start_gang(*gang_kept, now);
  }
  const std::vector<Host*> hosts_grown = std::exchange(grown, {});
  for (Host* host : hosts_grown) {
    host->grown = false;
    feed(*host, now);
  }
  spread_all(now);
  if (try_gangs) start_gangs(now);
  for (Worker* worker : std::exchange(hungry, {})) top_up(*worker, now);
  for (Kind* kind : std::exchange(fresh, {})) {
    kind->fresh = false;
    spill(*kind, now);
  }
}

SchedulerLoad Scheduler::load() const {
  const Impl& in = *impl_;
  SchedulerLoad out{.waiting = in.waiting_count, .queued = in.attempt_count - in.busy_count, .running = in.busy_count,
                    .workers = in.workers.size(), .idle = 0};
  for (const auto& [id, language] : in.languages) out.idle += language->idle;
  return out;
}

}  // namespace headrace::exec
