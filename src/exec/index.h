// SPDX-License-Identifier: Apache-2.0
#pragma once
// Index: the SQLite file of a store. Every statement that the store needs, and nothing else. Threads: any; one lock.

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/exec/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace headrace::exec::detail {

class Index {
 public:
  static Result<std::unique_ptr<Index>> open(const std::string& path);
  ~Index();

  std::optional<Kept> find(const ObjectId& id);
  std::vector<Kept> find_prefix(std::string_view hex, std::size_t most);
  /// One transaction. An id that is there keeps its place unless the new entry has bytes and the old one has none.
  Status add(std::span<const Kept> kept);
  Status forget(const ObjectId& id);

  struct File {
    std::uint64_t size = 0;
    std::int64_t changed_ns = 0;
    Digest content;
  };
  std::optional<File> file(const std::string& path);
  Status set_file(const std::string& path, const File& file);

  Status set_run(const RunSummary& run, const Digest& plan);
  std::vector<RunSummary> runs();
  /// Ids of runs of this plan that are not known to have ended, newest first.
  std::vector<std::string> unended(const Digest& plan);
  std::vector<std::string> unended();
  Status remove_run(const std::string& id);

 private:
  explicit Index(sqlite3* database) : database_(database) {}
  class Statement;
  Status execute(const char* sql);
  Error failed(std::string_view what) const;

  std::mutex mutex_;   // guards the connection
  sqlite3* database_;
};

}  // namespace headrace::exec::detail
