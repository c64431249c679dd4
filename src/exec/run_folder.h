// SPDX-License-Identifier: Apache-2.0
#pragma once
// RunFolder: one run on disk. It is held by a lock while the run goes on; its journal and its objects only grow.

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "headrace/exec/events.h"
#include "headrace/graph/plan.h"
#include "headrace/io/file.h"
#include "headrace/io/journal.h"

namespace headrace::exec::detail {

/// What is needed to lower the same plan again, and to say how the run was started.
struct RunFacts {
  std::string id;
  std::string pipeline;
  std::string file;
  std::vector<std::string> command;
  Digest plan;
  std::int64_t started_us = 0;
  graph::Mode mode = graph::Mode::kFit;
  std::map<std::string, Digest> files;
};

/// The journal of a run, read: every record in order, torn tail left out.
struct RunJournal {
  std::vector<TaskEvent> events;
  std::set<ObjectId> done;                // ids of the tasks that ended well
  std::string status = "running";         // from the last end record
  double seconds = 0;
};

class RunFolder {
 public:
  /// Makes and locks runs/ID. Graph, facts and journal are made durable, and `then` is called, on a thread of their own (some 40 ms
  /// of waiting for the disk): what goes wrong there is returned by the first call that needs it.
  static Result<std::unique_ptr<RunFolder>> create(const std::string& runs, const RunFacts& facts, const graph::Graph& graph,
                                                   std::function<Status()> then);
  /// Locks a folder that is there and opens it for more. Errors: kBusy when its run is going on.
  static Result<std::unique_ptr<RunFolder>> reopen(const std::string& runs, const std::string& id);

  const RunFacts& facts() const { return facts_; }
  const RunJournal& before() const { return before_; }       ///< what the journal held when it was opened

  /// Appends the encoding of an object. Threads: any.
  Result<Kept> write(const ObjectId& id, std::string_view bytes, data::Kind kind, double seconds);
  /// Appends a record. A task that has one as done gets no second. Threads: any.
  Status record(const TaskEvent& event, const graph::Plan& plan);
  Status record_end(const std::string& status, double seconds);
  /// Makes all of it durable and seals the journal.
  Status close();

 private:
  RunFolder() = default;
  Status open_files(const std::string& folder);
  const Status& opened() const { return opened_.get(); }

  RunFacts facts_;
  RunJournal before_;
  io::FileLock lock_;
  std::unique_ptr<io::JournalWriter> journal_;     // both: after opened()
  std::unique_ptr<io::SegmentFile> objects_;
  std::mutex mutex_;                 // guards recorded_
  std::set<ObjectId> recorded_;      // ids of tasks that have a record as done
  std::shared_future<Status> opened_;   // last: going away, it waits for the thread that uses what is above
};

Result<RunFacts> read_facts(const std::string& folder);
Result<RunJournal> read_journal(const std::string& folder, const std::string& run);
Result<graph::Graph> read_run_graph(const std::string& folder, const RunFacts& facts);

}  // namespace headrace::exec::detail
