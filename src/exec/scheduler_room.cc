// SPDX-License-Identifier: Apache-2.0
// What could ever run, gangs, and hosts kept free. A call that others passed too often gets a host of its own (a gang: as many as it
// needs): nothing that is not more urgent starts there until it does. Calls running there end, so it gets its turn. They are served in
// order, and one gang at a time: two gangs that each kept half of what they need would wait for ever.
#include "exec/scheduler_impl.h"
#include "headrace/base/text.h"

namespace headrace::exec {

using detail::Amount;

namespace {

// How many of a kind the workers of one pool could run at once if its host were empty.
Amount most_at_once(const detail::Pool& pool, const detail::Kind& kind) {
  return std::min<Amount>(pool.live, detail::copies(pool.host->capacity, {}, kind.ask));
}

}  // namespace

bool Scheduler::Impl::is_feasible(Kind& kind) {
  if (kind.checked == epoch) return kind.feasible;
  kind.checked = epoch;
  if (kind.witness == nullptr || most_at_once(*kind.witness, kind) < kind.gang) {
    kind.witness = nullptr;
    Amount at_once = 0;
    for (const auto& host : hosts) {
      Pool* pool = pool_of(*host, *kind.language);
      if (pool == nullptr) continue;
      const Amount here = most_at_once(*pool, kind);
      if (here >= kind.gang) kind.witness = pool;
      at_once += here;
      if (at_once >= kind.gang) break;
    }
    kind.feasible = at_once >= kind.gang;
  } else {
    kind.feasible = true;
  }
  kind.was_feasible |= kind.feasible;
  return kind.feasible;
}

Error Scheduler::Impl::refusal(Kind& kind) {
  std::string asked, most;
  std::size_t count = 0;
  Amount at_once = 0;
  std::vector<const Host*> with;
  for (const auto& host : hosts) {
    const Pool* pool = pool_of(*host, *kind.language);
    if (pool == nullptr || pool->live == 0) continue;
    with.push_back(host.get());
    count += static_cast<std::size_t>(pool->live);
    at_once += most_at_once(*pool, kind);
  }
  for (const auto& [resource, amount] : kind.ask) {
    const std::string& name = names.name(resource);
    Amount largest = 0;
    for (const Host* host : with)
      if (resource < host->capacity.size()) largest = std::max(largest, host->capacity[resource]);
    asked += cat(asked.empty() ? "" : ", ", detail::amount_text(name, resource, amount));
    most += cat(most.empty() ? "" : ", ",
                largest == detail::kNoBound ? cat("no known bound of ", name) : detail::amount_text(name, resource, largest));
  }
  if (asked.empty()) asked = "nothing";
  const Code code = kind.was_feasible ? Code::kWorkerLost : Code::kInfeasible;
  if (count == 0)
    return Error(code, cat("no worker can run a call that asks for ", asked, ": there is none of its language (", kind.language->id, ")"),
                 "start workers");
  if (kind.gang > 1)
    return Error(code, cat("a call asks for ", kind.gang, " workers at once with ", asked, " each; there are at most ", at_once),
                 "ask for fewer or for less each, or start more workers");
  return Error(code, cat("no worker can run a call that asks for ", asked, "; the most on any host: ", most),
               "ask for less, or start a worker on a larger host");
}

void Scheduler::Impl::give_up_infeasible() {
  check_feasible = false;
  if (grows) return;
  const std::vector<detail::Order<Kind>> kinds_waiting(waiting.begin(), waiting.end());
  for (const auto& listed : kinds_waiting) {
    Kind& kind = *listed.at;
    if (is_feasible(kind)) continue;
    const Error error = refusal(kind);
    while (!kind.empty()) {
      CallState& call = *kind.head().at;
      dequeue(call);
      give_up(call, error);
    }
  }
}

// ---- gangs

void Scheduler::Impl::start_gangs(std::int64_t now) {
  std::vector<Kind*> gangs;
  for (const auto& listed : waiting)
    if (listed.at->gang > 1) gangs.push_back(listed.at);
  gangs_may_start = !gangs.empty();
  for (Kind* kind : gangs) {
    while (!kind->empty() && start_gang(*kind->head().at, now)) {
    }
  }
}

bool Scheduler::Impl::start_gang(CallState& call, std::int64_t now) {
  Kind& kind = *call.kind;
  if (kind.language->idle < static_cast<std::size_t>(kind.gang)) return false;
  std::vector<std::pair<Amount, Pool*>> pools;
  Amount total = 0;
  for (Pool* pool = kind.language->idle_pools.front(); pool != nullptr; pool = kind.language->idle_pools.after(*pool)) {
    const Host& host = *pool->host;
    if (host.kept_for != nullptr && host.kept_for != &call && call.priority <= host.kept_for->priority) continue;
    const Amount here = std::min<Amount>(static_cast<Amount>(pool->idle.size()), detail::copies(host.capacity, host.taken, kind.ask));
    if (here > 0) pools.emplace_back(here, pool);
    total += here;
  }
  if (total < kind.gang) return false;
  // On few hosts: its ranks talk to each other.
  std::sort(pools.begin(), pools.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second->host->index < b.second->host->index;
  });
  for (const auto& [here, pool] : pools) count_passes(call, *pool->host);
  dequeue(call);
  int rank = 0;
  for (const auto& [here, pool] : pools)
    for (Amount i = 0; i < here && rank < kind.gang; ++i) attach(call, *pool->idle.front(), rank++, now);
  return true;
}

// ---- hosts kept free

void Scheduler::Impl::keep_hosts() {
  constexpr int kLooks = 64;
  starving = false;
  int looks = kLooks;
  for (const auto& listed : waiting) {
    if (looks-- == 0) return;
    CallState& call = *listed.at->head().at;
    if (call.passes > options.passes_max && call.kept.empty() && !keep_hosts_for(call)) return;
  }
}

bool Scheduler::Impl::keep_hosts_for(CallState& call) {
  const Kind& kind = *call.kind;
  if (kind.gang > 1 && gang_kept != nullptr) return false;
  std::vector<std::pair<Amount, Host*>> found;
  Amount total = 0;
  for (const auto& host : hosts) {
    const Pool* pool = pool_of(*host, *kind.language);
    if (pool == nullptr || host->kept_for != nullptr) continue;
    const Amount here = most_at_once(*pool, kind);
    if (here == 0) continue;
    found.emplace_back(here, host.get());
    total += here;
  }
  if (total < kind.gang) return false;
  // A gang: as few hosts as will do. A single call: the host that has most to spare already.
  const auto spare = [](const Host* host) { return host->capacity[detail::kCpu] - host->taken[detail::kCpu]; };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
    if (kind.gang > 1 && a.first != b.first) return a.first > b.first;
    const Amount spare_a = spare(a.second), spare_b = spare(b.second);
    return spare_a != spare_b ? spare_a > spare_b : a.second->index < b.second->index;
  });
  Amount kept = 0;
  for (const auto& [here, host] : found) {
    if (kept >= kind.gang) break;
    host->kept_for = &call;
    call.kept.push_back(host);
    kept += here;
  }
  if (kind.gang > 1) gang_kept = &call;
  return true;
}

void Scheduler::Impl::release_hosts(CallState& call) {
  if (call.kept.empty()) return;
  for (Host* host : call.kept) {
    host->kept_for = nullptr;
    mark_grown(*host);
  }
  call.kept.clear();
  if (gang_kept == &call) gang_kept = nullptr;
  starving = true;   // others may have waited for these hosts
}

}  // namespace headrace::exec
