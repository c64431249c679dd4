// SPDX-License-Identifier: Apache-2.0
// Which waiting call goes to which worker. Calls of one kind ask for the same, so where the first of a kind does not fit none of them
// does, and only the first of each kind need be looked at. Two directions:
//   a host got room (a call ended, a worker came)   `feed`: the kinds in order, until nothing more fits there
//   calls came                                      `spread`: over hosts with idle workers, until none has room: the kind is blocked
// A blocked kind needs no second look at all hosts: each host that gets room looks at it. Calls that find no idle worker queue behind
// running ones: `top_up` when a queue got shorter, `spill` when calls came.
//
// Waiting for data. A call goes to a host without its data when the wait for one with them would take longer than moving them. The
// wait is a guess, so it is bounded by the time to move: the total is at most twice the better of the two (ski rental).
#include "exec/scheduler_impl.h"

namespace headrace::exec {

namespace {

// How many candidates are looked at where looking at all might take long.
constexpr int kLooks = 16;
constexpr int kKindsPassed = 64;

}  // namespace

bool Scheduler::Impl::may_use(const Host& host, const Kind& kind, int priority) {
  return host.kept_for == nullptr || host.kept_for->kind == &kind || priority > host.kept_for->priority;
}

void Scheduler::Impl::feed(Host& host, std::int64_t now) {
  const auto place_one = [&] {
    for (const auto& listed : waiting) {
      Kind& kind = *listed.at;
      if (kind.gang > 1) continue;
      const Pool* pool = pool_of(host, *kind.language);
      if (pool == nullptr || pool->idle.empty() || !may_use(host, kind, listed.priority)) continue;
      if (!detail::fits(host.capacity, host.taken, kind.ask)) continue;
      CallState* call = choose(kind, host, now);
      if (call == nullptr) {
        kind.blocked = false;   // there is room, for calls that wait for no data
        continue;
      }
      put(*call, *pool->idle.front(), now);
      return true;
    }
    return false;
  };
  const auto has_idle = [&] {
    return std::any_of(host.pools.begin(), host.pools.end(), [](const auto& pool) { return !pool->idle.empty(); });
  };
  while (has_idle() && place_one()) {
  }
}

void Scheduler::Impl::spread_all(std::int64_t now) {
  std::set<detail::Order<Kind>> open;
  for (const Kind* kind : fresh)
    if (kind->listed.at != nullptr) open.insert(kind->listed);
  while (!open.empty()) {
    Kind& kind = *open.begin()->at;
    open.erase(open.begin());
    // Alone it goes on to its end; beside others, until one of theirs comes before its next.
    while (spread(kind, now)) {
      if (kind.listed.at == nullptr) break;
      if (!open.empty() && *open.begin() < kind.listed) {
        open.insert(kind.listed);
        break;
      }
    }
  }
}

bool Scheduler::Impl::spread(Kind& kind, std::int64_t now) {
  if (kind.gang > 1 || kind.empty() || kind.blocked) return false;
  Pool* pool = idle_pool(kind, kind.listed.priority, nullptr);
  if (pool == nullptr) {
    kind.blocked = true;
    return false;
  }
  CallState* call = choose(kind, *pool->host, now);
  if (call == nullptr) return false;   // all wait for their data's hosts
  kind.last = pool;
  put(*call, *pool->idle.front(), now);
  if (pool->with_idle.in) kind.language->idle_pools.move_back(*pool);
  return true;
}

Scheduler::Impl::Pool* Scheduler::Impl::idle_pool(Kind& kind, int priority, const Host* except) {
  const auto has_room = [&](const Pool* pool) {
    return pool != nullptr && pool->host != except && !pool->idle.empty() && may_use(*pool->host, kind, priority) &&
           detail::fits(pool->host->capacity, pool->host->taken, kind.ask);
  };
  Pool* first = kind.language->idle_pools.front();
  if (has_room(first)) return first;
  // Where most hosts cannot run this kind, the one that could last time saves a search.
  if (first != nullptr && has_room(kind.last)) return kind.last;
  for (Pool* pool = first; pool != nullptr; pool = kind.language->idle_pools.after(*pool))
    if (has_room(pool)) return pool;
  return nullptr;
}

void Scheduler::Impl::top_up(Worker& worker, std::int64_t now) {
  const auto place_one = [&](bool is_first) {
    if (worker.spot != Worker::Spot::kRoom) return false;
    const int queued = static_cast<int>(worker.queue.size()) - 1;
    Host& host = *worker.pool->host;
    for (const auto& listed : waiting) {
      Kind& kind = *listed.at;
      if (kind.gang > 1 || kind.language != worker.pool->language || !may_use(host, kind, listed.priority)) continue;
      if (&kind != worker.holder && !detail::within(kind.ask, worker.holder->ask)) continue;
      const int most = depth(*kind.head().at->group);
      // A deep queue is filled when it is half empty, so that calls travel in batches.
      if (queued >= most || (is_first && most > 4 && queued > most / 2)) continue;
      CallState* call = choose(kind, host, now);
      if (call == nullptr) continue;
      put(*call, worker, now);
      return true;
    }
    return false;
  };
  if (!place_one(true)) return;
  while (place_one(false)) {
  }
}

void Scheduler::Impl::spill(Kind& kind, std::int64_t now) {
  Language& language = *kind.language;
  for (int looks = kLooks; looks > 0 && kind.gang == 1 && !kind.empty();) {
    const CallState& head = *kind.head().at;
    Pool* pool = nullptr;
    for (Host* host : head.best) {
      if (host == nullptr || pool != nullptr) break;
      if (Pool* there = pool_of(*host, language); there != nullptr && !there->room.empty()) pool = there;
    }
    if (pool == nullptr) pool = language.room_pools.front();
    if (pool == nullptr) return;
    Worker& worker = *pool->room.front();
    CallState* call = nullptr;
    if (detail::within(kind.ask, worker.holder->ask) && may_use(*pool->host, kind, head.priority) &&
        static_cast<int>(worker.queue.size()) - 1 < depth(*head.group))
      call = choose(kind, *pool->host, now);
    if (call != nullptr) {
      put(*call, worker, now);
    } else {
      --looks;
    }
    // The next call goes to another worker of another host.
    if (worker.spot == Worker::Spot::kRoom) pool->room.move_back(worker);
    if (pool->with_room.in) language.room_pools.move_back(*pool);
  }
}

Scheduler::Impl::CallState* Scheduler::Impl::choose(Kind& kind, Host& host, std::int64_t now) {
  const auto head = kind.head();
  CallState* local = nullptr;
  if (const auto wanted = host.wanted.find(kind.number); wanted != host.wanted.end()) local = wanted->second.begin()->at;
  // Data that are here decide among the equally urgent, but do not keep the oldest waiting for ever.
  if (local != nullptr && local->priority == head.priority) {
    if (local == head.at) return local;
    if (head.at->passes >= options.passes_max && !awaits_data(*head.at, host, now)) return head.at;
    ++head.at->passes;
    return local;
  }
  int looks = kLooks;
  for (const auto& bound : kind.bound) {
    if (looks-- == 0 || (!kind.free.empty() && *kind.free.begin() < bound)) break;
    if (!awaits_data(*bound.at, host, now)) return bound.at;
  }
  return kind.free.empty() ? local : kind.free.begin()->at;
}

bool Scheduler::Impl::awaits_data(CallState& call, const Host& host, std::int64_t now) {
  for (const Host* best : call.best)
    if (best == &host) return false;
  const std::uint64_t here = bytes_at(call, host);
  if (here >= call.best_bytes) return false;
  const auto move_us = static_cast<std::int64_t>(static_cast<double>(call.best_bytes - here) / options.link_bytes_per_s * 1e6);
  if (call.patience_us == 0) {
    const Pool* pool = pool_of(*call.best[0], *call.kind->language);
    if (pool == nullptr || pool->live == 0) return false;
    const double ahead = static_cast<double>(call.best[0]->wanted[call.kind->number].size());
    const double wait_us = call.group->durations.mean_us() * ahead / pool->live;
    call.patience_us = wait_us < static_cast<double>(move_us) ? now + move_us : now;
  }
  if (now >= call.patience_us) return false;
  Kind& kind = *call.kind;
  if (kind.recheck_us == 0 || call.patience_us < kind.recheck_us) {
    if (kind.recheck_us != 0) rechecks.erase({kind.recheck_us, kind.number});
    kind.recheck_us = call.patience_us;
    rechecks.insert({kind.recheck_us, kind.number});
  }
  return true;
}

void Scheduler::Impl::put(CallState& call, Worker& worker, std::int64_t now) {
  Host& host = *worker.pool->host;
  if (*waiting.begin() < detail::Order<Kind>{call.priority, call.sequence, nullptr}) count_passes(call, host);
  if (host.kept_for != nullptr && host.kept_for->kind == call.kind) release_hosts(*host.kept_for);
  dequeue(call);
  attach(call, worker, 0, now);
}

// Calls that were submitted before the one placed now, could run on this host if it were empty, and do not fit.
void Scheduler::Impl::count_passes(const CallState& placed, const Host& host) {
  int looks = kKindsPassed;
  for (const auto& listed : waiting) {
    if (looks-- == 0 || !(listed < detail::Order<Kind>{placed.priority, placed.sequence, nullptr})) return;
    Kind& kind = *listed.at;
    if (&kind == placed.kind) continue;
    const auto pool = std::find_if(host.pools.begin(), host.pools.end(), [&](const auto& one) { return one->language == kind.language; });
    if (pool == host.pools.end() || (*pool)->live == 0 || !detail::fits(host.capacity, {}, kind.ask)) continue;
    const bool fits_now = detail::fits(host.capacity, host.taken, kind.ask);
    const bool is_larger = !detail::within(kind.ask, placed.kind->ask);
    if (kind.gang == 1 && ((*pool)->idle.empty() ? !is_larger : fits_now)) continue;
    CallState& passed = *kind.head().at;
    if (++passed.passes > options.passes_max && passed.kept.empty()) starving = true;
  }
}

}  // namespace headrace::exec
