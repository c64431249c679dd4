// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dispatcher: the loop's side of a fleet. It carries out what the scheduler decides: sends calls with the objects they read, takes
// results, notices workers that die, and moves objects between hosts. All of it runs in the loop's thread.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cluster/hub.h"
#include "cluster/transfer.h"
#include "cluster/wire.h"
#include "headrace/cluster/fleet.h"

namespace headrace::cluster {

/// As the scheduler counts them: 0 native, 1 Python.
std::uint32_t language_number(std::string_view language);

class Dispatcher {
 public:
  Dispatcher(io::Loop& loop, std::shared_ptr<Hub> hub, const FleetOptions& options);
  ~Dispatcher();

  void take(Hub::Inbox inbox);
  void fetch(ObjectNumber number, std::function<void(Result<exec::Encoded>)> done);
  /// A connection that has not said who it is.
  void accept(std::shared_ptr<io::Channel> channel);
  /// Every call that waits for a worker ends with this, also those to come.
  void fail(Error error);
  /// Tells the workers to end; `done` is called when all have closed.
  void shut_down(std::function<void()> done);
  void report(FleetReport& out) const;
  int workers() const { return static_cast<int>(workers_.size()); }

  std::map<int, std::function<void(const WorkerInfo&, const Status&)>> on_gone;   // a worker left
  std::function<void()> on_change;                                  // one came or left

 private:
  struct Worker {
    WorkerInfo info;
    std::shared_ptr<io::Channel> channel;
    exec::HostId host = 0;
    std::string host_name;                                          // key of hosts_
    wire::Resources asked;                                          // what it brought to its host
    bool shares = false;                                            // can be handed descriptors
    std::vector<std::string> data_addresses;
    std::unordered_set<std::uint64_t> recipes;                      // it knows
    std::map<exec::CallId, int> calls;                              // and the rank that it has in each
    std::int64_t heard_us = 0;
    bool pressed = false;                                           // it was told that memory is short
    std::vector<ObjectNumber> forget;                               // to be told at the end of the batch
    std::string title() const;
  };
  struct Running {
    std::unique_ptr<Job> job;
    bool told_started = false;
    std::vector<exec::Handle> outputs;                              // of the first rank, until the call is decided
    std::map<exec::WorkerId, io::Loop::TimerId> limits;             // time limits that run
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop;
  };
  struct Host {
    exec::HostId id = 0;
    exec::Capacity capacity;
  };

  std::int64_t now() const;
  void act();
  void submit(std::unique_ptr<Job> job);
  void stop(exec::CallId call);
  void forget(ObjectNumber number);
  void send_call(const exec::Decision& decision);
  Status tell_pressure(Worker& worker);
  Status send_ahead(Worker& worker, std::vector<int>& descriptors);
  void send_cancel(exec::WorkerId worker, exec::CallId call, bool recall);
  void add_input(Worker& worker, FleetHeld& held, wire::Input& out, std::vector<int>& descriptors);
  void finish(exec::CallId call, exec::CallOutcome outcome);
  void begin(Running& running, exec::WorkerId worker);

  Status on_frame(exec::WorkerId id, io::Frame& frame);
  Status on_done(Worker& worker, io::Frame& frame);
  exec::Handle missed(ObjectNumber number);
  void forget_outputs(Worker& worker, const wire::Done& done);
  Result<std::vector<exec::Handle>> outputs_of(Worker& worker, const Job& job, const wire::Done& done, io::Frame& frame);
  Status on_started(Worker& worker, io::Frame& frame);
  Status on_heartbeat(Worker& worker, io::Frame& frame);
  Status on_hello(const std::shared_ptr<io::Channel>& channel, io::Frame& frame);
  void refuse(const std::shared_ptr<io::Channel>& channel, const Error& error);
  void welcome(std::shared_ptr<io::Channel> channel, const wire::Hello& hello);
  void lose(exec::WorkerId id, const Status& cause);
  void watch_silence();
  void flush_all();
  void schedule_tick();

  io::Loop& loop_;
  std::shared_ptr<Hub> hub_;
  const FleetOptions& options_;
  exec::Scheduler scheduler_;
  Outgoing outgoing_;                                               // objects on their way to other hosts
  Incoming incoming_;                                               // and from them
  exec::WorkerId next_worker_ = 1;
  std::map<exec::WorkerId, std::unique_ptr<Worker>> workers_;
  std::map<std::string, Host> hosts_;
  std::map<io::Channel*, io::Loop::TimerId> strangers_;             // connected, not welcomed yet
  std::unordered_map<exec::CallId, Running> running_;
  std::unordered_map<ObjectNumber, std::weak_ptr<FleetHeld>> objects_;   // that workers hold or may ask for
  std::unordered_map<const exec::Recipe*, std::pair<std::uint64_t, std::shared_ptr<const exec::Recipe>>> recipes_;
  std::uint64_t next_recipe_ = 1;
  std::int64_t looked_us_ = 0;                                      // when silence was looked at last
  std::optional<io::Loop::TimerId> tick_;
  std::optional<Error> failed_;
  std::function<void()> on_empty_;
  FleetReport totals_;
  wire::Call call_;                                                 // messages that are used again and again
  wire::Done done_;
};

}  // namespace headrace::cluster
