// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules of the scheduler, by source file:
//   scheduler.cc            events as they come from outside, and `decide`
//   scheduler_calls.cc      a call's way: waiting, at a worker, over; a worker's queue and what it takes of its host
//   scheduler_placement.cc  which waiting call goes to which worker
//   scheduler_balance.cc    queued calls for idle workers, second attempts of stragglers
//   scheduler_room.cc       what could ever run; hosts kept free for large calls and gangs
//   scheduler_objects.cc    which host holds what
// Events change the state and mark what has to be looked at; only `decide` places calls.

#include <deque>
#include <optional>
#include <unordered_map>

#include "exec/scheduler_state.h"

namespace headrace::exec {

struct Scheduler::Impl {
  using CallState = detail::CallState;
  using Kind = detail::Kind;
  using Group = detail::Group;
  using Host = detail::Host;
  using Pool = detail::Pool;
  using Worker = detail::Worker;
  using Language = detail::Language;
  using Attempt = detail::Attempt;
  using Waiting = detail::Waiting;

  explicit Impl(const SchedulerOptions& options) : options(options) {}

  // scheduler.cc
  void retire(Worker& worker);
  void changed();
  void look_again(Kind& kind);
  void place(std::int64_t now_us);

  // scheduler_calls.cc
  Kind& kind_of(Group& group, detail::Ask ask, int gang, std::uint32_t language);
  Language& language_of(std::uint32_t id);
  Group& group_of(std::uint32_t id);
  Pool* pool_of(Host& host, const Language& language) const;
  CallState* find_call(CallId id);
  Worker* find_worker(WorkerId id);
  static Attempt* find_attempt(CallState& call, const Worker& worker);
  void enqueue(CallState& call);
  void dequeue(CallState& call);
  void list_kind(Kind& kind);
  void attach(CallState& call, Worker& worker, int rank, std::int64_t now_us);
  void detach(CallState& call, Worker& worker, std::int64_t now_us);
  void answer_recall(Attempt& attempt);
  void begin_first(Worker& worker, std::int64_t now_us);
  void set_holder(Worker& worker, Kind* holder);
  void relist(Worker& worker);
  void relist(Pool& pool);
  void rebucket(Worker& worker);
  void mark_grown(Host& host);
  void stop_attempts(CallState& call, const Worker* except);
  void recall(CallState& call, Attempt& attempt, Pool* thief);
  void requeue(CallState& call);
  void lose(CallState& call, bool was_running);
  void settle_gang(CallState& call);
  void give_up(CallState& call, Error error);
  void forget(CallState& call);
  int depth(const Group& group) const;

  // scheduler_placement.cc
  void feed(Host& host, std::int64_t now_us);
  bool spread(Kind& kind, std::int64_t now_us);
  void spread_all(std::int64_t now_us);
  void top_up(Worker& worker, std::int64_t now_us);
  void spill(Kind& kind, std::int64_t now_us);
  Pool* idle_pool(Kind& kind, int priority, const Host* except);
  CallState* choose(Kind& kind, Host& host, std::int64_t now_us);
  bool awaits_data(CallState& call, const Host& host, std::int64_t now_us);
  void put(CallState& call, Worker& worker, std::int64_t now_us);
  void count_passes(const CallState& placed, const Host& host);
  static bool may_use(const Host& host, const Kind& kind, int priority);

  // scheduler_balance.cc
  void balance(std::int64_t now_us);
  bool steal(Language& language, std::int64_t now_us);
  void duplicate_stragglers(std::int64_t now_us);
  void set_due(Group& group);
  void watch(CallState& call);
  void unwatch(CallState& call);

  // scheduler_room.cc
  bool is_feasible(Kind& kind);
  Error refusal(Kind& kind);
  void give_up_infeasible();
  void start_gangs(std::int64_t now_us);
  bool start_gang(CallState& call, std::int64_t now_us);
  void keep_hosts();
  bool keep_hosts_for(CallState& call);
  void release_hosts(CallState& call);

  // scheduler_objects.cc
  void find_best(CallState& call);
  std::uint64_t bytes_at(const CallState& call, const Host& host) const;
  std::vector<ObjectNumber> drop_objects(Worker& worker);
  void find_best_again(Host& host);

  SchedulerOptions options;
  detail::ResourceNames names;
  std::unordered_map<CallId, CallState> calls;
  std::unordered_map<WorkerId, std::unique_ptr<Worker>> workers;
  std::unordered_map<HostId, Host*> host_by_id;
  std::unordered_map<ObjectNumber, detail::ObjectState> objects;
  std::vector<std::unique_ptr<Host>> hosts;
  std::map<std::uint32_t, std::unique_ptr<Language>> languages;
  std::unordered_map<std::uint32_t, std::unique_ptr<Group>> groups;
  std::map<std::tuple<detail::Ask, int, std::uint32_t>, std::unique_ptr<Kind>> kinds;
  std::set<detail::Order<Kind>> waiting;              ///< kinds with waiting calls, by their first
  std::set<std::pair<std::int64_t, std::uint32_t>> rechecks;    ///< (time, number of the kind)
  std::vector<Kind*> kind_by_number;
  std::set<std::pair<std::int64_t, std::uint32_t>> dues;        ///< (time, group): when its first running call becomes a straggler
  std::vector<Host*> grown, shrunk;
  std::vector<Worker*> hungry;                        ///< workers whose queue got shorter
  std::vector<Kind*> fresh;
  std::vector<Decision> decisions;
  CallState* gang_kept = nullptr;                     ///< the one gang that hosts are kept free for
  bool starving = false;                              ///< a call was passed too often, and no host is kept for it yet
  bool gangs_may_start = false;
  bool check_feasible = false;
  bool grows = false;
  std::uint64_t epoch = 1;                            ///< of what workers and hosts there are
  std::uint64_t sequence = 0;
  std::uint64_t sum = 0;                              ///< number of the last summing of inputs
  std::int64_t steal_again_us = 0;                    ///< when a queue that was not worth taking from may be; 0: none
  std::int64_t now_us = 0;
  std::size_t waiting_count = 0, attempt_count = 0, busy_count = 0;
};

}  // namespace headrace::exec
