// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the scheduler knows: calls, the kinds of request they make, hosts, workers, objects. Plain data; the rules are in
// scheduler_impl.h. Hosts, pools, languages, groups and kinds stay as long as the scheduler; workers and calls come and go.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "exec/scheduler_chain.h"
#include "exec/scheduler_durations.h"
#include "exec/scheduler_resources.h"
#include "headrace/exec/scheduler.h"

namespace headrace::exec::detail {

struct CallState;
struct Group;
struct Host;
struct Kind;
struct Language;
struct Pool;
struct Worker;

/// The order of calls: the more urgent first, then the older. `T` is what stands there.
template <class T>
struct Order {
  int priority = 0;
  std::uint64_t sequence = 0;
  T* at = nullptr;
  bool operator<(const Order& other) const {
    return priority != other.priority ? priority > other.priority : sequence < other.sequence;
  }
};
using Waiting = std::set<Order<CallState>>;

/// One sending of a call (or of one rank of it) to a worker.
struct Attempt {
  Worker* worker = nullptr;
  int rank = 0;
  bool started = false;                        ///< it is the first at its worker, or the worker said so
  bool stopped = false;                        ///< kStop was decided
  bool recalled = false;                       ///< kRecall was decided and is not answered
  std::int64_t start_us = 0;
  Pool* thief = nullptr;                       ///< recalled for an idle worker of it
};

struct CallState {
  CallId id = 0;
  std::uint64_t sequence = 0;                  ///< order of submission
  int priority = 0;
  Kind* kind = nullptr;
  Group* group = nullptr;
  std::vector<CallInput> inputs;               ///< the largest first
  std::vector<Attempt> attempts;               ///< empty: waiting, unless `over`
  std::array<Host*, 3> best{};                 ///< hosts that hold most of the inputs' bytes, or nearly so; null past the last
  std::uint64_t best_bytes = 0;                ///< what best[0] holds
  std::int64_t patience_us = 0;                ///< until then it waits for its best hosts; 0: not decided
  int passes = 0;                              ///< how often younger calls were placed though it waited
  int lost = 0;                                ///< workers that died under it
  int recalls = 0;
  int well = 0;                                ///< ranks of a gang that ended well
  bool gang_lost = false;                      ///< a worker of the running gang was lost
  bool may_duplicate = false;
  bool over = false;                           ///< decided or cancelled: its attempts only have to end
  std::vector<Host*> kept;                     ///< hosts that are kept free for it
  Link<CallState> running;
  Order<CallState> order() { return {priority, sequence, this}; }
};

/// The calls that take about as long.
struct Group {
  std::uint32_t id = 0;
  Durations durations;
  Kind* last_kind = nullptr;
  Chain<CallState, &CallState::running> running;   ///< the first attempts that a second one may join, the longest running first
  std::int64_t due_us = 0;                     ///< when the first of them becomes a straggler; 0: not known
};

/// Requests that are the same: what they ask, gang and language. Where one of them does not fit, none does.
struct Kind {
  std::uint32_t number = 0;
  Ask ask;
  int gang = 1;
  Language* language = nullptr;
  Waiting free, bound;                         ///< waiting calls without and with hosts that hold their inputs
  Order<Kind> listed;                          ///< its place among the kinds that wait; `at` is null when none waits
  bool blocked = false;                        ///< no host has room for one; looked at again when a host gets room
  bool fresh = false;                          ///< calls came since it was last looked at
  std::int64_t recheck_us = 0;                 ///< when the first of those that wait for their data loses patience; 0: none
  Pool* last = nullptr;                        ///< where one was placed last
  Pool* witness = nullptr;                     ///< could run one if it were empty
  std::uint64_t checked = 0;                   ///< epoch for which `feasible` holds
  bool feasible = false;
  bool was_feasible = false;
  bool empty() const { return free.empty() && bound.empty(); }
  Order<CallState> head() const {
    if (bound.empty()) return *free.begin();
    return free.empty() ? *bound.begin() : std::min(*free.begin(), *bound.begin());
  }
};

struct Worker {
  enum class Spot { kNone, kIdle, kRoom };
  WorkerId id = 0;
  Pool* pool = nullptr;
  bool draining = false;
  Spot spot = Spot::kNone;                     ///< the chain of its pool that it is in
  std::size_t bucket = 0;                      ///< calls that an idle worker may have; 0: in no bucket
  std::vector<CallState*> queue;               ///< the first is running
  int recalled = 0;                            ///< of those behind the first
  Kind* holder = nullptr;                      ///< asks no less than any call of the queue; its amounts are taken of the host
  std::unordered_set<ObjectNumber> objects;
  Link<Worker> in_pool, in_bucket;
};

/// The workers of one language on one host.
struct Pool {
  Host* host = nullptr;
  Language* language = nullptr;
  int live = 0;                                ///< workers that are not draining
  int promised = 0;                            ///< idle ones for which a call was recalled
  Chain<Worker, &Worker::in_pool> idle, room;
  Link<Pool> with_idle, with_room;
};

struct Host {
  HostId id = 0;
  std::size_t index = 0;                       ///< in the order in which they came
  Stock capacity, taken;
  std::vector<std::unique_ptr<Pool>> pools;    ///< by language; few
  std::map<std::uint32_t, Waiting> wanted;     ///< calls whose inputs it holds most of, by number of their kind
  CallState* kept_for = nullptr;
  int promised = 0;
  bool grown = false;                          ///< it may have room that nobody looked at
  bool shrunk = false;                         ///< it lost a worker; calls that want its data have not looked again
  std::uint64_t sum_of = 0, bytes = 0;         ///< scratch of the one that sums the bytes of inputs
};

struct Language {
  static constexpr std::size_t kBuckets = 64;
  std::uint32_t id = 0;
  Chain<Pool, &Pool::with_idle> idle_pools;    ///< pools with idle workers whose host has the processors for the smallest request
  Chain<Pool, &Pool::with_room> room_pools;
  std::array<Chain<Worker, &Worker::in_bucket>, kBuckets + 1> buckets;
  std::size_t bucket_top = 0;                  ///< no bucket above it has workers
  std::size_t idle = 0, promised = 0;
  Amount cpu_least = kNoBound;                 ///< of all kinds seen
};

struct ObjectState {
  std::vector<WorkerId> holders;
  std::vector<std::pair<Host*, int>> hosts;    ///< and how many workers of each hold it
};

}  // namespace headrace::exec::detail
