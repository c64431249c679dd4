// SPDX-License-Identifier: Apache-2.0
// Work for idle workers when nothing that waits fits them: queued calls of others, then second attempts of stragglers. Neither is
// needed for calls to end, so only a few candidates are looked at.
#include "exec/scheduler_impl.h"

namespace headrace::exec {

namespace {

constexpr int kLooks = 16;
constexpr int kRecallsMax = 3;
// What it takes to recall a call and send it again.
constexpr std::int64_t kRecallUs = 200;

}  // namespace

void Scheduler::Impl::balance(std::int64_t now) {
  steal_again_us = 0;
  for (const auto& [id, language] : languages) {
    while (steal(*language, now)) {
    }
  }
  duplicate_stragglers(now);
}

bool Scheduler::Impl::steal(Language& language, std::int64_t now) {
  if (language.idle <= language.promised) return false;
  while (language.bucket_top > 0 && language.buckets[language.bucket_top].empty()) --language.bucket_top;
  const auto thief_for = [&](const Kind& kind) -> Pool* {
    int looks = kLooks;
    for (Pool* pool = language.idle_pools.front(); pool != nullptr && looks-- > 0; pool = language.idle_pools.after(*pool)) {
      const Host& host = *pool->host;
      if (host.kept_for == nullptr && pool->idle.size() > static_cast<std::size_t>(pool->promised) &&
          detail::copies(host.capacity, host.taken, kind.ask) > host.promised)
        return pool;
    }
    return nullptr;
  };
  int looks = kLooks;
  for (std::size_t bucket = language.bucket_top; bucket > 0; --bucket) {
    for (Worker* victim = language.buckets[bucket].front(); victim != nullptr; victim = language.buckets[bucket].after(*victim)) {
      if (looks-- == 0) return false;
      std::size_t at = victim->queue.size() - 1;
      while (at > 0 && find_attempt(*victim->queue[at], *victim)->recalled) --at;
      CallState& call = *victim->queue[at];
      Attempt& attempt = *find_attempt(call, *victim);
      if (at == 0 || attempt.started || call.over || call.recalls >= kRecallsMax) continue;
      Pool* thief = thief_for(*call.kind);
      if (thief == nullptr) continue;
      CallState& first = *victim->queue.front();
      if (first.group->durations.known()) {
        const auto ran_us = static_cast<double>(now - find_attempt(first, *victim)->start_us);
        const double wait_us = std::max(first.group->durations.mean_us() * static_cast<double>(at), ran_us);
        const std::uint64_t there = bytes_at(call, *victim->pool->host), here = bytes_at(call, *thief->host);
        const double move_us = there > here ? static_cast<double>(there - here) / options.link_bytes_per_s * 1e6 : 0;
        const std::int64_t cost_us = kRecallUs + static_cast<std::int64_t>(move_us);
        if (wait_us <= static_cast<double>(cost_us)) {
          steal_again_us = steal_again_us == 0 ? now + cost_us : std::min(steal_again_us, now + cost_us);
          continue;
        }
      }
      ++call.recalls;
      recall(call, attempt, thief);
      language.idle_pools.move_back(*thief);
      return true;
    }
  }
  return false;
}

// ---- stragglers

void Scheduler::Impl::watch(CallState& call) {
  if (options.straggler_min_us <= 0) return;
  Group& group = *call.group;
  group.running.push_back(call);
  if (group.running.front() == &call) set_due(group);
}

void Scheduler::Impl::unwatch(CallState& call) {
  Group& group = *call.group;
  const bool was_first = group.running.front() == &call;
  group.running.remove(call);
  if (was_first) set_due(group);
}

void Scheduler::Impl::set_due(Group& group) {
  std::int64_t due_us = 0;
  if (!group.running.empty() && group.durations.known()) {
    const auto slow_us = static_cast<std::int64_t>(options.straggler_factor * static_cast<double>(group.durations.median_us()));
    due_us = group.running.front()->attempts.front().start_us + std::max(options.straggler_min_us, slow_us) + 1;
  }
  if (due_us == group.due_us) return;
  if (group.due_us != 0) dues.erase({group.due_us, group.id});
  if (due_us != 0) dues.insert({due_us, group.id});
  group.due_us = due_us;
}

void Scheduler::Impl::duplicate_stragglers(std::int64_t now) {
  int looks = kLooks;
  for (auto due = dues.begin(); due != dues.end() && due->first <= now && looks-- > 0;) {
    Group& group = *groups.at(due->second);
    const std::int64_t listed_us = group.due_us;
    set_due(group);   // the median may have moved
    if (group.due_us != listed_us) {
      due = dues.begin();
      continue;
    }
    ++due;
    CallState& call = *group.running.front();
    Language& language = *call.kind->language;
    if (language.idle <= language.promised) continue;
    const Host* its_host = call.attempts.front().worker->pool->host;
    Pool* pool = idle_pool(*call.kind, call.priority, its_host);
    if (pool == nullptr) pool = idle_pool(*call.kind, call.priority, nullptr);
    if (pool == nullptr || pool->host->kept_for != nullptr) continue;
    unwatch(call);
    attach(call, *pool->idle.front(), 0, now);
    due = dues.begin();
  }
}

}  // namespace headrace::exec
