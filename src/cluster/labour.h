// SPDX-License-Identifier: Apache-2.0
#pragma once
// Labour: the thread of a worker that runs calls, one after the other, in the order in which they became ready.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "cluster/object_table.h"
#include "cluster/wire.h"
#include "headrace/exec/packs.h"

namespace headrace::cluster {

/// A call whose objects are here.
struct Task {
  exec::CallId call = 0;
  exec::Work work;
  std::vector<exec::ObjectNumber> inputs;
  std::optional<exec::ObjectNumber> model;
  std::vector<exec::ObjectNumber> outputs;
  bool timed = false;                     // its start is told at once
};

struct LabourOptions {
  std::uint64_t inline_bytes = 64 << 10;
  std::string spill_folder;
  bool shares = true;                     ///< results go to the driver as descriptors; else they stay here until they are fetched
};

class Labour {
 public:
  Labour(exec::Packs& packs, ObjectTable& objects, std::shared_ptr<io::Channel> channel, LabourOptions options);
  /// Asks the running call to stop and waits for it.
  ~Labour();

  void add(Task task);
  enum class Removal { kRemoved, kRunning, kUnknown };
  /// Takes a call back unless it has started.
  Removal remove(exec::CallId call);
  void stop_running(exec::CallId call);
  /// The call that runs, if it has run for so long (a timed one: at all) and this was not told before.
  std::optional<exec::CallId> running_since(std::int64_t longer_than_us);
  bool runs(exec::CallId call) const;
  bool busy() const;
  void set_pressure(bool pressure) { pressure_ = pressure; }

 private:
  void loop(const std::stop_token& stop);
  void run(Task& task, bool more);
  Result<std::vector<data::Object>> attempt(Task& task, std::uint64_t* lost);
  Status add_output(exec::ObjectNumber number, data::Object object);
  void report(bool now);

  exec::Packs& packs_;
  ObjectTable& objects_;
  std::shared_ptr<io::Channel> channel_;
  const LabourOptions options_;
  std::atomic<bool> pressure_{false};
  wire::Done done_;
  std::vector<std::shared_ptr<const Blob>> sent_;   // whose descriptors ride along with done_
  mutable std::mutex mutex_;                        // guards from here ...
  std::condition_variable_any ready_;
  std::deque<Task> queue_;
  exec::CallId running_ = 0;
  std::int64_t running_since_us_ = 0;
  bool told_ = false;
  bool timed_ = false;
  std::stop_source stop_running_;                   // ... to here
  std::jthread thread_;
};

}  // namespace headrace::cluster
