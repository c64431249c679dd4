// SPDX-License-Identifier: Apache-2.0
// Which host holds what. Within a host objects are shared, so hosts count and not workers. What a call waits with (its best hosts) is
// found when it starts to wait; how much a host that might take it holds is looked up then.
#include "exec/scheduler_impl.h"

namespace headrace::exec {

namespace {

constexpr std::size_t kHoldersSeen = 8;
constexpr std::size_t kInputsSeen = 64;

auto find_host(auto& hosts, const detail::Host& host) {
  return std::lower_bound(hosts.begin(), hosts.end(), host.index,
                          [](const auto& one, std::size_t index) { return one.first->index < index; });
}

}  // namespace

void Scheduler::Impl::find_best(CallState& call) {
  call.best = {};
  call.best_bytes = 0;
  if (call.inputs.empty() || call.kind->gang > 1) return;
  ++sum;
  std::vector<Host*> seen;
  for (const CallInput& input : call.inputs) {
    const auto object = objects.find(input.object);
    if (object == objects.end()) continue;
    const auto& at = object->second.hosts;
    // Of an object that is everywhere each call sees others.
    for (std::size_t i = 0; i < std::min(kHoldersSeen, at.size()); ++i) {
      Host& host = *at[(call.sequence * kHoldersSeen + i) % at.size()].first;
      if (host.sum_of != sum) {
        const Pool* pool = pool_of(host, *call.kind->language);
        if (pool == nullptr || pool->live == 0) continue;
        host.sum_of = sum;
        host.bytes = 0;
        seen.push_back(&host);
      }
      host.bytes += input.bytes;
    }
  }
  for (const Host* host : seen) call.best_bytes = std::max(call.best_bytes, host->bytes);
  if (call.best_bytes == 0) return;
  // Those that hold nearly as much are as good.
  std::erase_if(seen, [&](const Host* host) { return host->bytes < call.best_bytes - call.best_bytes / 10; });
  const auto count = std::min(seen.size(), call.best.size());
  std::partial_sort(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(count), seen.end(), [](const Host* a, const Host* b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->index < b->index;
  });
  std::copy_n(seen.begin(), count, call.best.begin());
}

std::uint64_t Scheduler::Impl::bytes_at(const CallState& call, const Host& host) const {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < std::min(kInputsSeen, call.inputs.size()); ++i) {
    const auto object = objects.find(call.inputs[i].object);
    if (object == objects.end()) continue;
    const auto at = find_host(object->second.hosts, host);
    if (at != object->second.hosts.end() && at->first == &host) bytes += call.inputs[i].bytes;
  }
  return bytes;
}

std::vector<ObjectNumber> Scheduler::Impl::drop_objects(Worker& worker) {
  std::vector<ObjectNumber> held(worker.objects.begin(), worker.objects.end());
  std::sort(held.begin(), held.end());
  std::vector<ObjectNumber> lost;
  for (const ObjectNumber number : held) {
    const auto object = objects.find(number);
    std::erase(object->second.holders, worker.id);
    const auto at = find_host(object->second.hosts, *worker.pool->host);
    if (--at->second == 0) object->second.hosts.erase(at);
    if (!object->second.holders.empty()) continue;
    lost.push_back(number);
    objects.erase(object);
  }
  return lost;
}

// Calls that wait for this host's data look for another when it lost some, or has no worker that could run them.
void Scheduler::Impl::find_best_again(Host& host) {
  host.shrunk = false;
  std::vector<CallState*> again;
  for (const auto& [kind, wanted] : host.wanted)
    for (const auto& order : wanted) again.push_back(order.at);
  for (CallState* call : again) {
    const std::vector<Host*> kept = std::exchange(call->kept, {});   // what is kept for it stays
    dequeue(*call);
    call->kept = kept;
    call->patience_us = 0;
    enqueue(*call);
    call->kind->blocked = false;
  }
}

void Scheduler::object_at(ObjectNumber number, WorkerId id) {
  Impl& in = *impl_;
  Impl::Worker* worker = in.find_worker(id);
  if (worker == nullptr || !worker->objects.insert(number).second) return;
  auto& object = in.objects[number];
  object.holders.push_back(id);
  Impl::Host& host = *worker->pool->host;
  const auto at = find_host(object.hosts, host);
  if (at != object.hosts.end() && at->first == &host) {
    ++at->second;
  } else {
    object.hosts.insert(at, {&host, 1});
  }
}

void Scheduler::object_gone(ObjectNumber number) {
  const auto object = impl_->objects.find(number);
  if (object == impl_->objects.end()) return;
  for (const WorkerId holder : object->second.holders) impl_->find_worker(holder)->objects.erase(number);
  impl_->objects.erase(object);
}

bool Scheduler::holds(WorkerId id, ObjectNumber number) const {
  const Impl::Worker* worker = impl_->find_worker(id);
  return worker != nullptr && worker->objects.contains(number);
}

std::span<const WorkerId> Scheduler::holders(ObjectNumber number) const {
  const auto object = impl_->objects.find(number);
  if (object == impl_->objects.end()) return {};
  return object->second.holders;
}

}  // namespace headrace::exec
