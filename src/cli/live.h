// SPDX-License-Identifier: Apache-2.0
#pragma once
// Live: what a run that goes on tells other processes: a small file in its store, written anew twice a second and gone with the run.
// `headrace top` is a view of these files. A file whose process is gone is removed by whoever meets it.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/progress.h"
#include "headrace/cluster/fleet.h"
#include "headrace/config/value.h"

namespace headrace::cli {

/// {"pid", "pipeline", "started_us", "seconds", "total", "ended", "failed", "remembered", "rate", "left_s", "nodes": [{"name", "total",
/// "ended", "running", "failed", "rate"}], "workers": [{"name", "host", "language", "pid", "calls_done", "calls_held", "running",
/// "rss_bytes", "object_bytes", "spilled_bytes", "cpu_seconds"}], "waiting", "queued", "workers_lost", "calls_again", "object_bytes",
/// "spilled_bytes"}; the last ones only on workers.
config::Value live_value(const std::string& pipeline, const ProgressSnapshot& progress, const cluster::FleetReport* fleet);

/// Writes the file of this process until it goes.
class LiveFile {
 public:
  /// `fleet` null: a run in this process. `progress` and `fleet` must outlive this. Failing to write is no error: it is only a view.
  LiveFile(const std::string& store_folder, std::string pipeline, const Progress& progress, const cluster::Fleet* fleet);
  ~LiveFile();
  LiveFile(const LiveFile&) = delete;
  LiveFile& operator=(const LiveFile&) = delete;

 private:
  void write() const;

  std::string path_;
  std::string pipeline_;
  const Progress& progress_;
  const cluster::Fleet* fleet_;
  std::jthread thread_;
};

/// The documents of the runs that go on in a store, oldest first.
std::vector<config::Value> live_runs(const std::string& store_folder);

}  // namespace headrace::cli
