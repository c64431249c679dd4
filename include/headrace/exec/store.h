// SPDX-License-Identifier: Apache-2.0
#pragma once
// Store: what outlives a run. A folder:
//
//   index.sqlite            ids of all kept objects, runs, digests of source files
//   runs/RUN/graph.yaml     the graph as it was run          runs/RUN/facts.json   command, file digests, versions, plan digest
//   runs/RUN/journal        every task event, CRC a record   runs/RUN/objects      the bytes of what this run made
//
// The journal is the truth of a run; the index is made from journals and can be made again. Several processes may share a store.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"
#include "headrace/exec/events.h"
#include "headrace/exec/executor.h"

namespace headrace::exec {

struct RunSummary {
  std::string id;
  std::string pipeline;
  std::string status;                  ///< "running", "done", "failed", "cancelled", "interrupted"
  std::int64_t started_us = 0;
  double seconds = 0;
  std::int64_t executed = 0, remembered = 0, failed = 0;
  std::string best;                    ///< label of the first path
  double best_mean = 0;
  std::uint64_t bytes = 0;             ///< on disk
};

class StoreAccess;   // the sources of this room that make and read runs

class Store {
 public:
  /// Opens or makes a store. `folder` empty: $HEADRACE_STORE, else $XDG_CACHE_HOME/headrace, else ~/.cache/headrace.
  /// Journals of runs that were killed are read into the index. Errors: kIo, kBusy, kVersion.
  static Result<std::unique_ptr<Store>> open(std::string folder = {});
  ~Store();

  const std::string& folder() const;
  std::optional<Kept> find(const ObjectId& id);
  /// A damaged object is forgotten, so that it is made again.
  Result<data::Object> load(const Kept& kept);
  Result<Encoded> load_encoded(const Kept& kept);
  /// Content digest of a file, remembered by path, size and time of change.
  Result<Digest> file_digest(const std::string& path);

  std::vector<RunSummary> runs();                       ///< newest first
  /// A run by id, unique prefix, or "last". Errors: kNotFound with the nearest.
  Result<std::string> resolve_run(std::string_view name);
  /// Kept objects whose id starts with `prefix` (hexadecimal), at most `most`.
  std::vector<Kept> find_prefix(std::string_view prefix, std::size_t most = 16);
  /// Deletes runs, and the objects they made. Errors: kBusy for a run that is going on.
  Status remove_run(const std::string& id);
  /// Deletes oldest runs until the store holds at most `bytes`; returns how many went.
  Result<int> shrink(std::uint64_t bytes);

  struct Impl;

 private:
  friend class StoreAccess;
  std::unique_ptr<Impl> impl_;
  explicit Store(std::unique_ptr<Impl> impl);
};

}  // namespace headrace::exec
