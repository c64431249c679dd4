// SPDX-License-Identifier: Apache-2.0
#include "exec/scheduler_impl.h"
#include "headrace/base/text.h"

namespace headrace::exec {

using detail::Amount;
using detail::Ask;

Scheduler::Impl::Language& Scheduler::Impl::language_of(std::uint32_t id) {
  auto& language = languages[id];
  if (language == nullptr) {
    language = std::make_unique<Language>();
    language->id = id;
  }
  return *language;
}

Scheduler::Impl::Group& Scheduler::Impl::group_of(std::uint32_t id) {
  auto& group = groups[id];
  if (group == nullptr) {
    group = std::make_unique<Group>();
    group->id = id;
  }
  return *group;
}

Scheduler::Impl::Kind& Scheduler::Impl::kind_of(Group& group, Ask ask, int gang, std::uint32_t language) {
  Kind* last = group.last_kind;
  if (last != nullptr && last->gang == gang && last->language->id == language && last->ask == ask) return *last;
  auto& kind = kinds[{ask, gang, language}];
  if (kind == nullptr) {
    kind = std::make_unique<Kind>();
    kind->number = static_cast<std::uint32_t>(kind_by_number.size());
    kind_by_number.push_back(kind.get());
    kind->ask = std::move(ask);
    kind->gang = gang;
    kind->language = &language_of(language);
    const Amount cpu = !kind->ask.empty() && kind->ask.front().first == detail::kCpu ? kind->ask.front().second : 0;
    if (cpu < kind->language->cpu_least) {
      kind->language->cpu_least = cpu;
      for (const auto& host : hosts)
        if (Pool* pool = pool_of(*host, *kind->language)) relist(*pool);
    }
  }
  group.last_kind = kind.get();
  return *kind;
}

Scheduler::Impl::Pool* Scheduler::Impl::pool_of(Host& host, const Language& language) const {
  for (const auto& pool : host.pools)
    if (pool->language == &language) return pool.get();
  return nullptr;
}

Scheduler::Impl::CallState* Scheduler::Impl::find_call(CallId id) {
  const auto found = calls.find(id);
  return found == calls.end() ? nullptr : &found->second;
}

Scheduler::Impl::Worker* Scheduler::Impl::find_worker(WorkerId id) {
  const auto found = workers.find(id);
  return found == workers.end() ? nullptr : found->second.get();
}

Scheduler::Impl::Attempt* Scheduler::Impl::find_attempt(CallState& call, const Worker& worker) {
  for (Attempt& attempt : call.attempts)
    if (attempt.worker == &worker) return &attempt;
  return nullptr;
}

// ---- waiting

void Scheduler::Impl::enqueue(CallState& call) {
  Kind& kind = *call.kind;
  find_best(call);
  if (kind.empty() || call.priority > kind.head().priority) kind.blocked = false;
  Waiting& waiting_calls = call.best[0] == nullptr ? kind.free : kind.bound;
  waiting_calls.emplace_hint(waiting_calls.end(), call.order());
  ++waiting_count;
  for (Host* host : call.best) {
    if (host == nullptr) break;
    host->wanted[kind.number].insert(call.order());
    if (const Pool* pool = pool_of(*host, *kind.language); pool != nullptr && !pool->idle.empty()) mark_grown(*host);
  }
  if (!kind.fresh) {
    kind.fresh = true;
    fresh.push_back(&kind);
  }
  list_kind(kind);
  if (kind.gang > 1) gangs_may_start = true;
  if (!grows && !is_feasible(kind)) check_feasible = true;
}

void Scheduler::Impl::dequeue(CallState& call) {
  Kind& kind = *call.kind;
  (call.best[0] == nullptr ? kind.free : kind.bound).erase(call.order());
  --waiting_count;
  for (Host* host : call.best) {
    if (host == nullptr) break;
    const auto wanted = host->wanted.find(kind.number);
    wanted->second.erase(call.order());
    if (wanted->second.empty()) host->wanted.erase(wanted);
  }
  call.best = {};
  list_kind(kind);
  release_hosts(call);
}

void Scheduler::Impl::list_kind(Kind& kind) {
  if (kind.empty()) {
    if (kind.listed.at != nullptr) waiting.erase(kind.listed);
    kind.listed.at = nullptr;
    if (kind.recheck_us != 0) rechecks.erase({kind.recheck_us, kind.number});
    kind.recheck_us = 0;
    return;
  }
  const auto head = kind.head();
  if (kind.listed.at != nullptr) {
    if (kind.listed.priority == head.priority && kind.listed.sequence == head.sequence) return;
    waiting.erase(kind.listed);
  }
  kind.listed = {head.priority, head.sequence, &kind};
  waiting.insert(kind.listed);
}

// ---- at a worker

void Scheduler::Impl::attach(CallState& call, Worker& worker, int rank, std::int64_t now) {
  call.attempts.push_back({.worker = &worker, .rank = rank});
  worker.queue.push_back(&call);
  ++attempt_count;
  if (worker.queue.size() == 1) {
    ++busy_count;
    set_holder(worker, call.kind);
    begin_first(worker, now);
  }
  decisions.push_back({.kind = Decision::Kind::kSend, .call = call.id, .worker = worker.id, .rank = rank, .error = {}});
  relist(worker);
}

void Scheduler::Impl::detach(CallState& call, Worker& worker, std::int64_t now) {
  Attempt* attempt = find_attempt(call, worker);
  const auto at = std::find(worker.queue.begin(), worker.queue.end(), &call);
  const bool was_first = at == worker.queue.begin();
  if (attempt->recalled) {
    if (!was_first) --worker.recalled;
    answer_recall(*attempt);
  }
  if (call.running.in) unwatch(call);
  *attempt = call.attempts.back();
  call.attempts.pop_back();
  worker.queue.erase(at);
  --attempt_count;
  if (worker.queue.empty()) {
    --busy_count;
    set_holder(worker, nullptr);
    mark_grown(*worker.pool->host);
  } else {
    if (was_first) begin_first(worker, now);
    if (worker.queue.front()->kind != worker.holder) {
      // The one that asks for most among those left; the old holder where no single one does.
      Kind* most = worker.queue.front()->kind;
      for (const CallState* queued : worker.queue) {
        if (detail::within(queued->kind->ask, most->ask)) continue;
        most = detail::within(most->ask, queued->kind->ask) ? queued->kind : worker.holder;
      }
      set_holder(worker, most);
      mark_grown(*worker.pool->host);
    }
    hungry.push_back(&worker);
  }
  relist(worker);
}

void Scheduler::Impl::begin_first(Worker& worker, std::int64_t now) {
  CallState& call = *worker.queue.front();
  Attempt& attempt = *find_attempt(call, worker);
  if (attempt.recalled) --worker.recalled;
  attempt.started = true;
  attempt.start_us = now;
  if (call.may_duplicate && call.attempts.size() == 1 && !call.over && !call.running.in) watch(call);
}

void Scheduler::Impl::set_holder(Worker& worker, Kind* holder) {
  if (worker.holder == holder) return;
  Host& host = *worker.pool->host;
  if (worker.holder != nullptr) detail::give_back(host.taken, worker.holder->ask);
  if (holder != nullptr) detail::take(host.taken, holder->ask);
  worker.holder = holder;
  for (const auto& pool : host.pools) relist(*pool);
}

void Scheduler::Impl::relist(Worker& worker) {
  Pool& pool = *worker.pool;
  Worker::Spot spot = Worker::Spot::kNone;
  if (worker.draining) {
    // In no chain: nothing new for it.
  } else if (worker.queue.empty()) {
    spot = Worker::Spot::kIdle;
  } else if (worker.queue.front()->kind->gang == 1 && static_cast<int>(worker.queue.size()) - 1 < depth(*worker.queue.back()->group)) {
    spot = Worker::Spot::kRoom;
  }
  if (spot != worker.spot) {
    if (worker.spot == Worker::Spot::kIdle) {
      pool.idle.remove(worker);
      --pool.language->idle;
    } else if (worker.spot == Worker::Spot::kRoom) {
      pool.room.remove(worker);
    }
    if (spot == Worker::Spot::kIdle) {
      pool.idle.push_back(worker);
      ++pool.language->idle;
    } else if (spot == Worker::Spot::kRoom) {
      pool.room.push_back(worker);
    }
    worker.spot = spot;
    relist(pool);
  }
  rebucket(worker);
}

void Scheduler::Impl::relist(Pool& pool) {
  Language& language = *pool.language;
  const Host& host = *pool.host;
  const bool has_idle = !pool.idle.empty() && host.capacity[detail::kCpu] - host.taken[detail::kCpu] >= language.cpu_least;
  if (has_idle != pool.with_idle.in) has_idle ? language.idle_pools.push_back(pool) : language.idle_pools.remove(pool);
  const bool has_room = !pool.room.empty();
  if (has_room != pool.with_room.in) has_room ? language.room_pools.push_back(pool) : language.room_pools.remove(pool);
}

void Scheduler::Impl::rebucket(Worker& worker) {
  Language& language = *worker.pool->language;
  std::size_t bucket = 0;
  if (!worker.draining && worker.queue.size() > 1)
    bucket = std::min(worker.queue.size() - 1 - static_cast<std::size_t>(worker.recalled), Language::kBuckets);
  if (bucket == worker.bucket) return;
  if (worker.bucket > 0) language.buckets[worker.bucket].remove(worker);
  if (bucket > 0) language.buckets[bucket].push_back(worker);
  language.bucket_top = std::max(language.bucket_top, bucket);
  worker.bucket = bucket;
}

void Scheduler::Impl::mark_grown(Host& host) {
  if (host.grown) return;
  host.grown = true;
  grown.push_back(&host);
}

void Scheduler::Impl::stop_attempts(CallState& call, const Worker* except) {
  for (Attempt& attempt : call.attempts) {
    if (attempt.stopped || attempt.worker == except) continue;
    attempt.stopped = true;
    decisions.push_back({.kind = Decision::Kind::kStop, .call = call.id, .worker = attempt.worker->id, .rank = attempt.rank, .error = {}});
  }
}

void Scheduler::Impl::recall(CallState& call, Attempt& attempt, Pool* thief) {
  attempt.recalled = true;
  ++attempt.worker->recalled;
  attempt.thief = thief;
  if (thief != nullptr) {
    ++thief->promised;
    ++thief->host->promised;
    ++thief->language->promised;
  }
  decisions.push_back({.kind = Decision::Kind::kRecall, .call = call.id, .worker = attempt.worker->id, .rank = 0, .error = {}});
  rebucket(*attempt.worker);
}

void Scheduler::Impl::answer_recall(Attempt& attempt) {
  attempt.recalled = false;
  if (attempt.thief == nullptr) return;
  --attempt.thief->promised;
  --attempt.thief->host->promised;
  --attempt.thief->language->promised;
  attempt.thief = nullptr;
}

// ---- back to waiting, or over

void Scheduler::Impl::lose(CallState& call, bool was_running) {
  if (call.over) {
    if (call.attempts.empty()) forget(call);
    return;
  }
  if (call.kind->gang > 1) {
    if (!call.gang_lost && was_running) ++call.lost;
    call.gang_lost = true;
    stop_attempts(call, nullptr);
    if (call.attempts.empty()) settle_gang(call);
    return;
  }
  if (was_running) ++call.lost;
  if (!call.attempts.empty()) return;   // its other attempt goes on
  requeue(call);
}

// A gang that lost a worker starts again when its other ranks have ended.
void Scheduler::Impl::settle_gang(CallState& call) {
  call.gang_lost = false;
  call.well = 0;
  requeue(call);
}

void Scheduler::Impl::requeue(CallState& call) {
  if (call.lost >= options.lost_max) {
    give_up(call, Error(Code::kWorkerLost, cat("workers died under this call ", call.lost, " times"),
                        "it may be what kills them: look at the workers' logs, and at the memory that it asks for"));
    return;
  }
  call.patience_us = call.recalls > 0 ? 1 : 0;   // one that an idle worker asked for waits for no other
  enqueue(call);
}

void Scheduler::Impl::give_up(CallState& call, Error error) {
  decisions.push_back({.kind = Decision::Kind::kGiveUp, .call = call.id, .worker = 0, .rank = 0, .error = std::move(error)});
  forget(call);
}

void Scheduler::Impl::forget(CallState& call) {
  HEADRACE_CHECK(call.attempts.empty() && !call.running.in, "a call that is at a worker is forgotten");
  const CallId id = call.id;   // `call` ends with its entry
  calls.erase(id);
}

int Scheduler::Impl::depth(const Group& group) const {
  constexpr double kLongUs = 1e6, kQueuedUs = 2'000;
  if (!group.durations.known()) return options.queue_depth;
  const double mean = std::max(group.durations.mean_us(), 1.0);
  if (mean >= kLongUs) return std::min(options.queue_depth, 1);
  // So many that the worker has something to do while a batch of messages goes both ways.
  return std::max(options.queue_depth, static_cast<int>(std::min(kQueuedUs / mean, static_cast<double>(options.queue_depth_max))));
}

}  // namespace headrace::exec
